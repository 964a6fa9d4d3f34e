// Package ds389 unlocks user accounts of 389 Directory Server (Red Hat Directory Server) that
// its password policy locks: https://docs.redhat.com/en/documentation/red_hat_directory_server/
package ds389

import (
	"context"
	_ "embed"
	"iter"
	"regexp"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
)

// Name is the word for 389 Directory Server in LATCHKEY_CONNECTIONS.
const Name = "ds389"

//go:embed fields.tsv
var table string

var fields = connectors.ParseFields(table)

// Provider describes 389 Directory Server to the registry.
func Provider() connectors.Provider {
	return connectors.Provider{
		Name: Name, Title: "389 Directory Server", Fields: fields,
		ID: connectors.ID{
			Pattern:  regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{8}){3}$`),
			FoldCase: true, Absent: "00000000-00000000-00000000-00000000",
			Description: "an nsUniqueId such as 239e188b-e9d711f1-b6f18b97-e9b2d8f0", Keys: []string{"nsUniqueId"},
		},
		NewConfig: func() connectors.Config { return NewConfig() },
	}
}

// driver speaks to one server.
type driver struct {
	*ldapcall.Users
	config  Config
	lockout time.Duration
}

var (
	_ connectors.Driver  = (*driver)(nil)
	_ connectors.Scanner = (*driver)(nil)
	_ connectors.Config  = (*Config)(nil)
)

// readable holds of entries of which the bind account may read what tells a lock. An attribute
// that it may not read looks absent, and neither holds a value nor holds none.
const readable = "(|(" + unlockTime + "=*)(!(" + unlockTime + "=*)))(|(" + retryCount + "=*)(!(" + retryCount + "=*)))(|(" + accountLock + "=*)(!(" + accountLock + "=*)))"

// Get reads one entry. What may not be read of its lock is unread.
func (d *driver) Get(ctx context.Context, id string) (*connectors.Account, error) {
	entry, hidden, err := d.Entry(ctx, connectors.OperationLookup, id, readable, append([]string{"*"}, operational...))
	if err == nil && entry == nil {
		err = d.absent(ctx, connectors.OperationLookup, "rsc")
	}
	if err != nil {
		return nil, err
	}
	now, err := d.clock(ctx, connectors.OperationLookup)
	if err != nil {
		return nil, err
	}
	account := d.account(ctx, connectors.OperationLookup, entry, hidden, now)
	account.AsOf = now
	if account.User, err = ldapcall.Object(entry, fields); err != nil {
		return nil, d.Fail(connectors.OperationLookup, connectors.MalformedResponse, "the entry cannot be written as JSON")
	}
	return account, nil
}

// clock is the server's; zero where it is not readable.
func (d *driver) clock(ctx context.Context, operation string) (time.Time, error) {
	monitor, err := d.One(ctx, operation, ldapcall.Search{Base: "cn=monitor", Entry: true, Filter: "(objectClass=*)", Attributes: []string{"currentTime"}})
	if kind := connectors.KindOf(err); kind == connectors.NotFound || kind == connectors.PermissionDenied {
		err = nil
	}
	return ldapcall.TimeOf(monitor, "currentTime"), err
}

// locks are the attributes that an unlock clears: the end of the lock alone would leave the
// failures, and the next wrong password would lock again.
var locks = []string{unlockTime, retryCount, retryReset}

var unlockResults = map[uint16]ldapcall.Result{
	ldap.LDAPResultNoSuchObject:             {Kind: connectors.Conflict, Advice: "the entry was moved or removed meanwhile; try again"},
	ldap.LDAPResultUnwillingToPerform:       {Kind: connectors.Unsupported, Advice: ldapcall.ResultOf(ldap.LDAPResultReferral).Advice},
	ldap.LDAPResultInsufficientAccessRights: {Kind: connectors.PermissionDenied, Advice: "the bind account may not write " + strings.Join(locks, ", ") + "; `connections check` shows the rule to add"},
}

// Unlock removes what locks where something may lock; nothing else is sent to a server, since
// the change would travel to all others.
func (d *driver) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	entry, hidden, err := d.Entry(ctx, connectors.OperationUnlock, account.ID, readable, locks)
	if err == nil && entry == nil {
		err = d.absent(ctx, connectors.OperationUnlock, "w")
	}
	if err != nil {
		return connectors.Unlocked{}, ldapcall.Unsent(err)
	}
	if !hidden && entry.GetEqualFoldAttributeValue(unlockTime) == "" && retries(entry) == 0 {
		at, err := d.clock(ctx, connectors.OperationUnlock)
		return connectors.Unlocked{At: at}, ldapcall.Unsent(err)
	}
	change := ldapcall.Modify{DN: entry.DN, Before: []string{retryCount}, After: []string{"modifyTimestamp"}}
	for _, attribute := range locks {
		change.Changes = append(change.Changes, ldapcall.Replace(attribute))
	}
	before, after, err := d.Modify(ctx, ldapcall.Call{Operation: connectors.OperationUnlock, Effect: true, Results: unlockResults}, change)
	if err != nil {
		return connectors.Unlocked{}, err
	}
	return connectors.Unlocked{At: ldapcall.TimeOf(after, "modifyTimestamp"), Evidence: evidence(before)}, nil
}

// scanPage is how many entries are asked for at once: a page may not be longer than the server's
// nsslapd-sizelimit, whatever the whole list is.
const scanPage = 100

// Scan walks over the entries that failures locked, and decides of each whether the lock still
// holds: the attributes outlive it.
func (d *driver) Scan(ctx context.Context, _ string) (iter.Seq2[*connectors.Account, error], bool) {
	return func(yield func(*connectors.Account, error) bool) {
		if err := d.readsLocks(ctx); err != nil {
			yield(nil, err)
			return
		}
		for entries, err := range d.Pages(ctx, connectors.OperationList, ldapcall.Search{
			Filter: "(&(" + unlockTime + "=*)(" + retryCount + ">=1))", Attributes: append(d.NameAttributes(), operational...),
		}, scanPage) {
			var now time.Time
			if err == nil {
				now, err = d.clock(ctx, connectors.OperationList)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, entry := range entries {
				account := d.account(ctx, connectors.OperationList, entry, false, now)
				account.AsOf = now
				if !yield(account, nil) {
					return
				}
			}
		}
	}, false
}
