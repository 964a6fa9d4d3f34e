package simulator

import (
	"slices"
	"sort"
)

// Filter is what all matches of a list have; the zero value asks for everybody.
type Filter struct {
	// Holds decides about one user; nil holds for everybody.
	Holds func(u *User) bool
	// Name is an id, username or address that every match has; "" if none is
	// known. It saves walking over everybody.
	Name   string
	Locked bool // only those whom a lock holds
}

// And is the filter whose matches are those of both.
func (f Filter) And(g Filter) Filter {
	both := Filter{Holds: f.Holds, Name: f.Name, Locked: f.Locked || g.Locked}
	if both.Name == "" {
		both.Name = g.Name
	}
	if both.Holds == nil {
		both.Holds = g.Holds
	} else if g.Holds != nil {
		both.Holds = func(u *User) bool { return f.Holds(u) && g.Holds(u) }
	}
	return both
}

// All is the filter whose matches are those of each.
func All(filters ...Filter) (all Filter) {
	for _, each := range filters {
		all = all.And(each)
	}
	return all
}

// Either is the filter whose matches are those of any choice; of none, nobody is a match.
func Either(choices ...Filter) Filter {
	if len(choices) == 1 {
		return choices[0]
	}
	return Filter{Holds: func(u *User) bool {
		return slices.ContainsFunc(choices, func(f Filter) bool { return f.matches(u) })
	}}
}

// matches decides without what saves walking.
func (f Filter) matches(u *User) bool {
	return (!f.Locked || u.Locked()) && (f.Holds == nil || f.Holds(u))
}

// Query is what a list asks for.
type Query struct {
	Filter
	// Order is nil for the tenant's own.
	Order       func(a, b *User) int
	After       uint64 // a Page's Next, where the tenant's order is that of creation
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
func (m *Model) Find(q Query) Page {
	users, view := m.users.order, m.stale.reader(m.Now())
	switch {
	case q.Name != "":
		users = m.users.named(q.Name)
	case q.Locked && len(m.stale.views) == 0:
		users, q.Locked = m.users.locked, false
	}
	if q.Locked || q.Name != "" || q.Holds != nil || q.Order != nil {
		users, view = m.seen(users, view, q), func(u *User) *User { return u }
	}
	start := 0
	if q.After > 0 {
		start = sort.Search(len(users), func(i int) bool { return users[i].number > q.After })
	}
	rest := users[min(start+q.Skip, len(users)):]
	page := Page{Total: len(users), Users: make([]*User, min(q.Limit, len(rest)))}
	for i := range page.Users {
		page.Users[i] = view(rest[i])
	}
	if n := len(page.Users); n > 0 && len(rest) > n {
		page.Next = page.Users[n-1].number
	}
	return page
}

// seen are those who match, as readers see them, in order.
func (m *Model) seen(users []*User, view func(*User) *User, q Query) []*User {
	var out []*User
	for _, u := range users {
		if u = view(u); q.matches(u) {
			out = append(out, u)
		}
	}
	if q.Order == nil && q.Name != "" {
		q.Order = func(a, b *User) int {
			if m.users.before(a, b) {
				return -1
			}
			return 1
		}
	}
	if q.Order != nil {
		slices.SortStableFunc(out, q.Order)
	}
	return out
}
