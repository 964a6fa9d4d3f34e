package simulator

import (
	"slices"
	"sort"
	"strings"
	"time"
)

// directory holds users in order and finds them by id, username and email.
type directory struct {
	before func(a, b *User) bool
	// fold says that the keys of byID are in lower case, and found in any.
	fold  bool
	order []*User
	// locked are those that a lock holds, in the same order, so that a page of
	// 50,000 takes no longer than one of few.
	locked []*User
	byID   map[string]*User
	byName map[string][]*User // names and addresses, in lower case
}

func newDirectory(before func(a, b *User) bool, fold bool) *directory {
	if before == nil {
		before = func(a, b *User) bool { return a.number < b.number }
	}
	return &directory{before: before, fold: fold, byID: map[string]*User{}, byName: map[string][]*User{}}
}

// add costs the same however many users there are, if they come in order.
func (d *directory) add(u *User) {
	d.order = d.insert(d.order, u)
	d.byID[u.ID] = u
	d.rename(u, nil)
}

func (d *directory) insert(list []*User, u *User) []*User {
	return slices.Insert(list, sort.Search(len(list), func(i int) bool { return d.before(u, list[i]) }), u)
}

// rename enters a user under its names in place of the old ones.
func (d *directory) rename(u *User, old []string) {
	for _, name := range distinct(old) {
		left := slices.DeleteFunc(slices.Clone(d.byName[name]), func(other *User) bool { return other == u })
		if d.byName[name] = left; len(left) == 0 {
			delete(d.byName, name)
		}
	}
	for _, name := range distinct(u.names()) {
		d.byName[name] = append(slices.Clip(d.byName[name]), u)
	}
}

func (d *directory) remove(u *User) {
	names := u.names()
	gone := func(other *User) bool { return other == u }
	u.Username, u.Email = "", ""
	d.rename(u, names)
	u.Username, u.Email = names[0], names[1]
	delete(d.byID, u.ID)
	d.order, d.locked = slices.DeleteFunc(d.order, gone), slices.DeleteFunc(d.locked, gone)
}

// index notes whether a lock holds the user.
func (d *directory) index(u *User) {
	at := sort.Search(len(d.locked), func(i int) bool { return !d.before(d.locked[i], u) })
	switch found := at < len(d.locked) && d.locked[at] == u; {
	case u.Locked() && !found:
		d.locked = d.insert(d.locked, u)
	case !u.Locked() && found:
		d.locked = slices.Delete(d.locked, at, at+1)
	}
}

// id is the one spelling of an ID.
func (d *directory) id(text string) string {
	if d.fold {
		return strings.ToLower(text)
	}
	return text
}

func (d *directory) withID(id string) *User { return d.byID[d.id(id)] }

// named returns the users with a name or address, whatever its case, or with the id.
func (d *directory) named(name string) []*User {
	if u := d.withID(name); u != nil {
		return []*User{u}
	}
	return d.byName[strings.ToLower(name)]
}

// ref returns the one user with an id, name or address.
func (d *directory) ref(ref string) (*User, error) {
	switch named := d.named(ref); len(named) {
	case 0:
		return nil, Missing("there is no user %q", ref)
	case 1:
		return named[0], nil
	default:
		return nil, Bad("%d users are called %q: name one by its id", len(named), ref)
	}
}

func distinct(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		if name = strings.ToLower(name); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// due is a lock with an end.
type due struct {
	at        time.Time
	id, layer string
}

// dues are locks in the order in which they end.
type dues []due

func (d *dues) add(lock due) {
	at := sort.Search(len(*d), func(i int) bool { return (*d)[i].at.After(lock.at) })
	*d = slices.Insert(*d, at, lock)
}

// next takes out the earliest lock whose end is not after now. Its owner
// decides whether the lock still stands.
func (d *dues) next(now time.Time) (due, bool) {
	if len(*d) == 0 || (*d)[0].at.After(now) {
		return due{}, false
	}
	first := (*d)[0]
	*d = (*d)[1:]
	return first, true
}
