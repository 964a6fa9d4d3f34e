// Package openldap unlocks user accounts of OpenLDAP directories that the password policy
// overlay locks: https://www.openldap.org/doc/admin25/overlays.html#Password%20Policies
package openldap

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
)

// Name is the word for OpenLDAP in LATCHKEY_CONNECTIONS.
const Name = "openldap"

//go:embed fields.tsv
var table string

var fields = connectors.ParseFields(table)

// Provider describes OpenLDAP to the registry.
func Provider() connectors.Provider {
	return connectors.Provider{
		Name: Name, Title: "OpenLDAP", Fields: fields,
		ID: connectors.ID{
			Pattern:  regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
			FoldCase: true, Absent: "ffffffff-ffff-ffff-ffff-ffffffffffff", Description: "an entryUUID such as 4dddd15a-7e1b-1041-8978-8da7000cf0bf",
			Keys: []string{"entryUUID"},
		},
		NewConfig: func() connectors.Config { return NewConfig() },
	}
}

// driver speaks to one server.
type driver struct {
	*ldapcall.Users
	config   Config
	policies ldapcall.Cache[*policy]
}

var (
	_ connectors.Driver  = (*driver)(nil)
	_ connectors.Scanner = (*driver)(nil)
	_ connectors.Config  = (*Config)(nil)
)

// readable holds of entries of which the bind account may read what tells a lock. An attribute
// that it may not read looks absent, and neither holds a value nor holds none.
const readable = "(|(" + lockedTime + "=*)(!(" + lockedTime + "=*)))(|(" + policySubentry + "=*)(!(" + policySubentry + "=*)))"

// Get reads one entry. What may not be read of its lock is unread.
func (d *driver) Get(ctx context.Context, id string) (*connectors.Account, error) {
	entry, hidden, err := d.Entry(ctx, connectors.OperationLookup, id, readable, append([]string{"*"}, operational...))
	switch {
	case err != nil:
		return nil, err
	case entry == nil:
		return nil, d.nobody(connectors.OperationLookup, d.mayRead(ctx, connectors.OperationLookup))
	}
	account, err := d.account(ctx, connectors.OperationLookup, entry, hidden)
	if err != nil {
		return nil, err
	}
	if account.User, err = ldapcall.Object(entry, fields); err != nil {
		return nil, d.Fail(connectors.OperationLookup, connectors.MalformedResponse, "the entry cannot be written as JSON")
	}
	return account, nil
}

// The unlock in two changes of one request: the first makes sure that there is an attribute, and
// its removal makes the server wipe pwdFailureTime, without which one wrong password would lock
// again. https://www.openldap.org/software/man.cgi?query=slapo-ppolicy
var unlock = []ldap.Change{ldapcall.Replace(lockedTime, "20000101000000Z"), ldapcall.Delete(lockedTime)}

var unlockResults = map[uint16]ldapcall.Result{
	ldap.LDAPResultNoSuchObject:             {Kind: connectors.Conflict, Advice: "the entry was moved or removed meanwhile; try again"},
	ldap.LDAPResultUnwillingToPerform:       {Kind: connectors.Unsupported, Advice: ldapcall.ResultOf(ldap.LDAPResultReferral).Advice},
	ldap.LDAPResultInsufficientAccessRights: {Kind: connectors.PermissionDenied, Advice: "the bind account may not write " + lockedTime + "; grant it"},
}

var unlocking = ldapcall.Call{Operation: connectors.OperationUnlock, Effect: true, Results: unlockResults}

// overtaken is how often an unlock is sent again that another change, such as the unlock at a
// mirror, overtook: the server answers 16 when the failures that it was about to wipe are gone.
const overtaken = 5

// Unlock removes the lock, and with it the server wipes the failures. The entry is looked for
// by its ID, and the change holds for no other that has come to its name meanwhile.
func (d *driver) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	entry, err := d.One(ctx, connectors.OperationUnlock, ldapcall.Search{Filter: d.ByID(account.ID), Attributes: []string{"1.1"}})
	if err == nil && entry == nil {
		err = d.nobody(connectors.OperationUnlock, d.mayUnlock(ctx))
	}
	if err != nil {
		return connectors.Unlocked{}, ldapcall.Unsent(err)
	}
	change := ldapcall.Modify{DN: entry.DN, Changes: unlock, Assert: d.ByID(account.ID), Before: []string{failureTime}, After: []string{"modifyTimestamp"}}
	before, after, err := d.Modify(ctx, unlocking, change)
	for range overtaken {
		if failure, ok := errors.AsType[*connectors.Error](err); !ok || failure.Status != ldap.LDAPResultNoSuchAttribute {
			break
		}
		before, after, err = d.Modify(ctx, unlocking, change)
	}
	if err != nil {
		return connectors.Unlocked{}, err
	}
	return connectors.Unlocked{At: ldapcall.TimeOf(after, "modifyTimestamp"), Evidence: evidence(before)}, nil
}

// scanPage is how many locked entries are asked for at once. It is slapd's own limit for those
// who are given none of their own: https://www.openldap.org/software/man.cgi?query=slapd.conf
const scanPage = 500

// Scan walks over the entries whose lock stands, by ranges of their IDs that are as wide as
// the server's size limit lets them be, and decides of each whether it still holds.
func (d *driver) Scan(ctx context.Context, after string) (iter.Seq2[*connectors.Account, error], bool) {
	return func(yield func(*connectors.Account, error) bool) {
		if err := d.mayRead(ctx, connectors.OperationList); err != nil {
			yield(nil, err)
			return
		}
		next, width := number(after), new(big.Int).Set(idSpace)
		for next.Cmp(idSpace) < 0 {
			end := new(big.Int).Add(next, width)
			entries, more, err := d.lockedWithin(ctx, next, end)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case more && width.BitLen() == 1:
				yield(nil, d.Fail(connectors.OperationList, connectors.RejectedByProvider, ldapcall.ResultOf(ldap.LDAPResultSizeLimitExceeded).Advice))
				return
			case more:
				width.Rsh(width, 1)
				continue
			}
			for _, entry := range entries {
				if account, err := d.account(ctx, connectors.OperationList, entry, false); !yield(account, err) || err != nil {
					return
				}
			}
			next = end
			if len(entries) < scanPage/4 {
				width.Lsh(width, 1)
			}
		}
	}, true
}

// idSpace is the number of IDs.
var idSpace = new(big.Int).Lsh(big.NewInt(1), 128)

// number is an ID as a number; the empty one is zero.
func number(id string) *big.Int {
	value, _ := new(big.Int).SetString("0"+strings.ReplaceAll(id, "-", ""), 16)
	return value
}

func idOf(number *big.Int) string {
	digits := fmt.Sprintf("%032x", number)
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// lockedWithin returns the entries with a lock whose IDs are from one number to before
// another, in their order; more says that there are too many.
func (d *driver) lockedWithin(ctx context.Context, from, to *big.Int) (entries []*ldap.Entry, more bool, err error) {
	last := new(big.Int).Sub(to, big.NewInt(1))
	if to.Cmp(idSpace) > 0 {
		last.Sub(idSpace, big.NewInt(1))
	}
	entries, more, err = d.Search(ctx, connectors.OperationList, ldapcall.Search{
		Filter: "(&(" + lockedTime + "=*)(entryUUID>=" + idOf(from) + ")(entryUUID<=" + idOf(last) + "))", Limit: scanPage,
		Attributes: append(d.NameAttributes(), operational...),
	})
	slices.SortFunc(entries, func(a, b *ldap.Entry) int { return strings.Compare(d.IDOf(a), d.IDOf(b)) })
	return entries, more, err
}
