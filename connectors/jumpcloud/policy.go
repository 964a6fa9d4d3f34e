package jumpcloud

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
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
	// attempts is how many failed sign-ins lock an account, zero when none do; limitKnown
	// says that it was told.
	attempts   int64
	limitKnown bool
	// lockout is how long a lock stands, permanent that it stands until somebody unlocks the
	// account; neither when that is not known.
	lockout   time.Duration
	permanent bool
}

// readPolicy reads an organization's settings; what they do not tell is not known. An object
// without a password policy is no organization's, and says nothing.
func readPolicy(organization []byte) (policy, error) {
	var told struct {
		Settings httpcall.Loose[struct {
			Policy httpcall.Loose[*struct {
				Locks    httpcall.Loose[*bool] `json:"enableMaxLoginAttempts"`
				Attempts httpcall.Loose[int64] `json:"maxLoginAttempts"`
				Ends     httpcall.Loose[*bool] `json:"enableLockoutTimeInSeconds"`
				Seconds  httpcall.Loose[int64] `json:"lockoutTimeInSeconds"`
			}] `json:"passwordPolicy"`
		}] `json:"settings"`
	}
	if err := httpcall.Decode(organization, &told); err != nil {
		return policy{}, err
	}
	settings := told.Settings.Value.Policy.Value
	if settings == nil {
		return policy{}, errors.New("an organization has no settings.passwordPolicy")
	}
	locks, ends := settings.Locks.Value, settings.Ends.Value
	attempts, seconds := settings.Attempts.Value, settings.Seconds.Value
	read := policy{read: true, permanent: ends != nil && !*ends, limitKnown: locks != nil && (!*locks || attempts > 0)}
	if locks != nil && *locks && attempts > 0 {
		read.attempts = attempts
	}
	if ends != nil && *ends && seconds > 0 && seconds <= int64(longestLockout/time.Second) {
		read.lockout = time.Duration(seconds) * time.Second
	}
	return read, nil
}

// policy reads how an organization locks accounts. No call about organizations takes the
// header x-org-id: https://docs.jumpcloud.com/api/1.0/index.html#operation/organization_get
func (d *driver) policy(ctx context.Context, operation, organization string) (policy, error) {
	request := d.request(operation, http.MethodGet, nil, "organizations", organization)
	request.Header.Del("x-org-id")
	answer, err := d.Do(ctx, request)
	if err != nil {
		return policy{}, err
	}
	read, err := readPolicy(answer.Body)
	if err != nil {
		return policy{}, d.Malformed(operation, err)
	}
	return read, nil
}

// lock is the lock of a locked account. Its reason, which the user object does not say, is
// inferred: only a count of failures that has reached the limit tells of failed sign-ins; what
// has expired is the reason only where the count is known to be below it.
func (p policy) lock(of *user) connectors.Lock {
	lock := connectors.Lock{
		Layer: connectors.LayerAccount, Reason: connectors.ReasonUnknown,
		Since: httpcall.Moment(of.LockedDate.Value), Permanent: p.permanent,
	}
	attempts := of.BadAttempts.Value
	switch {
	case attempts == nil:
	case p.attempts > 0 && *attempts >= p.attempts:
		lock.Reason, lock.ReasonInferred = connectors.ReasonFailedSignIn, true
	case of.expired() && (*attempts == 0 || p.limitKnown && *attempts > 0):
		lock.Reason, lock.ReasonInferred = connectors.ReasonExpired, true
	}
	if p.lockout > 0 && lock.Since != nil {
		until := lock.Since.Add(p.lockout)
		lock.Until = &until
	}
	return lock
}

// policies keeps the policy of the organization for a while.
type policies struct {
	// attempts is the configured limit; zero takes the organization's.
	attempts int64

	mu           sync.Mutex
	organization string
	kept         policy
	until        time.Time
}

// policyOf returns the policy by which the account is locked; nothing is asked where it is
// not. A failure that may pass fails; after one that will not, nothing is known. A policy
// changes rarely, so that the last one that was read, or what is configured, is better than
// either.
func (d *driver) policyOf(ctx context.Context, operation string, read *user) (policy, error) {
	if !*read.Locked {
		return policy{}, nil
	}
	found, err := d.ask(ctx, operation, read.Organization.Value)
	if d.policies.attempts > 0 {
		found.attempts, found.limitKnown = d.policies.attempts, true
	}
	return found, err
}

func (d *driver) ask(ctx context.Context, operation, organization string) (policy, error) {
	if organization == "" {
		organization = d.orgID
	}
	if _, err := hex24.Canonical(organization); err != nil {
		return policy{}, nil //nolint:nilerr // An organization that cannot be named cannot be asked.
	}
	now := d.Now()
	last, until := d.policies.last(organization)
	if now.Before(until) {
		return last, nil
	}
	found, err := d.policy(ctx, operation, organization)
	kept := policyKept
	if err != nil {
		if kind := connectors.KindOf(err); !last.read && d.policies.attempts == 0 && connectors.Retryable(err) && kind != connectors.MalformedResponse {
			return policy{}, err
		}
		found, kept = last, failureKept
	}
	if ctx.Err() == nil {
		d.policies.keep(organization, found, now.Add(kept))
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

// keep keeps the last organization only: a credential works in one.
func (p *policies) keep(organization string, kept policy, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.organization, p.kept, p.until = organization, kept, until
}
