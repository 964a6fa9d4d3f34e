package simulator

import (
	"maps"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Model is the users of a tenant and what becomes of them. What a [Vendor]
// gives is called with the tenant's lock held, and calls it.
type Model struct {
	vendor   *Vendor
	clock    *Clock
	book     *Book
	settings func() Settings
	kept     []string // the keys of a native object that are not among a user's own
	users    *directory
	dues     dues
	stale    stale
	tokens   tokens
	number   uint64
}

// Now is the simulated time.
func (m *Model) Now() time.Time { return m.clock.Now() }

// User returns the user with an id; nil if there is none.
func (m *Model) User(id string) *User { return m.users.withID(id) }

// Native is the user's whole object: what is its own over what the model keeps
// over the template, as the vendor shapes it.
func (m *Model) Native(u *User) Fields {
	object := make(Fields, len(m.vendor.Template)+len(m.vendor.Attributes))
	maps.Copy(object, m.vendor.Template)
	for key, value := range m.vendor.Attributes {
		object[key] = JSON(value(u))
	}
	maps.Copy(object, u.Own)
	if m.vendor.Shape == nil {
		return object
	}
	return m.vendor.Shape(u, object)
}

// Value is what stands under a path such as "name.given", found without building
// the whole object.
func (m *Model) Value(u *User, path string) jsontext.Value {
	key, _, _ := strings.Cut(path, ".")
	if _, own := u.Own[key]; own {
		return u.Own.Path(path)
	}
	if value := m.vendor.Attributes[key]; value != nil {
		return Fields{key: JSON(value(u))}.Path(path)
	}
	return m.vendor.Template.Path(path)
}

// Knows reports whether native objects have such a key.
func (m *Model) Knows(path string) bool {
	key, _, _ := strings.Cut(path, ".")
	return m.vendor.Template[key] != nil || m.vendor.Attributes[key] != nil
}

// create makes a user from a partial native object and "password".
func (m *Model) create(native Fields) (*User, error) {
	m.number++
	u := &User{Created: m.Now(), Password: DefaultPassword, number: m.number}
	for _, key := range []string{"id", m.vendor.IDKey} {
		if !IsNull(native[key]) {
			u.ID = m.users.id(native.Text(key))
		}
	}
	if u.ID == "" {
		u.ID = m.newID()
	}
	u.Username = "user-" + u.ID[max(0, len(u.ID)-8):]
	if name := native.Text("username"); name != "" {
		u.Username = name
	}
	u.Email = u.Username + "@example.com"
	after, err := m.read(u, native, true)
	switch {
	case err != nil:
		return nil, err
	case !m.vendor.IsID(u.ID):
		return nil, Bad("%s must be an id as the provider makes them, not %q", m.vendor.IDKey, u.ID)
	case m.users.byID[u.ID] != nil:
		return nil, Bad("there is a user with the id %q already", u.ID)
	}
	m.users.add(u)
	after(u)
	return u, nil
}

// Update lays a partial native object over a user; wrong ones change nothing.
func (m *Model) Update(u *User, change Fields) error {
	draft := *u
	after, err := m.read(&draft, change, false)
	if err != nil {
		return err
	}
	old := u.names()
	*u = draft
	m.users.rename(u, old)
	after(u)
	return nil
}

// read takes what a partial native object says of a user.
func (m *Model) read(u *User, given Fields, fresh bool) (after func(u *User), err error) {
	var common struct {
		Username *string `json:"username"`
		Email    *string `json:"email"`
	}
	if err := given.Into(&common); err != nil {
		return nil, err
	}
	if common.Username != nil && *common.Username != "" {
		u.Username = *common.Username
	}
	if common.Email != nil {
		u.Email = *common.Email
	} else if given["email"] != nil {
		u.Email = ""
	}
	after = func(*User) {}
	if m.vendor.Read != nil {
		after, err = m.vendor.Read(u, given, fresh)
	}
	u.Own = given.Without(m.kept...).Over(u.Own)
	if u.Updated.IsZero() {
		u.Updated = u.Created
	}
	return after, err
}

func (m *Model) newID() string {
	for n := m.number; ; n++ {
		if id := m.vendor.NewID(n); m.users.byID[id] == nil {
			return id
		}
	}
}

// clear brings the tenant back to its beginning.
func (m *Model) clear() {
	m.users = newDirectory(m.vendor.Before, m.vendor.FoldIDs)
	m.dues, m.stale, m.number = nil, stale{}, 0
	m.tokens.revoke()
}
