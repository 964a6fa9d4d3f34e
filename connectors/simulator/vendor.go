package simulator

import "net/http"

// Vendor is what one provider's simulator gives to the kit: all that differs
// between providers. Every function but Headers is called with the tenant's
// lock held.
type Vendor[S any] struct {
	// Settings are those that a tenant begins with; Check refuses wrong ones.
	Settings S
	Check    func(settings S) error
	// Ignores tells whether parameters that a call does not know are passed over.
	Ignores func(settings S) bool
	Policy  func(settings S) Policy

	Routes []Route
	// Authenticate finds out what the caller may do, or refuses.
	Authenticate func(r *Request) *Reply
	// Type is the Content-Type of the vendor's JSON.
	Type func(r *http.Request) string
	// Error is the vendor's answer of a status; the message is "" where nothing is to be
	// said beyond it.
	Error func(status int, message string) Reply
	// Headers stand on every answer, beside Date.
	Headers func() map[string]string

	IDKey string
	// FoldIDs says that upper and lower case of an ID mean the same: it is kept in lower case.
	FoldIDs bool
	NewID   func(number uint64) string
	IsID    func(text string) bool
	// Before orders users; nil for the order of creation.
	Before func(a, b *User) bool
	// Template is what every user has until told otherwise, and Attributes, sorted by key,
	// what stands in fields of its own. Aside are further keys that are no user's own.
	Template   Fields
	Attributes []Attribute
	Aside      []string
	// Read takes what the vendor's own keys say of a user, a fresh one or one that is
	// changed. What it returns is done when all of it was right.
	Read func(u *User, p *Parts, fresh bool) (after func(u *User))
	// Shape leaves out what an object does not show; the object is its own to change.
	Shape func(u *User, object Fields) Fields
	// Populated are the own fields of one of many users.
	Populated func(name string, number int) Fields

	// Barred says why a sign-in is refused whatever the password, Hindered why the
	// right one is not enough; "" for no reason.
	Barred, Hindered func(u *User) string
	// Unlock unlocks as the vendor's call for it does.
	Unlock func(u *User, cause string)
	// Suspend and Unsuspend are the vendor's words for these actions.
	Suspend, Unsuspend string
	// Actions are those that not every vendor has; each gets its arguments as JSON.
	Actions map[string]Action
}

// Action is something that is done to a user.
type Action func(u *User, args []byte) error
