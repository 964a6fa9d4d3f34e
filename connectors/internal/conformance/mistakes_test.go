package conformance_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
)

// faultyDriver is a driver with one mistake in it: what is set stands in place of the driver's own.
type faultyDriver struct {
	*scanner
	get    func(ctx context.Context, id string) (*connectors.Account, error)
	find   func(ctx context.Context, field connectors.NameField, value string) ([]connectors.Match, bool, error)
	unlock func(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error)
	// list changes what is listed.
	list func(accounts []*connectors.Account) []*connectors.Account
	// sorted is said of lists that are not.
	sorted bool
}

func (b *faultyDriver) Get(ctx context.Context, id string) (*connectors.Account, error) {
	if b.get != nil {
		return b.get(ctx, id)
	}
	return b.scanner.Get(ctx, id)
}

func (b *faultyDriver) Find(ctx context.Context, field connectors.NameField, value string) ([]connectors.Match, bool, error) {
	if b.find != nil {
		return b.find(ctx, field, value)
	}
	matches, more, err := b.scanner.Find(ctx, field, value)
	for i, match := range matches {
		if b.get != nil { // the driver reads all objects in one place
			account, err := b.get(ctx, match.Account.ID)
			if err != nil {
				return nil, false, err
			}
			matches[i].Account = account
		}
	}
	return matches, more, err
}

func (b *faultyDriver) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	if b.unlock != nil {
		return b.unlock(ctx, account)
	}
	return b.scanner.Unlock(ctx, account)
}

func (b *faultyDriver) Scan(ctx context.Context, after string) (accounts iter.Seq2[*connectors.Account, error], sorted bool) {
	all, sorted := b.scanner.Scan(ctx, after)
	if b.list == nil {
		return all, sorted || b.sorted
	}
	listed, err := b.scanner.list(ctx, after)
	return func(yield func(*connectors.Account, error) bool) {
		if err != nil {
			yield(nil, err)
			return
		}
		for _, account := range b.list(listed) {
			if !yield(account, nil) {
				return
			}
		}
	}, sorted || b.sorted
}

// mistake is one that a driver may make, and the case that must see it.
type mistake struct {
	seenBy string
	// of is the provider whose driver makes it; empty for a plain one.
	of   string
	made func(b *faultyDriver)
}

// reading makes a mistake in how the driver reads a user.
func reading(seenBy string, change func(account *connectors.Account)) mistake {
	return mistake{seenBy: seenBy, made: func(b *faultyDriver) {
		b.get = func(ctx context.Context, id string) (*connectors.Account, error) {
			account, err := b.scanner.Get(ctx, id)
			if err == nil {
				change(account)
				account.State.CanSignIn = account.State.SignInAnswer()
			}
			return account, err
		}
	}}
}

// finding makes a mistake in what the driver finds; all are everybody.
func finding(seenBy string, found func(all []connectors.Match, field connectors.NameField, value string) []connectors.Match) mistake {
	return mistake{seenBy: seenBy, made: func(b *faultyDriver) {
		b.find = func(ctx context.Context, field connectors.NameField, value string) ([]connectors.Match, bool, error) {
			accounts, err := b.scanner.list(ctx, "")
			var all []connectors.Match
			for _, account := range accounts {
				all = append(all, connectors.Match{Account: account, Name: nameOf(b.people[account.ID], field)})
			}
			return found(all, field, value), false, err
		}
	}}
}

// failing makes a mistake in how the driver fails.
func failing(seenBy string, change func(failure *connectors.Error, account *connectors.Account) error) mistake {
	return mistake{seenBy: seenBy, made: func(b *faultyDriver) {
		changed := func(err error, account *connectors.Account) error {
			var failure *connectors.Error
			if errors.As(err, &failure) {
				return change(failure, account)
			}
			return err
		}
		b.get = func(ctx context.Context, id string) (*connectors.Account, error) {
			account, err := b.scanner.Get(ctx, id)
			return account, changed(err, &connectors.Account{ID: id})
		}
		b.unlock = func(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
			unlocked, err := b.scanner.Unlock(ctx, account)
			return unlocked, changed(err, account)
		}
	}}
}

// unlocking makes a mistake in the unlock, which is otherwise the provider's own call.
func unlocking(seenBy string, call func(d *driver, one *person, account *connectors.Account) error) mistake {
	return mistake{seenBy: seenBy, made: func(b *faultyDriver) {
		b.unlock = func(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			failure := b.call(ctx, connectors.OperationUnlock, connectors.No)
			switch one := b.people[account.ID]; {
			case failure != nil:
				return connectors.Unlocked{}, failure
			case b.rights == readRights:
				return connectors.Unlocked{}, b.fail(connectors.OperationUnlock, connectors.PermissionDenied, connectors.No, "it may not")
			default:
				err := call(b.driver, one, account)
				return connectors.Unlocked{At: b.now}, err
			}
		}
	}}
}

// listing makes a mistake in the list.
func listing(seenBy string, list func(accounts []*connectors.Account) []*connectors.Account) mistake {
	return mistake{seenBy: seenBy, made: func(b *faultyDriver) { b.list = list }}
}

func (m mistake) at(provider string) mistake {
	m.of = provider
	return m
}

// mistakes are those that the suite must see.
var mistakes = map[string]mistake{
	"an unlock that also enables": unlocking("DisabledStaysDisabled", func(d *driver, one *person, _ *connectors.Account) error {
		d.unlocks(one, layers)
		one.disabled = false
		return nil
	}),
	"an unlock that ends a suspension": unlocking("SuspendedStaysSuspended", func(d *driver, one *person, _ *connectors.Account) error {
		d.unlocks(one, layers)
		one.suspended = false
		return nil
	}),
	"an unlock that would enable, sent without a look": unlocking("DisabledStaysDisabled", func(d *driver, one *person, _ *connectors.Account) error {
		d.unlocks(one, layers)
		return nil
	}).at("UnlockEnables"),
	"an unlock that would enable, after a look of before": unlocking("DisabledStaysDisabled", func(d *driver, one *person, account *connectors.Account) error {
		if account.State.Disabled || account.State.Suspended || !account.State.Locked() {
			return nil
		}
		d.unlocks(one, layers)
		return nil
	}).at("UnlockEnables"),
	"an unlock of one layer of two": unlocking("FailedSignInsLockAndUnlock", func(d *driver, one *person, _ *connectors.Account) error {
		d.unlocks(one, layers[:1])
		return nil
	}),
	"an unlock that is not sent": unlocking("FailedSignInsLockAndUnlock", func(*driver, *person, *connectors.Account) error { return nil }),
	"an unlock that fails when nothing is locked": unlocking("UnlockTwice", func(d *driver, one *person, _ *connectors.Account) error {
		if len(one.locks[d.server]) == 0 {
			return d.fail(connectors.OperationUnlock, connectors.RejectedByProvider, connectors.No, "it is not locked")
		}
		d.unlocks(one, layers)
		return nil
	}),
	"an unlock of everybody": unlocking("UnlockOfOneAlone", func(d *driver, _ *person, _ *connectors.Account) error {
		for _, one := range d.people {
			d.unlocks(one, layers)
		}
		return nil
	}),
	"an unlock by a part of the name": unlocking("UnlockOfOneAlone", func(d *driver, one *person, _ *connectors.Account) error {
		for _, other := range d.people {
			if strings.HasPrefix(other.Username, one.Username) {
				d.unlocks(other, layers)
			}
		}
		return nil
	}),

	"the filter is ignored": finding("LookupFindsOneOfMany", func(all []connectors.Match, _ connectors.NameField, _ string) []connectors.Match { return all }),
	"the filter is ignored, and what comes taken for it": finding("NotFound", func(all []connectors.Match, _ connectors.NameField, value string) []connectors.Match {
		return []connectors.Match{{Account: all[0].Account, Name: value}}
	}),
	"names that begin so": finding("LookupFindsOneOfMany", func(all []connectors.Match, _ connectors.NameField, value string) []connectors.Match {
		return slices.DeleteFunc(all, func(match connectors.Match) bool { return !strings.HasPrefix(match.Name, value) })
	}),
	"the username is looked for in place of the address": finding("LookupByEachReference", func(all []connectors.Match, _ connectors.NameField, value string) []connectors.Match {
		return slices.DeleteFunc(all, func(match connectors.Match) bool { return match.Account.Username != value })
	}),
	"the first of several": finding("Ambiguous", func(all []connectors.Match, _ connectors.NameField, value string) []connectors.Match {
		return slices.DeleteFunc(all, func(match connectors.Match) bool { return match.Name != value })[:1]
	}),

	"another account": {seenBy: "LookupByEachReference", made: func(b *faultyDriver) {
		b.get = func(ctx context.Context, _ string) (*connectors.Account, error) {
			accounts, err := b.scanner.list(ctx, "")
			other := *accounts[0]
			other.ID = hexID.Absent
			return &other, err
		}
	}},
	"somebody for an ID that nobody has": {seenBy: "NotFound", made: func(b *faultyDriver) {
		b.get = func(ctx context.Context, id string) (*connectors.Account, error) {
			account, err := b.scanner.Get(ctx, id)
			if connectors.KindOf(err) == connectors.NotFound {
				return &connectors.Account{ID: id}, nil
			}
			return account, err
		}
	}},
	"IDs in lower case":             reading("LookupByEachReference", func(a *connectors.Account) { a.ID = strings.ToLower(a.ID) }).at("IDsInMixedCase"),
	"the ID without its strategy":   reading("LookupByEachReference", func(a *connectors.Account) { a.ID = a.ID[strings.LastIndex(a.ID, "|")+1:] }).at("IDsWithAStrategy"),
	"no clock":                      reading("LookupByEachReference", func(a *connectors.Account) { a.AsOf = time.Time{} }),
	"no email":                      reading("LookupByEachReference", func(a *connectors.Account) { a.Email = "" }),
	"a lock taken for none":         reading("FailedSignInsLockAndUnlock", func(a *connectors.Account) { a.State.Locks = nil }),
	"a suspension that is not told": reading("SuspendedStaysSuspended", func(a *connectors.Account) { a.State.Suspended = false }),
	"a lock of who is suspended, untold": reading("SuspendedStaysSuspended", func(a *connectors.Account) {
		if a.State.Suspended {
			a.State.Locks = nil
		}
	}),
	"a disabling that is not told":  reading("DisabledStaysDisabled", func(a *connectors.Account) { a.State.Disabled = false }),
	"a lock of some ways in as all": reading("FailedSignInsLockAndUnlock", func(a *connectors.Account) { setLocks(a, func(l *connectors.Lock) { l.Partial = false }) }).at("PartialLocks"),
	"a lock of all ways in as some": reading("FailedSignInsLockAndUnlock", func(a *connectors.Account) { setLocks(a, func(l *connectors.Lock) { l.Partial = true }) }),
	"every lock by failed sign-ins": reading("AdministratorsLockAndUnlock", func(a *connectors.Account) {
		setLocks(a, func(l *connectors.Lock) { l.Reason = connectors.ReasonFailedSignIn })
	}),
	"every lock an administrator's": reading("FailedSignInsLockAndUnlock", func(a *connectors.Account) {
		setLocks(a, func(l *connectors.Lock) { l.Reason = connectors.ReasonAdmin })
	}),
	"a key that is not there": reading("UserIsComplete", func(a *connectors.Account) { a.User = []byte(`{"id":"x","username":"x","email":"x"}`) }),
	"a password in the user": reading("UserIsComplete", func(a *connectors.Account) {
		a.User = []byte(strings.Replace(string(a.User), "{", `{"password":"x",`, 1))
	}),
	"groups by name alone": reading("GroupsByIDAndName", func(a *connectors.Account) {
		a.Groups = slices.DeleteFunc(a.Groups, func(g string) bool { return strings.Contains(g, "-") })
	}).at("Groups"),
	"groups that are not told of": reading("GroupsByIDAndName", func(a *connectors.Account) { a.Groups = []string{"Staff"} }),
	"the state of one server for all": reading("LocksOfEachServer", func(a *connectors.Account) {
		a.State.Locks = nil
	}).at("SeveralServers"),

	"an error that is not the contract's": failing("NotFound", func(failure *connectors.Error, _ *connectors.Account) error { return errors.New(failure.Message) }),
	"an error that says nothing":          failing("WrongCredentials", func(failure *connectors.Error, _ *connectors.Account) error { failure.Message = ""; return failure }),
	"an error with a secret": failing("WrongCredentials", func(failure *connectors.Error, _ *connectors.Account) error {
		failure.Message += wrongSecret
		return failure
	}),
	"an error with a name": failing("NoPermission", func(failure *connectors.Error, a *connectors.Account) error {
		failure.Message += a.Username
		return failure
	}),
	"an error of two lines": failing("NotFound", func(failure *connectors.Error, _ *connectors.Account) error {
		failure.Message += "\nand more"
		return failure
	}),
	"a right that lacks as a bad credential": failing("NoPermission", func(failure *connectors.Error, _ *connectors.Account) error {
		if failure.Kind == connectors.PermissionDenied {
			failure.Kind = connectors.Unauthenticated
		}
		return failure
	}),
	"a bad credential as nobody": failing("WrongCredentials", func(failure *connectors.Error, _ *connectors.Account) error {
		if failure.Kind == connectors.Unauthenticated {
			failure.Kind = connectors.NotFound
		}
		return failure
	}),
	"nothing said of what was sent": failing("NoPermission", func(failure *connectors.Error, _ *connectors.Account) error { failure.Sent = ""; return failure }),
	"a look-up that says what was sent": failing("NotFound", func(failure *connectors.Error, _ *connectors.Account) error {
		failure.Sent = connectors.No
		return failure
	}),
	"a refusal that may have been sent": failing("WrongCredentials", func(failure *connectors.Error, _ *connectors.Account) error {
		if failure.Sent != "" {
			failure.Sent = connectors.Unknown
		}
		return failure
	}),
	"a cancellation that is not told": failing("CancelledContext", func(failure *connectors.Error, _ *connectors.Account) error { failure.Cause = nil; return failure }),
	"a stopped server taken for one without the account": failing("StoppedServers", func(failure *connectors.Error, _ *connectors.Account) error {
		if failure.Kind == connectors.Unavailable {
			failure.Kind = connectors.NotFound
		}
		return failure
	}).at("SeveralServers"),
	"a replica that lacks a right": failing("LocksOfEachServer", func(failure *connectors.Error, _ *connectors.Account) error {
		if failure.Kind == connectors.Unsupported {
			failure.Kind = connectors.PermissionDenied
		}
		return failure
	}).at("SeveralServers"),

	"a list that forgets its last":  listing("ListLocked", func(accounts []*connectors.Account) []*connectors.Account { return accounts[:len(accounts)-1] }),
	"a list that ends after a page": listing("ListLocked", func(accounts []*connectors.Account) []*connectors.Account { return accounts[:min(10, len(accounts))] }),
	"a list of all as locked": listing("ListLocked", func(accounts []*connectors.Account) []*connectors.Account {
		for _, account := range accounts {
			account.State.Locks = []connectors.Lock{{Layer: connectors.LayerAccount}}
		}
		return accounts
	}),
	"a list of IDs in lower case": listing("ListLocked", func(accounts []*connectors.Account) []*connectors.Account {
		for _, account := range accounts {
			account.ID = strings.ToLower(account.ID)
		}
		return accounts
	}).at("IDsInMixedCase"),
	"a list of numbers in their order, said to be that of their text": {seenBy: "ListLocked", of: "DecimalIDs", made: func(b *faultyDriver) {
		b.list = func(accounts []*connectors.Account) []*connectors.Account {
			slices.SortFunc(accounts, func(a, b *connectors.Account) int {
				return len(a.ID)*1000 + strings.Compare(a.ID, b.ID) - len(b.ID)*1000
			})
			return accounts
		}
	}},
	"a list that is not promised": {seenBy: "ListLocked", of: "IDsWithAStrategy", made: func(*faultyDriver) {}},
}

func setLocks(account *connectors.Account, change func(lock *connectors.Lock)) {
	for i := range account.State.Locks {
		change(&account.State.Locks[i])
	}
}

// mistakeVariable names, in the environment of a test's own process, the mistake that it makes.
const mistakeVariable = "LATCHKEY_TEST_MISTAKE"

// TestMistakes runs the suite, in a process of its own, against a driver with each mistake.
func TestMistakes(t *testing.T) {
	t.Parallel()
	if made, ok := mistakes[os.Getenv(mistakeVariable)]; ok {
		conformance.Run(t, func(testing.TB) conformance.Harness {
			return harness(providers[made.provider()], func(d *driver) connectors.Driver {
				b := &faultyDriver{scanner: &scanner{d}}
				made.made(b)
				return b
			})
		})
		return
	}
	for name, mistake := range mistakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireSeen(t, name, "TestMistakes", mistake.seenBy)
		})
	}
}

func (m mistake) provider() string {
	if m.of == "" {
		return "Plain"
	}
	return m.of
}

// requireSeen runs a case of a test in a process of its own, which makes the mistake.
func requireSeen(t *testing.T, name, test, seenBy string) {
	t.Helper()
	run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$/^"+seenBy+"$")
	run.Env = append(os.Environ(), mistakeVariable+"="+name)
	printed, err := run.CombinedOutput()
	var ended *exec.ExitError
	require.ErrorAs(t, err, &ended, "%s passes: %s", seenBy, printed)
	require.Contains(t, string(printed), "--- FAIL: "+test+"/"+seenBy+" ")
	require.NotContains(t, string(printed), "panic:", "the suite breaks down")
}
