package ds389

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
)

// The attributes that tell a state.
const (
	unlockTime     = "accountUnlockTime"
	retryCount     = "passwordRetryCount"
	retryReset     = "retryCountResetTime"
	accountLock    = "nsAccountLock"
	expirationTime = "passwordExpirationTime"
)

// operational are the attributes that are returned only by name. passwordHistory holds hashes.
var operational = []string{
	"nsUniqueId", "entryUUID", unlockTime, retryCount, retryReset, accountLock, expirationTime, "passwordExpWarned", "passwordGraceUserTime",
	"passwordAllowChangeTime", "pwdPolicySubentry", "pwdUpdateTime", "nsRole", "nsRoleDN", "memberOf", "lastLoginTime", "createTimestamp", "modifyTimestamp",
}

// account maps an entry, as of the server's time; ours where that is zero. hidden says that the
// bind account may not read what tells a lock.
func (d *driver) account(ctx context.Context, operation string, entry *ldap.Entry, hidden bool, now time.Time) *connectors.Account {
	if now.IsZero() {
		now = d.Now()
	}
	account := d.Named(entry)
	account.Evidence = evidence(entry)
	state := connectors.State{Locks: []connectors.Lock{}, Privileged: d.Privileged.Hold(ctx, operation, entry)}
	if hidden {
		state.Unread = []connectors.Unread{{Layer: connectors.LayerAccount, Kind: connectors.PermissionDenied}}
	}
	if lock := d.lockOf(entry, now); lock != nil {
		state.Locks = append(state.Locks, *lock)
	}
	// It is computed for those whom a role disables.
	state.Disabled = strings.EqualFold(entry.GetEqualFoldAttributeValue(accountLock), "true")
	expires := ldapcall.TimeOf(entry, expirationTime)
	state.PasswordExpired = !expires.IsZero() && !now.Before(expires)
	state.CanSignIn = state.SignInAnswer()
	account.State = state
	return account
}

// lockOf is the lock that still holds; nil for none. Only failed sign-ins make one: whoever
// disables an account sets nsAccountLock.
func (d *driver) lockOf(entry *ldap.Entry, now time.Time) *connectors.Lock {
	until, err := ldapcall.ParseTime(entry.GetEqualFoldAttributeValue(unlockTime))
	if err != nil || retries(entry) < 1 {
		return nil
	}
	lock := &connectors.Lock{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn}
	if until.Unix() == 0 { // with passwordUnlock off
		lock.Permanent = true
		return lock
	}
	if until.Before(now) {
		return nil
	}
	lock.Until = &until
	if d.lockout > 0 {
		since := until.Add(-d.lockout)
		lock.Since = &since
	}
	return lock
}

func retries(entry *ldap.Entry) int {
	count, _ := strconv.Atoi(entry.GetEqualFoldAttributeValue(retryCount))
	return count
}

// evidence is what the entry keeps of failures, which the server counts and does not date; nil
// where it keeps none, or may not be read.
func evidence(entry *ldap.Entry) []connectors.Evidence {
	if entry == nil || retries(entry) < 1 {
		return nil
	}
	return []connectors.Evidence{{Failures: retries(entry)}}
}
