package openldap

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
)

// The attributes that tell a lock: https://www.openldap.org/software/man.cgi?query=slapo-ppolicy
const (
	lockedTime     = "pwdAccountLockedTime"
	failureTime    = "pwdFailureTime"
	policySubentry = "pwdPolicySubentry"
)

// lockAttributes are what the password policy overlay keeps of an entry, without pwdHistory,
// which holds hashes; operational are all that are returned only by name.
var (
	lockAttributes = []string{
		lockedTime, failureTime, policySubentry, "pwdChangedTime", "pwdReset", "pwdGraceUseTime", "pwdStartTime", "pwdEndTime", "pwdLastSuccess",
	}
	operational = append([]string{"entryUUID", "memberOf", "createTimestamp", "modifyTimestamp"}, lockAttributes...)
)

// lockedForEver is how an administrator locks; no other value means it.
const lockedForEver = "000001010000Z"

// grace is how far the server's clock, which it does not tell, may be from ours.
const grace = time.Minute

// account maps an entry. hidden says that the bind account may not read what tells a lock.
func (d *driver) account(ctx context.Context, operation string, entry *ldap.Entry, hidden bool) (*connectors.Account, error) {
	account := d.Named(entry)
	account.Evidence = evidence(entry)
	state := connectors.State{Locks: []connectors.Lock{}, Privileged: d.Privileged.Hold(ctx, operation, entry)}
	rules, err := d.policyOf(ctx, operation, entry)
	if connectors.KindOf(err) == connectors.PermissionDenied {
		rules, hidden = &unknownPolicy, true
	} else if err != nil {
		return nil, err
	}
	if hidden {
		state.Unread = []connectors.Unread{{Layer: connectors.LayerAccount, Kind: connectors.PermissionDenied}}
	}
	now := d.Now()
	if lock := lockOf(entry, rules, now); lock != nil {
		state.Locks = append(state.Locks, *lock)
	}
	state.AccountExpired = rules.accountExpired(entry, now)
	state.PasswordExpired = rules.passwordExpired(entry, now)
	state.CanSignIn = state.SignInAnswer()
	account.State = state
	return account, nil
}

// evidence is what the entry keeps of failures; nil where it keeps none, or may not be read.
func evidence(entry *ldap.Entry) []connectors.Evidence {
	if entry == nil {
		return nil
	}
	kept := connectors.Evidence{}
	for _, value := range entry.GetEqualFoldAttributeValues(failureTime) {
		kept.Failures++
		if moment, err := ldapcall.ParseTime(value); err == nil {
			kept.Times = append(kept.Times, moment)
		}
	}
	if kept.Failures == 0 {
		return nil
	}
	slices.SortFunc(kept.Times, time.Time.Compare)
	return []connectors.Evidence{kept}
}

// lockOf is the lock that stands in an entry and still holds; nil for none.
func lockOf(entry *ldap.Entry, rules *policy, now time.Time) *connectors.Lock {
	stamp := entry.GetEqualFoldAttributeValue(lockedTime)
	if stamp == "" || !rules.locks {
		return nil
	}
	lock := &connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonUnknown}
	if stamp == lockedForEver {
		lock.Reason, lock.ReasonInferred = connectors.ReasonAdmin, true
	}
	since, err := ldapcall.ParseTime(stamp)
	if err != nil || since.Unix() == 0 { // which the server reads as the beginning of time, and never ends
		lock.Permanent = true
		return lock
	}
	lock.Since = &since
	if failed := failedAt(entry, since); failed {
		lock.Reason, lock.ReasonInferred = connectors.ReasonFailedSignIn, true
	} else if since.After(now.Add(grace)) {
		return nil // The server lets in until then.
	}
	switch {
	case !rules.known:
	case rules.lockoutDuration == 0:
		lock.Permanent = true
	default:
		until := since.Add(rules.lockoutDuration)
		if now.After(until.Add(grace)) {
			return nil
		}
		lock.Until = &until
	}
	return lock
}

// failedAt reports whether a sign-in failed at that second, as one did that locked.
func failedAt(entry *ldap.Entry, second time.Time) bool {
	return slices.ContainsFunc(entry.GetEqualFoldAttributeValues(failureTime), func(value string) bool {
		moment, err := ldapcall.ParseTime(value)
		return err == nil && moment.Truncate(time.Second).Equal(second)
	})
}

// policy is what is needed of a password policy.
type policy struct {
	// known is false where no policy is told: then any lock may hold.
	known, locks, mustChange         bool
	lockoutDuration, maxAge, maxIdle time.Duration
	graceLogins                      int
}

var unknownPolicy = policy{locks: true}

// policyOf returns the policy that the server applies to an entry.
func (d *driver) policyOf(ctx context.Context, operation string, entry *ldap.Entry) (*policy, error) {
	dn := entry.GetEqualFoldAttributeValue(policySubentry)
	if dn == "" {
		dn = d.config.DefaultPolicyDN
	}
	if dn == "" {
		return &unknownPolicy, nil
	}
	return d.policies.Get(strings.ToLower(dn), func() (*policy, error) {
		found, err := d.One(ctx, operation, ldapcall.Search{Base: dn, Entry: true, Filter: "(objectClass=*)", Attributes: []string{
			"pwdLockout", "pwdLockoutDuration", "pwdMaxAge", "pwdMaxIdle", "pwdMustChange", "pwdGraceAuthNLimit", "pwdAttribute",
		}})
		if connectors.KindOf(err) == connectors.NotFound {
			err = nil
		}
		if err != nil {
			return nil, err
		}
		// Every policy has a pwdAttribute: one without was not read.
		if found == nil || found.GetEqualFoldAttributeValue("pwdAttribute") == "" {
			return nil, d.Fail(operation, connectors.PermissionDenied, "the bind account may not read a user's password policy; grant it")
		}
		return readPolicy(found), nil
	})
}

func readPolicy(entry *ldap.Entry) *policy {
	count := func(name string) int {
		value, _ := strconv.Atoi(entry.GetEqualFoldAttributeValue(name))
		return max(value, 0)
	}
	seconds := func(name string) time.Duration { return time.Duration(count(name)) * time.Second }
	return &policy{
		known: true, locks: entry.GetEqualFoldAttributeValue("pwdLockout") == "TRUE", mustChange: entry.GetEqualFoldAttributeValue("pwdMustChange") == "TRUE",
		lockoutDuration: seconds("pwdLockoutDuration"), maxAge: seconds("pwdMaxAge"), maxIdle: seconds("pwdMaxIdle"), graceLogins: count("pwdGraceAuthNLimit"),
	}
}

// accountExpired reports whether the account is outside its time, or was unused for too long.
func (p *policy) accountExpired(entry *ldap.Entry, now time.Time) bool {
	start, end, last := ldapcall.TimeOf(entry, "pwdStartTime"), ldapcall.TimeOf(entry, "pwdEndTime"), ldapcall.TimeOf(entry, "pwdLastSuccess")
	return start.After(now) || !end.IsZero() && !end.After(now) || p.maxIdle > 0 && !last.IsZero() && last.Add(p.maxIdle).Before(now)
}

// passwordExpired reports whether the password must be changed before anything else.
func (p *policy) passwordExpired(entry *ldap.Entry, now time.Time) bool {
	if p.mustChange && entry.GetEqualFoldAttributeValue("pwdReset") == "TRUE" {
		return true
	}
	changed := ldapcall.TimeOf(entry, "pwdChangedTime")
	return p.maxAge > 0 && !changed.IsZero() && changed.Add(p.maxAge).Before(now) && len(entry.GetEqualFoldAttributeValues("pwdGraceUseTime")) >= p.graceLogins
}
