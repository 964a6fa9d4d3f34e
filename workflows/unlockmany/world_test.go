package unlockmany_test

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// fate is what happens to one user between the list and the unlock.
type fate struct {
	change func(*connectors.Account)
	gone   bool
	// late comes after the look-up: the first unlock is not sent, and the next attempt must
	// see what changed.
	late bool
	// relocked locks the user again after the unlock.
	relocked bool
}

// world is a provider whose users change while a run goes on. It judges each unlock by
// itself.
type world struct {
	*latchkeytest.Population
	ids   []string
	fates map[string]*fate
	// scan is how many accounts, locked or not, one page is read from; hidden are those of
	// whom the list leaves a layer out.
	scan   int
	hidden map[string]bool
	// broken are those whom the list cannot read; the IDs of some of them are known. dark are
	// the first users of pages that a server of several keeps its part of to itself.
	broken, named, dark map[string]bool
	// judge says why a user must not be unlocked; empty when it may.
	judge func(*connectors.Account) string

	mutex      sync.Mutex
	wrong      []string
	hit, tried map[string]bool
}

func newWorld(scan int) *world {
	return &world{Population: latchkeytest.NewPopulation(), scan: scan, fates: map[string]*fate{}, hidden: map[string]bool{},
		broken: map[string]bool{}, named: map[string]bool{}, dark: map[string]bool{}, hit: map[string]bool{}, tried: map[string]bool{}}
}

func (w *world) add(member *connectors.Account) {
	w.Add(member)
	w.ids = append(w.ids, member.ID)
}

// drawWorld draws a population and what becomes of it.
func drawWorld(t *rapid.T) *world {
	w := newWorld(rapid.IntRange(1, 6).Draw(t, "scan"))
	for n := range rapid.IntRange(1, 14).Draw(t, "members") {
		member := latchkeytest.Member(n+1, rapid.SliceOfN(rapid.Custom(drawLock), 0, 2).Draw(t, "locks")...)
		state := &member.State
		state.Suspended = rarely(t, "suspended")
		state.Disabled = rarely(t, "disabled")
		state.Privileged = rapid.SampledFrom([]connectors.Answer{connectors.No, connectors.No, connectors.No, connectors.No, connectors.No, connectors.Yes, connectors.Unknown}).Draw(t, "privileged")
		member.Groups = rapid.SampledFrom([][]string{{}, {"staff"}, {"staff"}, {"admins", "staff"}, nil}).Draw(t, "groups")
		if rarely(t, "unread") {
			state.Unread = []connectors.Unread{{Layer: connectors.LayerMFA, Kind: connectors.PermissionDenied}}
		}
		w.add(member)
		w.hidden[member.ID] = rarely(t, "hidden")
		w.broken[member.ID], w.named[member.ID], w.dark[member.ID] = rarely(t, "broken"), rapid.Bool().Draw(t, "named"), rarely(t, "dark")
		w.fates[member.ID] = drawFate(t)
	}
	return w
}

// rarely is true for one in ten; small numbers, which rapid prefers, would be more.
func rarely(t *rapid.T, label string) bool {
	return rapid.SampledFrom([]bool{false, false, false, false, false, false, false, false, false, true}).Draw(t, label)
}

// The ages of locks keep a distance from the bounds that policies are drawn with, since
// the environment skips some of the workflow's time and none of the activities'.
var lockAges = []time.Duration{0, 2 * time.Minute, 40 * time.Minute, 2 * time.Hour, 30 * time.Hour}

func drawLock(t *rapid.T) connectors.Lock {
	lock := connectors.Lock{
		Layer:  rapid.SampledFrom([]connectors.Layer{connectors.LayerAccount, connectors.LayerPassword}).Draw(t, "layer"),
		Reason: rapid.SampledFrom(append(connectors.Reasons(), connectors.ReasonFailedSignIn, connectors.ReasonFailedSignIn, connectors.ReasonFailedSignIn)).Draw(t, "reason"),
	}
	if age := rapid.SampledFrom(lockAges).Draw(t, "age"); age > 0 {
		at := time.Now().Add(-age).UTC()
		lock.Since = &at
	}
	return lock
}

// justLocked is a lock of this moment.
func justLocked(reason connectors.Reason) []connectors.Lock {
	return []connectors.Lock{since(0, reason)}
}

func drawFate(t *rapid.T) *fate {
	drawn := &fate{late: rapid.Bool().Draw(t, "late")}
	switch rapid.SampledFrom([]string{"", "", "", "", "suspended", "disabled", "admin", "anew", "unlocked", "gone", "renamed", "promoted", "relocked"}).Draw(t, "fate") {
	case "suspended":
		drawn.change = func(a *connectors.Account) { a.State.Suspended = true }
	case "disabled":
		drawn.change = func(a *connectors.Account) { a.State.Disabled = true }
	case "admin":
		drawn.change = func(a *connectors.Account) { a.State.Locks = justLocked(connectors.ReasonAdmin) }
	case "anew":
		drawn.change = func(a *connectors.Account) { a.State.Locks = justLocked(connectors.ReasonFailedSignIn) }
	case "unlocked":
		drawn.change = func(a *connectors.Account) { a.State.Locks = nil }
	case "renamed":
		drawn.change = func(a *connectors.Account) { a.Username = "svc-root" }
	case "promoted":
		drawn.change = func(a *connectors.Account) { a.State.Privileged = connectors.Yes }
	case "gone":
		drawn.gone = true
	case "relocked":
		drawn.relocked = true
	}
	return drawn
}

// befall lets a user's fate happen, once.
func (w *world) befall(id string, late bool) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	its := w.fates[id]
	if its == nil || its.late != late || w.hit[id] {
		return false
	}
	w.hit[id] = true
	if its.change != nil {
		w.Change(id, its.change)
	}
	return true
}

func (w *world) isGone(id string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.hit[id] && w.fates[id].gone
}

// Lookup implements activities.Connector.
func (w *world) Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	if ref.ID != "" {
		w.befall(ref.ID, false)
	}
	account, err := w.Population.Lookup(ctx, ref)
	if err == nil && w.isGone(account.ID) {
		return nil, latchkeytest.Fail(connectors.NotFound)
	}
	return account, err
}

// Unlock implements activities.Connector.
func (w *world) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	if w.befall(account.ID, true) {
		return connectors.Unlocked{}, latchkeytest.Fail(connectors.Unavailable)
	}
	now, err := w.Population.Lookup(ctx, connectors.UserRef{ID: account.ID})
	if err != nil || w.isGone(account.ID) {
		return connectors.Unlocked{}, latchkeytest.Fail(connectors.NotFound)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.tried[account.ID] = true
	if reason := w.judge(now); now.State.Locked() && reason != "" {
		w.wrong = append(w.wrong, fmt.Sprintf("unlocked %+v, although %s", now, reason))
	}
	unlocked, err := w.Population.Unlock(ctx, account)
	if err != nil {
		return connectors.Unlocked{}, err
	}
	if w.fates[account.ID].relocked {
		at := unlocked.At.Add(2 * time.Second)
		w.Change(account.ID, func(a *connectors.Account) {
			a.State.Locks = []connectors.Lock{{Layer: connectors.LayerAccount, Reason: connectors.ReasonFailedSignIn, Since: &at}}
		})
	}
	return unlocked, nil
}

// ListLocked implements activities.Connector: it scans, so that pages may be empty.
func (w *world) ListLocked(ctx context.Context, after string, limit int) (connectors.Page, error) {
	left := w.ids[len(w.ids)-len(slices.DeleteFunc(slices.Clone(w.ids), func(id string) bool { return id <= after })):]
	read := left[:min(len(left), w.scan, limit)]
	page := connectors.Page{Accounts: []*connectors.Account{}, Read: len(read)}
	for _, id := range read {
		if w.dark[id] {
			page.Missing.Servers = []connectors.MissingServer{{Server: "two", Kind: connectors.Unavailable}}
		}
		if w.broken[id] {
			page.Missing.Rows++
			if w.named[id] {
				page.Missing.UserIDs = append(page.Missing.UserIDs, id)
			}
			continue
		}
		account, err := w.Population.Lookup(ctx, connectors.UserRef{ID: id})
		if err != nil || !account.State.Locked() {
			continue
		}
		if w.hidden[id] {
			account.Groups = nil
			account.State.Locks = account.State.Locks[:1]
			account.State.Unread = []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.Unsupported}}
		}
		page.Accounts = append(page.Accounts, account)
	}
	if len(read) < len(left) {
		page.Next = read[len(read)-1]
	}
	return page, nil
}

// listed are the locked users as the list shows them at the beginning, and what it lacks.
func (w *world) listed() ([]*connectors.Account, connectors.Missing) {
	var all []*connectors.Account
	var missing connectors.Missing
	for after := ""; ; {
		page, _ := w.ListLocked(context.Background(), after, len(w.ids))
		all = append(all, page.Accounts...)
		missing.Merge(page.Missing)
		if after = page.Next; after == "" {
			return all, missing
		}
	}
}

// drawPolicy draws any policy; each field may be left out.
func drawPolicy(t *rapid.T) workflows.Policy {
	return workflows.Policy{
		OnlyReasons:       maybe(t, "only", []connectors.Reason{connectors.ReasonFailedSignIn, connectors.ReasonUnknown}, []connectors.Reason{}, connectors.Reasons()),
		MinLockedFor:      maybe(t, "least", minutes(0), minutes(15)),
		MaxLockedFor:      rapid.SampledFrom([]workflows.Duration{0, 0, minutes(600)}).Draw(t, "most"),
		ExcludePrivileged: maybe(t, "shy", true, false),
		Exclude:           rapid.SampledFrom([][]string{nil, nil, nil, {"svc-*"}, {"svc-*", "group:admins"}, {"member1", "*2@example.org"}, {latchkeytest.MemberID(3)}}).Draw(t, "exclude"),
		Include:           rapid.SampledFrom([][]string{nil, nil, nil, {"member*"}, {"group:staff", "*1"}}).Draw(t, "include"),
		MaxPerUser:        maybe(t, "perUser", workflows.MaxPerUser{Unlocks: 1}, workflows.MaxPerUser{Unlocks: 2, Within: minutes(60)}, workflows.MaxPerUser{}),
		MaxPerRun:         maybe(t, "perRun", 0, 1, 4),
		Hold: maybe(t, "hold", workflows.Hold{Off: true}, workflows.Hold{Above: to(0)}, workflows.Hold{Above: to(2), Window: minutes(10)},
			workflows.Hold{Above: to(1), Window: minutes(60)}),
		Concurrency: rapid.IntRange(0, 3).Draw(t, "concurrency"),
		DryRun:      rarely(t, "dryRun"),
	}
}

func maybe[T any](t *rapid.T, label string, values ...T) *T {
	drawn := rapid.IntRange(-1, len(values)-1).Draw(t, label)
	if drawn < 0 {
		return nil
	}
	return &values[drawn]
}

// plain is a policy's rules in plain form: what the policy's table of defaults says,
// written again without the code under test.
type plain struct {
	policy        workflows.Policy
	given, hides  bool
	unlocksBefore map[string]int
	// seenLong are those whose undated locks were first seen long enough ago.
	seenLong map[string]bool
}

func orElse[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// forbids says why the policy forbids to unlock an account in this state; empty when it allows.
func (p plain) forbids(a *connectors.Account) string {
	switch {
	case a.State.Suspended || a.State.Disabled:
		return "it is suspended or disabled"
	case orElse(p.policy.ExcludePrivileged, !p.given) && !p.hides && a.State.Privileged != connectors.No:
		return "it is or may be privileged"
	case slices.ContainsFunc(p.policy.Exclude, func(pattern string) bool { return p.covers(pattern, a, true) }):
		return "it is or may be excluded"
	case len(p.policy.Include) > 0 && !slices.ContainsFunc(p.policy.Include, func(pattern string) bool { return p.covers(pattern, a, false) }):
		return "it is not included"
	case p.mostPerUser() > 0 && p.unlocksBefore[a.ID] >= p.mostPerUser():
		return "it was unlocked too often"
	}
	for _, lock := range a.State.Locks {
		if reason := p.forbidsLock(lock, a.ID); reason != "" {
			return reason
		}
	}
	return p.forbidsUnread(a)
}

func (p plain) reasons() []connectors.Reason {
	if p.given {
		return orElse(p.policy.OnlyReasons, nil)
	}
	return orElse(p.policy.OnlyReasons, []connectors.Reason{connectors.ReasonFailedSignIn})
}

func (p plain) least() time.Duration {
	if p.given {
		return orElse(p.policy.MinLockedFor, 0).Std()
	}
	return orElse(p.policy.MinLockedFor, minutes(15)).Std()
}

func (p plain) forbidsLock(lock connectors.Lock, id string) string {
	most := p.policy.MaxLockedFor.Std()
	switch {
	case len(p.reasons()) > 0 && !slices.Contains(p.reasons(), lock.Reason):
		return "its lock's reason is " + string(lock.Reason)
	case lock.Since == nil && most > 0:
		return "its lock's age is unknown"
	case lock.Since == nil && p.least() > 0 && !p.seenLong[id]:
		return "its lock's age is unknown, and it was not seen long ago"
	case lock.Since != nil && time.Since(*lock.Since) < p.least():
		return "its lock is too young"
	case lock.Since != nil && most > 0 && time.Since(*lock.Since) > most:
		return "its lock is too old"
	}
	return ""
}

func (p plain) forbidsUnread(a *connectors.Account) string {
	switch {
	case len(a.State.Unread) == 0:
		return ""
	case p.least() > 0 || p.policy.MaxLockedFor > 0:
		return "a layer's age is unknown"
	case len(p.reasons()) > 0 && !slices.Contains(p.reasons(), connectors.ReasonUnknown):
		return "a layer's reason is unknown"
	}
	return ""
}

// covers reports whether the pattern covers the account; doubt is for groups that are not known.
func (p plain) covers(pattern string, a *connectors.Account, doubt bool) bool {
	values := []string{a.ID, a.Username, a.Email}
	if group, is := strings.CutPrefix(pattern, "group:"); is {
		if a.Groups == nil {
			return doubt
		}
		pattern, values = group, a.Groups
	}
	return slices.ContainsFunc(values, func(value string) bool {
		matched, _ := path.Match(pattern, value)
		return matched
	})
}

func (p plain) mostPerUser() int {
	if p.given {
		return orElse(p.policy.MaxPerUser, workflows.MaxPerUser{}).Unlocks
	}
	return orElse(p.policy.MaxPerUser, workflows.MaxPerUser{Unlocks: 3}).Unlocks
}

func (p plain) mostPerRun() int {
	if p.given {
		return orElse(p.policy.MaxPerRun, 0)
	}
	return orElse(p.policy.MaxPerRun, 500)
}

// holds reports whether a run over these must hold; unread are users who may be locked.
func (p plain) holds(listed []*connectors.Account, unread int) bool {
	hold := orElse(p.policy.Hold, workflows.Hold{Off: p.given})
	window, fresh := hold.Window.Std(), unread
	if window == 0 {
		window = time.Hour
	}
	for _, account := range listed {
		if slices.ContainsFunc(account.State.Locks, func(l connectors.Lock) bool {
			return l.Reason != connectors.ReasonAdmin && (l.Since == nil || time.Since(*l.Since) < window)
		}) {
			fresh++
		}
	}
	return !p.given && !hold.Off && fresh > orElse(hold.Above, 50)
}
