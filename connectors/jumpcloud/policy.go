package jumpcloud

import (
	"context"
	"sync"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

// How long an organization's policy is kept, and how long a failure to read it.
const (
	policyKept  = 10 * time.Minute
	failureKept = time.Minute
)

// longestLockout is the longest lockout that is believed; 90 minutes is documented.
const longestLockout = 365 * 24 * time.Hour

// policy is what is known of how an organization locks accounts.
type policy struct {
	// read says that the organization's settings were read.
	read bool
	// attempts is how many failed sign-ins lock an account; zero when none do.
	attempts int64
	// limitKnown says that attempts was told.
	limitKnown bool
	// lockout is how long a lock stands, permanent that it stands until somebody unlocks the
	// account; neither when that is not known.
	lockout   time.Duration
	permanent bool
}

// readPolicy reads an organization's settings; what they do not tell is not known.
func readPolicy(organization httpcall.Object) policy {
	settings, _, _ := httpcall.Get[httpcall.Object](organization, "settings")
	told, _, _ := httpcall.Get[httpcall.Object](settings, "passwordPolicy")
	read := policy{read: true}
	locks, locksTold, _ := httpcall.Get[bool](told, "enableMaxLoginAttempts")
	attempts, _, _ := httpcall.Get[int64](told, "maxLoginAttempts")
	if locks && attempts > 0 {
		read.attempts = attempts
	}
	read.limitKnown = locksTold && (!locks || attempts > 0)
	ends, endsTold, _ := httpcall.Get[bool](told, "enableLockoutTimeInSeconds")
	seconds, _, _ := httpcall.Get[int64](told, "lockoutTimeInSeconds")
	read.permanent = endsTold && !ends
	if ends && seconds > 0 && seconds <= int64(longestLockout/time.Second) {
		read.lockout = time.Duration(seconds) * time.Second
	}
	return read
}

// reason infers why a locked account was locked, which the user object does not say. Only a
// count of failures that has reached the limit tells of failed sign-ins; what has expired
// is the reason only where the count is known to be below it.
func (p policy) reason(locked *user) connectors.Reason {
	switch {
	case p.attempts > 0 && locked.badAttempts >= p.attempts:
		return connectors.ReasonFailedSignIn
	case locked.expired && (locked.badAttempts == 0 || p.limitKnown && locked.badAttempts > 0):
		return connectors.ReasonExpired
	default:
		return connectors.ReasonUnknown
	}
}

// lock is the lock of a locked account.
func (p policy) lock(locked *user) connectors.Lock {
	reason := p.reason(locked)
	lock := connectors.Lock{
		Layer: connectors.LayerAccount, Reason: reason, ReasonInferred: reason != connectors.ReasonUnknown,
		Since: locked.lockedSince, Permanent: p.permanent,
	}
	if p.lockout > 0 && lock.Since != nil {
		until := lock.Since.Add(p.lockout)
		lock.Until = &until
	}
	return lock
}

// policies reads the policy of the organization, and keeps it for a while.
type policies struct {
	client *client
	// attempts is the configured limit; zero takes the organization's.
	attempts int64

	mu           sync.Mutex
	organization string
	kept         policy
	until        time.Time
}

// of returns the policy by which the account is locked; nothing is asked where it is not. A
// failure that may pass fails; after one that will not, nothing is known. A policy changes
// rarely, so that the last one that was read, or what is configured, is better than either.
func (p *policies) of(ctx context.Context, operation string, read *user) (policy, error) {
	if !read.locked {
		return policy{}, nil
	}
	found, err := p.ask(ctx, operation, read.organization)
	if p.attempts > 0 {
		found.attempts, found.limitKnown = p.attempts, true
	}
	return found, err
}

func (p *policies) ask(ctx context.Context, operation, organization string) (policy, error) {
	if organization == "" {
		organization = p.client.orgID
	}
	if !idShape.MatchString(organization) {
		return policy{}, nil
	}
	now := p.client.Now()
	last, until := p.last(organization)
	if now.Before(until) {
		return last, nil
	}
	found, err := p.client.policy(ctx, operation, organization)
	kept := policyKept
	if err != nil {
		if kind := connectors.KindOf(err); !last.read && p.attempts == 0 && connectors.Retryable(err) && kind != connectors.MalformedResponse {
			return policy{}, err
		}
		found, kept = last, failureKept
	}
	if ctx.Err() == nil {
		p.remember(organization, found, now.Add(kept))
	}
	return found, nil
}

// last is the policy that was last known of the organization, and until when it is kept.
func (p *policies) last(organization string) (policy, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.organization != organization {
		return policy{}, time.Time{}
	}
	return p.kept, p.until
}

// remember keeps the last organization only: a credential works in one.
func (p *policies) remember(organization string, kept policy, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.organization, p.kept, p.until = organization, kept, until
}
