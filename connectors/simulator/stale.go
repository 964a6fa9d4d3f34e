package simulator

import "time"

// staleOrder says for how many reads, or for how long, a write stays unseen.
type staleOrder struct {
	reads int
	lasts time.Duration
}

// stale holds the users from before writes that reads do not see yet.
type stale struct{ views map[string]*staleView }

type staleView struct {
	prior *User
	reads int
	until time.Time
}

// remember keeps the user from before a write. A write to a user that is stale
// already stays hidden behind the same old state.
func (s *stale) remember(prior User, order *staleOrder, now time.Time) {
	if order == nil {
		return
	}
	if s.views == nil {
		s.views = map[string]*staleView{}
	}
	view := s.views[prior.ID]
	if view == nil || view.isOver(now) { // Nobody may have read since it was over.
		view = &staleView{prior: &prior}
		s.views[prior.ID] = view
	}
	view.reads = order.reads
	if order.lasts > 0 {
		view.until = now.Add(order.lasts)
	}
}

func (v *staleView) isOver(now time.Time) bool { return v.reads <= 0 && !now.Before(v.until) }

// reader returns the look through which one read call sees users: the old state
// of those that are stale, once a call counted.
func (s *stale) reader(now time.Time) func(current *User) *User {
	seen := map[string]bool{}
	return func(current *User) *User {
		view := s.views[current.ID]
		if view == nil {
			return current
		}
		if !seen[current.ID] {
			if view.isOver(now) {
				delete(s.views, current.ID)
				return current
			}
			seen[current.ID] = true
			view.reads--
		}
		return view.prior
	}
}
