package simulator

import (
	"slices"
	"sort"
)

// Query is what a list asks for.
type Query struct {
	Match func(u *User) bool // nil: everybody
	// Name is an id, username or address that every match has; "" if none is
	// known. It saves walking over everybody.
	Name   string
	Locked bool // only those whom a lock holds
	// Order is nil for the tenant's own, in which only the page is kept: most
	// searches ask for it, and many users may match.
	Order       func(a, b *User) int
	After       uint64 // a Page's Next
	Skip, Limit int
}

// Page is a part of a list.
type Page struct {
	Users []*User // as readers see them now
	Total int     // how many match in all
	Next  uint64  // where the next page goes on, 0 if none follows
}

// Find returns a page. Where nothing is to be decided, those before and behind
// it are not looked at.
func (m *Model[S]) Find(q Query) Page {
	users, match := m.candidates(q)
	view := m.stale.reader(m.Now())
	start := sort.Search(len(users), func(i int) bool { return users[i].number > q.After })
	if q.After == 0 {
		start = 0
	}
	if match == nil && q.Order == nil {
		total := len(users)
		users = users[min(start+q.Skip, total):]
		page := Page{Total: total, Users: make([]*User, 0, min(q.Limit, len(users)))}
		for _, u := range users[:min(q.Limit, len(users))] {
			page.Users = append(page.Users, view(u))
		}
		return page.goesOn(len(users) > q.Limit)
	}
	page, matched := Page{}, 0 // those from start on
	for i, u := range users {
		seen := view(u)
		if match != nil && !match(seen) {
			continue
		}
		page.Total++
		if i < start {
			continue
		}
		if matched++; q.Order != nil || matched > q.Skip && matched-q.Skip <= q.Limit {
			page.Users = append(page.Users, seen)
		}
	}
	if q.Order != nil {
		slices.SortStableFunc(page.Users, q.Order)
		page.Users = page.Users[min(q.Skip, matched):]
		page.Users = page.Users[:min(q.Limit, len(page.Users))]
	}
	return page.goesOn(matched > q.Skip+q.Limit)
}

func (p Page) goesOn(more bool) Page {
	if more && len(p.Users) > 0 {
		p.Next = p.Users[len(p.Users)-1].number
	}
	return p
}

// candidates are the users among whom all matches are, in order, and what is
// still to be decided about each.
func (m *Model[S]) candidates(q Query) ([]*User, func(*User) bool) {
	users, match := m.users.order, q.Match
	if q.Name != "" {
		users = slices.Clone(m.users.named(q.Name))
		slices.SortFunc(users, func(a, b *User) int {
			if m.users.before(a, b) {
				return -1
			}
			return 1
		})
	}
	switch {
	case !q.Locked:
	case q.Name == "" && len(m.stale.views) == 0:
		users = m.users.locked
	default:
		match = func(u *User) bool { return u.Locked() && (q.Match == nil || q.Match(u)) }
	}
	return users, match
}
