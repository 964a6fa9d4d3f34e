package jumpcloud

import (
	"errors"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

const (
	// listPage is JumpCloud's largest page.
	listPage = 100
	// listShrink is how many times smaller a page is asked for that was too long.
	listShrink = 10
	// maxSetbacks bounds how often the set may change under one walk.
	maxSetbacks = 20
)

var errChanging = errors.New("the list of locked accounts changes faster than it can be read; try again")

func kindOf(err error) connectors.Kind {
	if errors.Is(err, errChanging) {
		return connectors.Conflict
	}
	return connectors.MalformedResponse
}

// walk reads a set that is paged by a skip count, sorted by ID. While it is read, what is
// unlocked leaves the set and the rest moves up: a count would jump over accounts. So each
// page overlaps the one before by a row; where its first row is beyond the last ID seen,
// something before it has left, and the walk goes back. The end is where the skip count has
// reached the total, since pages may be short, or empty, before it.
type walk struct {
	// after is the ID behind which accounts are wanted, last the greatest that was met.
	after, last string
	limit, skip int
	// met counts the rows met, stuck says that a page brought none while more were to come,
	// and short that one brought fewer than were asked for.
	met          int
	stuck, short bool
	// overlaps says that the next page begins with a row that was seen.
	overlaps bool
	back     int // the step by which the walk went back last; 0 when it went on
	setbacks int
	empty    int // empty pages in a row
	done     bool
}

// row is one row of a page: a user, or the ID, if any, of what could not be read.
type row struct {
	*user
	id string
}

// take goes on by a page, and returns its rows that are new, and how many it lacks.
func (w *walk) take(rows []row, total int64) (fresh []row, hole int, err error) {
	if w.overlaps && w.shifted(rows, total) {
		return nil, 0, w.goBack()
	}
	w.back = 0
	met := w.met
	fresh = w.pass(rows)
	left := total - int64(w.skip) - int64(len(rows))
	switch {
	case left <= 0:
		return w.end(fresh, total)
	case len(rows) == 0:
		return nil, w.leap(left), nil
	case w.met == met:
		// Accounts were locked before this page, or the count is ignored.
		w.stuck = true
		if w.setbacks++; w.setbacks > maxSetbacks {
			return nil, 0, errChanging
		}
	}
	w.empty, w.overlaps, w.short = 0, len(rows) > 1, w.short || len(rows) < w.limit
	w.skip += len(rows)
	if w.overlaps {
		w.skip--
	}
	return fresh, 0, nil
}

// shifted reports whether a page that should begin with the last row that was seen does not.
func (w *walk) shifted(rows []row, total int64) bool {
	if len(rows) == 0 {
		return int64(w.skip) >= total
	}
	return rows[0].user != nil && rows[0].ID > w.last
}

// pass notes the rows of a page, and returns those that are new.
func (w *walk) pass(rows []row) (fresh []row) {
	for i, row := range rows {
		switch {
		case row.user == nil && (i > 0 || !w.overlaps): // At the front of an overlap it was met before.
			w.met++
			fresh = append(fresh, row)
		case row.user != nil && row.ID > w.last:
			w.met++
			w.last = row.ID
			if row.ID > w.after {
				fresh = append(fresh, row)
			}
		}
	}
	return fresh
}

// end closes the walk with the last page. A short page before it may have left rows out from
// its middle.
func (w *walk) end(fresh []row, total int64) ([]row, int, error) {
	if w.stuck && int64(w.met) < total {
		return nil, 0, errChanging
	}
	w.done = true
	if w.short {
		return fresh, max(0, int(total)-w.met), nil
	}
	return fresh, 0, nil
}

// leap goes on beyond an empty page, whose rows are counted and left out, and says how many.
func (w *walk) leap(left int64) (hole int) {
	hole = int(min(left, int64(w.limit)))
	if w.empty++; w.empty == maxSetbacks {
		hole, w.done = int(left), true
	}
	w.skip, w.overlaps, w.met = w.skip+hole, false, w.met+hole
	return hole
}

// goBack takes a step back, each twice as long as the one before: so much may have been
// unlocked that 0 must be near. However many steps it takes, it is one setback.
func (w *walk) goBack() error {
	if w.back == 0 {
		w.setbacks++
		w.back = listPage / 2
	}
	if w.setbacks > maxSetbacks {
		return errChanging
	}
	w.back *= 2
	w.skip = max(w.skip-w.back, 0)
	w.overlaps = w.skip > 0
	return nil
}

// readRows reads a page and checks that it is sorted.
func readRows(raws httpcall.Rows) ([]row, error) {
	var rows []row
	last := ""
	for _, raw := range raws {
		read, err := readUser(raw)
		if err != nil || len(raw) > httpcall.MaxUser {
			rows = append(rows, row{id: idOf(raw)})
			continue
		}
		if read.ID <= last {
			return nil, errors.New("the provider's list is not sorted by _id")
		}
		last = read.ID
		rows = append(rows, row{user: read})
	}
	return rows, nil
}
