package jumpcloud

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// maxSetbacks bounds how often the set may change under one walk.
const maxSetbacks = 20

// ListLocked implements connectors.LockedLister.
//
// JumpCloud pages by a skip count, and while we unlock what is listed the set shrinks
// and its rest moves up: a count would jump over accounts. So the walk goes by ID. It
// begins where `after` stood when it was handed out, or at 0, passes by the IDs up to
// `after`, and lets each page overlap the one before by a row. If the first row of a
// page is beyond the last ID seen, something before it has left the set: the walk then
// goes back, in steps that double, and reads on from there.
func (c *Connector) ListLocked(ctx context.Context, after string, limit int) (connectors.Page, error) {
	last := strings.ToLower(after)
	walk := walk{last: last, skip: c.places.of(last), limit: max(limit, 1)}
	walk.page.Accounts = []*connectors.Account{}
	for !walk.done {
		listed, err := c.client.locked(ctx, walk.skip)
		if err != nil {
			return connectors.Page{}, err
		}
		users, err := readUsers(listed.users)
		if err != nil {
			return connectors.Page{}, c.malformed(opList, err)
		}
		if err := c.take(ctx, &walk, users, listed.answer.AsOf); err != nil {
			return connectors.Page{}, err
		}
	}
	return walk.page, nil
}

// readUsers reads a page and checks that it is sorted.
func readUsers(raws []json.RawMessage) ([]user, error) {
	users := make([]user, 0, len(raws))
	for i, raw := range raws {
		read, err := readUser(raw)
		if err != nil {
			return nil, err
		}
		if i > 0 && read.id <= users[i-1].id {
			return nil, errors.New("the provider's list is not sorted by _id")
		}
		users = append(users, read)
	}
	return users, nil
}

// walk is how far a list has been read.
type walk struct {
	limit    int
	page     connectors.Page
	skip     int
	last     string // the greatest ID passed by
	first    string // the first ID of the page before
	back     int    // the step by which the walk went back last; 0 when it went on
	setbacks int
	done     bool
}

// goBack takes a step back, each twice as long as the one before: so much may have been
// unlocked that 0 must be near. However many steps it takes, it is one setback.
func (w *walk) goBack() {
	if w.back == 0 {
		w.setbacks++
		w.back = listPage / 2
	}
	w.back *= 2
	w.skip = max(w.skip-w.back, 0)
}

// take adds a page's accounts to the walk.
func (c *Connector) take(ctx context.Context, walk *walk, users []user, asOf time.Time) error {
	walk.page.Read += len(users)
	if walk.setbacks > maxSetbacks {
		return c.client.Fail(opList, connectors.Conflict, "the list of locked accounts changes faster than it can be read; try again")
	}
	if walk.skip > 0 && (len(users) == 0 || users[0].id > walk.last) {
		walk.goBack()
		return nil
	}
	walk.back = 0
	for i := range users {
		// The search may lag behind: what it lists may be unlocked by now.
		if users[i].id <= walk.last || !users[i].locked {
			continue
		}
		policy, err := c.policies.of(ctx, opList, &users[i])
		if err != nil {
			return err
		}
		account := users[i].account(policy, asOf)
		walk.page.Accounts = append(walk.page.Accounts, account)
		if len(walk.page.Accounts) == walk.limit {
			walk.page.Next, walk.done = account.ID, true
			c.places.remember(account.ID, walk.skip+i)
			return nil
		}
	}
	// A page of the overlap alone, or none, is the end.
	if len(users) < 2 {
		walk.done = true
		return nil
	}
	// The same page again: accounts were locked before it, or the count is ignored.
	if users[0].id == walk.first {
		walk.setbacks++
	}
	walk.first = users[0].id
	walk.last = max(walk.last, users[len(users)-1].id)
	walk.skip += len(users) - 1
	return nil
}
