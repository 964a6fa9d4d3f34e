package simulator

import "fmt"

// Populate orders many users at once.
type Populate struct {
	Count int `json:"count"`
	// Locked of them are locked, spread evenly; LockedBy says how: "failed_sign_in"
	// (default) or "admin".
	Locked   int    `json:"locked,omitzero"`
	LockedBy string `json:"lockedBy,omitzero"`
	// Suspended of them are suspended (JumpCloud) or disabled (PingOne), counted
	// from the first, so that they overlap with the locked.
	Suspended int `json:"suspended,omitzero"`
	// Prefix starts their usernames, followed by a number; default "user".
	Prefix string `json:"prefix,omitzero"`
	// Password is everybody's; default DefaultPassword.
	Password string `json:"password,omitzero"`
}

// DefaultPassword is the password of users made without one.
const DefaultPassword = "Correct-Horse-1"

// check completes the order with its defaults.
func (p *Populate) check() error {
	for field, otherwise := range map[*string]string{&p.Prefix: "user", &p.Password: DefaultPassword, &p.LockedBy: CauseFailedSignIn} {
		if *field == "" {
			*field = otherwise
		}
	}
	switch {
	case p.Count < 1 || p.Count > 1_000_000:
		return Bad("count must be from 1 to 1,000,000, not %d", p.Count)
	case p.Locked < 0 || p.Locked > p.Count || p.Suspended < 0 || p.Suspended > p.Count:
		return Bad("locked and suspended must be from 0 to count")
	}
	return Need(p.LockedBy == CauseFailedSignIn || p.LockedBy == CauseAdmin,
		"lockedBy must be %q or %q, not %q", CauseFailedSignIn, CauseAdmin, p.LockedBy)
}

// isLocked reports whether the i-th user (from 0) is made locked.
func (p *Populate) isLocked(i int) bool {
	return (i+1)*p.Locked/p.Count > i*p.Locked/p.Count
}

// Populated says what Populate made.
type Populated struct {
	Created int    `json:"created"`
	Locked  int    `json:"locked"`
	FirstID string `json:"firstId"`
	LastID  string `json:"lastId"`
	Users   int    `json:"users"` // how many there are now in all
}

// Populate makes many users.
func (s *Server) Populate(order Populate) (Populated, error) {
	if err := order.check(); err != nil {
		return Populated{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.Model
	out := Populated{Created: order.Count, Locked: order.Locked}
	var failures Failures
	for range m.policy().Limit {
		failures.Add(m.Now(), 0)
	}
	for i := range order.Count {
		u := m.populated(order, i)
		if order.isLocked(i) && order.LockedBy == CauseFailedSignIn {
			u.Failures = failures
			m.LockByFailures(u)
		} else if order.isLocked(i) {
			m.Lock(u, Lock{Layer: LayerAccount, Cause: order.LockedBy})
		}
		if out.LastID = u.ID; i == 0 {
			out.FirstID = u.ID
		}
	}
	out.Users = len(m.users.order)
	return out, nil
}

func (m *Model) populated(order Populate, i int) *User {
	number := len(m.users.order) + 1
	name := fmt.Sprintf("%s%06d", order.Prefix, number)
	m.number++
	u := &User{
		ID: m.newID(), Username: name, Email: name + "@example.com", Password: order.Password, Suspended: i < order.Suspended,
		Created: m.Now(), Updated: m.Now(), number: m.number,
	}
	if m.vendor.Populated != nil {
		u.Own = m.vendor.Populated(name, number)
	}
	m.users.add(u)
	return u
}
