package jumpcloud

import (
	"cmp"
	"context"
	"errors"
	"net/http"
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
	// attempts is how many failed sign-ins lock an account, zero when none do; nil when that is
	// not known.
	attempts *int64
	// lockout is how long a lock stands, permanent that it stands until somebody unlocks the
	// account; neither when that is not known.
	lockout   time.Duration
	permanent bool
}

// organization is what is read of an organization.
type organization struct {
	Settings struct {
		Policy *struct {
			Locks    httpcall.Loose[*bool]  `json:"enableMaxLoginAttempts"`
			Attempts httpcall.Loose[*int64] `json:"maxLoginAttempts"`
			Ends     httpcall.Loose[*bool]  `json:"enableLockoutTimeInSeconds"`
			Seconds  httpcall.Loose[int64]  `json:"lockoutTimeInSeconds"`
		} `json:"passwordPolicy"`
	} `json:"settings"`
}

// Check implements httpcall.Checked. An object without a password policy is no organization's.
func (o *organization) Check() error {
	if o.Settings.Policy == nil {
		return errors.New("an organization has no settings.passwordPolicy")
	}
	return nil
}

func (o *organization) policy() policy {
	told := o.Settings.Policy
	locks, attempts, ends, seconds := told.Locks.Value, told.Attempts.Value, told.Ends.Value, told.Seconds.Value
	var read policy
	switch {
	case locks != nil && !*locks:
		read.attempts = new(int64)
	case locks != nil && attempts != nil && *attempts > 0:
		read.attempts = attempts
	}
	switch {
	case ends != nil && !*ends:
		read.permanent = true
	case ends != nil && seconds > 0 && seconds <= int64(longestLockout/time.Second):
		read.lockout = time.Duration(seconds) * time.Second
	}
	return read
}

// lock is the lock of a locked account. Its reason, which the user object does not say, is
// inferred: only a count of failures that has reached the limit tells of failed sign-ins; what
// has expired is the reason only where the count is known to be below it.
func (p policy) lock(of *user) connectors.Lock {
	lock := connectors.Lock{
		Layer: connectors.LayerAccount, Reason: connectors.ReasonUnknown,
		Since: httpcall.Moment(of.LockedDate.Value), Permanent: p.permanent,
	}
	switch failed := of.BadAttempts.Value; {
	case failed == nil:
	case p.attempts != nil && *p.attempts > 0 && *failed >= *p.attempts:
		lock.Reason, lock.ReasonInferred = connectors.ReasonFailedSignIn, true
	case of.expired() && (*failed == 0 || p.attempts != nil):
		lock.Reason, lock.ReasonInferred = connectors.ReasonExpired, true
	}
	if p.lockout > 0 && lock.Since != nil {
		until := lock.Since.Add(p.lockout)
		lock.Until = &until
	}
	return lock
}

// lastPolicy is the organization's policy as it was last read, nil where it never was. It is
// good for a while: a credential works in one organization, and a policy changes rarely.
type lastPolicy struct {
	*policy
	until time.Time
}

// policyOf returns the policy by which the account is locked; nothing is asked where it is
// not. A failure that may pass fails; after one that will not, nothing is known. The last
// policy that was read, or what is configured, is better than either.
func (d *driver) policyOf(ctx context.Context, operation string, read *user) (policy, error) {
	if !*read.Locked {
		return policy{}, nil
	}
	last, now := cmp.Or(d.last.Load(), &lastPolicy{}), d.Now()
	id := cmp.Or(read.Organization.Value, d.orgID)
	if _, err := hex24.Canonical(id); err == nil && !now.Before(last.until) { // What cannot be named cannot be asked.
		found, err := d.policy(ctx, operation, id)
		next := &lastPolicy{found, now.Add(policyKept)}
		if err != nil {
			if last.policy == nil && d.attempts == nil && connectors.Retryable(err) && connectors.KindOf(err) != connectors.MalformedResponse {
				return policy{}, err
			}
			next = &lastPolicy{last.policy, now.Add(failureKept)}
		}
		if last = next; ctx.Err() == nil {
			d.last.Store(next)
		}
	}
	var known policy
	if last.policy != nil {
		known = *last.policy
	}
	if d.attempts != nil {
		known.attempts = d.attempts
	}
	return known, nil
}

// policy reads how an organization locks accounts. No call about organizations takes the header
// x-org-id: https://docs.jumpcloud.com/api/1.0/index.html#operation/organization_get
func (d *driver) policy(ctx context.Context, operation, id string) (*policy, error) {
	request := d.Request(operation, http.MethodGet, nil, "organizations", id)
	request.Header.Del(orgHeader)
	var read organization
	if _, err := d.Read(ctx, request, &read); err != nil {
		return nil, err
	}
	found := read.policy()
	return &found, nil
}
