package simulator

import (
	"net/http"
	"time"
)

// Vendor is what one provider's simulator gives to the kit: all that differs
// between providers. Its functions are called with the tenant's lock held, and may
// use its Model.
type Vendor struct {
	Routes []Route
	// Authenticate finds out what the caller may do, and refuses what it may not; a Reply
	// without a Status lets the call pass.
	Authenticate func(r *Request) Reply
	// Type is the Content-Type of the vendor's JSON; nil for application/json.
	Type func(r *http.Request) string
	// Error is the vendor's answer of a status; the message is "" where nothing is to be
	// said beyond it. It is called without the lock.
	Error func(status int, message string) Reply
	// Headers stand on every answer, beside Date; nil for none.
	Headers func() map[string]string

	IDKey string
	// FoldIDs says that upper and lower case of an ID mean the same: it is kept in lower case.
	FoldIDs bool
	NewID   func(number uint64) string
	IsID    func(text string) bool
	// Before orders users; nil for the order of creation.
	Before func(a, b *User) bool
	// Template is the default user, and Attributes what stands in
	// fields of its own (nil for null). Aside are further keys that are no user's own.
	Template   Fields
	Attributes map[string]func(u *User) any
	Aside      []string
	// Read takes what the vendor's own keys say of a user, a fresh one or one that is
	// changed. What it returns is done when all of it was right. Nil where there are none.
	Read func(u *User, given Fields, fresh bool) (after func(u *User), err error)
	// Shape takes from an object, or adds to it, what differs from user to user; nil for nothing.
	Shape func(u *User, object Fields) Fields
	// Populated are the own fields of one of many users; nil for none.
	Populated func(name string, number int) Fields

	// Barred says why a sign-in is refused whatever the password, Hindered why the
	// right one is not enough; "" for no reason, nil where there are none.
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

// Settings are a tenant's policies, and the switches for what no source settles.
type Settings interface {
	// Check refuses wrong ones.
	Check() error
	Policy() Policy
	// Ignores reports whether unknown parameters and filters are ignored.
	Ignores() bool
}

// Policy is what failed sign-ins do.
type Policy struct {
	Layer    string // that they lock
	Off      bool
	Limit    int           // the failure with this number locks
	Window   time.Duration // 0: failures count for ever
	Duration time.Duration // 0: until somebody unlocks
}
