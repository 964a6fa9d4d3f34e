package jumpcloud

import (
	"context"
	"sync"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// How long the organization's limit is kept, and how long a failure to read it.
const (
	limitKept   = 10 * time.Minute
	failureKept = time.Minute
)

// reasons infers why accounts were locked, which the user object does not say: only a
// count of failures that has reached the organization's limit tells of failed sign-ins.
type reasons struct {
	client *client
	// fixed is the configured limit; zero asks the organization.
	fixed int64

	mu           sync.Mutex
	organization string
	limit        int64
	until        time.Time
}

// of never fails: what cannot be learnt is unknown.
func (r *reasons) of(ctx context.Context, read *user) connectors.Reason {
	if !read.locked || read.badAttempts <= 0 {
		return connectors.ReasonUnknown
	}
	limit := r.fixed
	if limit == 0 {
		limit = r.ask(ctx, read.organization)
	}
	if limit > 0 && read.badAttempts >= limit {
		return connectors.ReasonFailedSignIn
	}
	return connectors.ReasonUnknown
}

// ask returns the organization's limit, or zero when it has none or cannot be read.
func (r *reasons) ask(ctx context.Context, organization string) int64 {
	if organization == "" {
		organization = r.client.orgID
	}
	if !idShape.MatchString(organization) {
		return 0
	}
	now := r.client.Now()
	if limit, kept := r.recall(organization, now); kept {
		return limit
	}
	limit, err := r.client.attemptLimit(ctx, organization)
	kept := limitKept
	if err != nil {
		// A limit changes rarely: the last one that was read is better than none.
		limit, kept = r.last(organization), failureKept
	}
	if ctx.Err() == nil {
		r.remember(organization, limit, now.Add(kept))
	}
	return limit
}

func (r *reasons) recall(organization string, now time.Time) (int64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.limit, r.organization == organization && now.Before(r.until)
}

// last is the limit that was last known of the organization, however old; or zero.
func (r *reasons) last(organization string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.organization != organization {
		return 0
	}
	return r.limit
}

// remember keeps the last organization only: a credential works in one.
func (r *reasons) remember(organization string, limit int64, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.organization, r.limit, r.until = organization, limit, until
}
