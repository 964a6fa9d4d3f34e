package jumpcloud

import (
	"context"
	"iter"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

const (
	// listPage is JumpCloud's largest page.
	listPage = 100
	// maxSetbacks bounds how often the set may change under one walk, and how many pages in a
	// row may hold nothing that can be read.
	maxSetbacks = 20
)

// Scan walks over the locked users in the order of their IDs.
func (d *driver) Scan(ctx context.Context, _ string) (iter.Seq2[*connectors.Account, error], bool) {
	return func(yield func(*connectors.Account, error) bool) {
		walk := walk{driver: d, PageSize: httpcall.PageSize{Limit: listPage}}
		for !walk.done {
			found, err := d.search(ctx, connectors.OperationList, map[string]any{
				"filter": []any{map[string]bool{"account_locked": true}},
				"limit":  walk.Limit, "skip": walk.skip, "sort": "_id",
			})
			if walk.Shrink(err) {
				continue
			}
			var fresh []row
			if err == nil {
				fresh, err = walk.take(found)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range fresh {
				var account *connectors.Account
				policy, err := policy{}, row.gap
				if err == nil {
					policy, err = d.policyOf(ctx, connectors.OperationList, row.user)
				}
				if err == nil {
					account = row.account(policy, found.asOf)
				}
				if !yield(account, err) {
					return
				}
			}
		}
	}, true
}

// row is one row of a page: a user, or the gap in its place.
type row struct {
	*user
	gap error
}

// walk reads a set that is paged by a skip count, sorted by ID. While it is read, what is
// unlocked leaves the set and the rest moves up: a count would jump over accounts. So each
// page overlaps the one before by a row; where its first row is beyond the last ID seen,
// something before it has left, and the walk goes back. The end is where the skip count has
// reached the total, since pages may be short, or empty, before it.
type walk struct {
	*driver
	httpcall.PageSize
	// last is the greatest ID that was met.
	last string
	skip int
	// met counts the rows met, empty the pages in a row without one that could be read.
	met, empty int
	// overlaps says that the next page begins with a row that was seen, short that a page brought
	// fewer rows than it should, and stuck that one brought none that was new.
	overlaps, short, stuck bool
	back                   int // the step by which the walk went back last; 0 when it went on
	setbacks               int
	done                   bool
}

// take goes on by a page, and returns its rows that are new.
func (w *walk) take(found page) ([]row, error) {
	count, total := len(found.Results), *found.Total
	rows, users, err := w.read(found.Results)
	if err != nil {
		return nil, err
	}
	if w.overlaps && w.shifted(rows, total) {
		return nil, w.goBack()
	}
	w.back = 0
	fresh := w.pass(rows)
	w.met += len(fresh)
	w.short = w.short || count < min(w.Limit, total-w.skip)
	w.skip += count
	if count == 0 { // Its rows are counted and left out.
		w.skip += w.Limit
	}
	if w.empty++; users > 0 {
		w.empty = 0
	}
	w.overlaps = count > 1
	switch {
	case w.skip >= total || w.empty == maxSetbacks:
		return w.end(fresh, total)
	case count > 0 && len(fresh) == 0: // Accounts were locked before this page, or the skip count is ignored.
		w.stuck = w.stuck || w.overlaps
		if w.setbacks++; w.setbacks > maxSetbacks {
			return nil, w.changing()
		}
	}
	if w.overlaps {
		w.skip--
	}
	return fresh, nil
}

// read reads the rows of a page, which must be sorted, and counts those that could be read.
func (w *walk) read(raws httpcall.Rows) (rows []row, users int, err error) {
	last := ""
	for _, raw := range raws {
		var read user
		if gap := httpcall.Row(raw, "_id", &read); gap != nil {
			rows = append(rows, row{gap: gap})
			continue
		}
		rows = append(rows, row{user: &read})
		if read.ID <= last {
			return nil, 0, w.Fail(connectors.OperationList, connectors.MalformedResponse, "the provider's list is not sorted by _id")
		}
		last = read.ID
		users++
	}
	return rows, users, nil
}

// shifted reports whether a page that should begin with the last row that was seen does not.
func (w *walk) shifted(rows []row, total int) bool {
	if len(rows) == 0 {
		return w.skip >= total
	}
	return rows[0].gap == nil && rows[0].ID > w.last
}

// pass returns the rows that are new. A gap at the front of an overlap was met before.
func (w *walk) pass(rows []row) (fresh []row) {
	for i, row := range rows {
		switch {
		case row.gap != nil && (i > 0 || !w.overlaps):
			fresh = append(fresh, row)
		case row.gap == nil && row.ID > w.last:
			fresh, w.last = append(fresh, row), row.ID
		}
	}
	return fresh
}

// end closes the walk with the last page, and a gap for what short pages left out.
func (w *walk) end(fresh []row, total int) ([]row, error) {
	missing := total - w.met
	if w.stuck && missing > 0 {
		return nil, w.changing()
	}
	if w.done = true; w.short && missing > 0 {
		fresh = append(fresh, row{gap: &connectors.Gap{Rows: missing}})
	}
	return fresh, nil
}

// goBack takes a step back, each twice as long as the one before: so much may have been
// unlocked that 0 must be near. However many steps it takes, it is one setback.
func (w *walk) goBack() error {
	if w.back == 0 {
		w.setbacks++
		w.back = listPage / 2
	}
	if w.setbacks > maxSetbacks {
		return w.changing()
	}
	w.back *= 2
	w.skip = max(w.skip-w.back, 0)
	w.overlaps = w.skip > 0
	return nil
}

func (w *walk) changing() error {
	return w.Fail(connectors.OperationList, connectors.Conflict, "the list of locked accounts changes faster than it can be read; try again")
}
