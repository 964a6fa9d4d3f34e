package simulator

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Model is the users of a tenant and what becomes of them. What a [Vendor]
// gives is called with the tenant's lock held, and calls it.
type Model[S any] struct {
	vendor   Vendor[S]
	clock    *Clock
	book     *Book
	kept     []string // the keys of a native object that are not among a user's own
	settings S
	users    *directory
	dues     dues
	stale    stale
	tokens   tokens
	number   uint64
}

// Attribute is a key of the native object that is not kept as JSON.
type Attribute struct {
	Key   string
	Value func(u *User) any // nil for null
}

// Now is the simulated time.
func (m *Model[S]) Now() time.Time { return m.clock.Now() }

// Settings are those in force.
func (m *Model[S]) Settings() S { return m.settings }

// User returns the user with an id; nil if there is none.
func (m *Model[S]) User(id string) *User { return m.users.withID(id) }

// Seen is the user as a read sees it.
func (m *Model[S]) Seen(u *User) *User { return m.stale.reader(m.Now())(u) }

// Write does something to a user in a call, which reads may be ordered not to see yet.
func (m *Model[S]) Write(ctx context.Context, u *User, do func() error) error {
	prior := *u
	err := do()
	if err == nil {
		order, _ := ctx.Value(staleKey{}).(*staleOrder)
		m.stale.remember(prior, order, m.Now())
	}
	return err
}

// Native is the user's whole object: what is its own over what the model keeps
// over the template, less what the vendor leaves out.
func (m *Model[S]) Native(u *User) Fields {
	kept := make(Fields, len(m.vendor.Attributes))
	for i, attribute := range m.vendor.Attributes {
		kept[i] = Field{Key: attribute.Key, Value: JSON(attribute.Value(u))}
	}
	return m.vendor.Shape(u, u.Own.Over(kept.Over(m.vendor.Template)))
}

// Value is what stands under a path such as "name.given", told without building
// the whole object.
func (m *Model[S]) Value(u *User, path string) json.RawMessage {
	key, _, _ := strings.Cut(path, ".")
	from := m.vendor.Template
	if _, own := u.Own.find(key); own {
		from = u.Own
	} else if attribute := m.attribute(key); attribute != nil {
		from = Fields{{Key: key, Value: JSON(attribute.Value(u))}}
	}
	value, _ := from.Path(path)
	return value
}

// Knows tells whether native objects have such a key.
func (m *Model[S]) Knows(path string) bool {
	key, _, _ := strings.Cut(path, ".")
	_, known := m.vendor.Template.find(key)
	return known || m.attribute(key) != nil
}

func (m *Model[S]) attribute(key string) *Attribute {
	at := slices.IndexFunc(m.vendor.Attributes, func(a Attribute) bool { return a.Key == key })
	if at < 0 {
		return nil
	}
	return &m.vendor.Attributes[at]
}

// create makes a user from a partial native object and "password".
func (m *Model[S]) create(native Fields) (*User, error) {
	u := &User{Created: m.Now(), Password: DefaultPassword}
	m.number++
	u.number = m.number
	p := NewParts(native)
	if u.ID = m.users.id(p.Text(m.vendor.IDKey, p.Text("id", ""))); u.ID == "" {
		u.ID = m.newID()
	}
	if u.Username = p.Text("username", ""); u.Username == "" {
		u.Username = "user-" + u.ID[max(0, len(u.ID)-8):]
	}
	u.Email = u.Username + "@example.com"
	after := m.read(u, p, true)
	switch err := p.Err(); {
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
func (m *Model[S]) Update(u *User, change Fields) error {
	p, draft := NewParts(change), *u
	after := m.read(&draft, p, false)
	if err := p.Err(); err != nil {
		return err
	}
	old := u.names()
	*u = draft
	m.users.rename(u, old)
	after(u)
	return nil
}

// read takes what a partial native object says of a user.
func (m *Model[S]) read(u *User, p *Parts, fresh bool) (after func(u *User)) {
	u.Username = p.Text("username", u.Username)
	if u.Email = p.Text("email", u.Email); p.IsNull("email") {
		u.Email = ""
	}
	after = m.vendor.Read(u, p, fresh)
	u.Own = p.Fields.Without(m.kept...).Over(u.Own)
	if u.Updated.IsZero() {
		u.Updated = u.Created
	}
	return after
}

func (m *Model[S]) newID() string {
	for n := m.number; ; n++ {
		if id := m.vendor.NewID(n); m.users.byID[id] == nil {
			return id
		}
	}
}

// clear brings the tenant back to its beginning.
func (m *Model[S]) clear() {
	m.settings = m.vendor.Settings
	m.users = newDirectory(m.vendor.Before, m.vendor.FoldIDs)
	m.dues, m.stale, m.number = nil, stale{}, 0
	m.tokens.revoke()
}
