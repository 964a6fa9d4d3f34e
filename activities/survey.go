package activities

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

const (
	// SurveyPage is how many accounts one survey hands back at most: as many as a payload
	// carries with room to spare (see maxPageSize), since a provider that cannot filter is read from end to end for it.
	SurveyPage = 3000
	// listPage is the same for accounts with names and states.
	listPage = 1500
	// listBeat is how often a walk tells the server that it lives.
	listBeat = 5 * time.Second
)

// SurveyInput asks for the next page of locked accounts, judged.
type SurveyInput struct {
	// After is the ID to continue after.
	After string      `json:"after,omitempty"`
	Guard guard.Guard `json:"guard,omitzero"`
	// Window is how long ago a lock may have been made to count as fresh.
	Window time.Duration `json:"window,omitempty"`
}

// Listed is one locked account as far as a list tells: to be unlocked, or why not.
type Listed struct {
	UserID      string     `json:"userId"`
	Code        guard.Code `json:"code,omitempty"`
	Explanation string     `json:"explanation,omitempty"`
	// Print tells the locks from others of the same account; there only with the code
	// lock_age_unknown.
	Print string `json:"print,omitempty"`
}

// SurveyResult is a page of locked accounts.
type SurveyResult struct {
	Listed []Listed `json:"listed"`
	// Next is the ID to continue after; empty on the last page.
	Next string `json:"next,omitempty"`
	Tally
}

// Tally counts what was listed.
type Tally struct {
	Locked int `json:"locked"`
	// Fresh counts the accounts that somebody else than an administrator locked within the
	// window, or for unknown reasons; a lock without a date counts.
	Fresh int `json:"fresh"`
	// Read counts the accounts that the provider was asked about.
	Read int `json:"read"`
	// Missing is what could not be read. With any of it the list is not whole.
	Missing connectors.Missing `json:"missing,omitzero"`
}

// Add counts another page of the same list.
func (t *Tally) Add(page Tally) {
	t.Locked += page.Locked
	t.Fresh += page.Fresh
	t.Read += page.Read
	t.Missing.Merge(page.Missing)
}

// Suspects counts those whose lock may be a part of an attack that is under way: who could
// not be read may have been locked a moment ago.
func (t *Tally) Suspects() int { return t.Fresh + t.Missing.Rows }

// Survey lists locked accounts and judges each as far as a list tells.
func (a *Activities) Survey(ctx context.Context, in SurveyInput) (*SurveyResult, error) {
	current := thisAttempt(ctx)
	defer beat(ctx, nil)()
	page, err := a.Connector.ListLocked(ctx, in.After, SurveyPage)
	if err != nil {
		return nil, err
	}
	result := &SurveyResult{Listed: []Listed{}}
	now := current.now()
	for i, verdict := range guard.Foresee(guard.Question{Guard: in.Guard, Rules: a.Rules, Now: now}, page.Accounts) {
		result.Listed = append(result.Listed, listedAs(page.Accounts[i], verdict))
	}
	count := fitting(result.Listed)
	cut(&page, count)
	result.Listed, result.Next = result.Listed[:count], page.Next
	result.Tally = tallied(page, in.Window, now)
	return result, nil
}

func listedAs(account *connectors.Account, verdict guard.Verdict) Listed {
	listed := Listed{UserID: account.ID}
	if verdict.Refused() {
		listed.Code, listed.Explanation = verdict.Code, verdict.Explanation
	}
	if verdict.Code == guard.CodeLockAgeUnknown {
		listed.Print = fingerprint(account.State.Locks)
	}
	return listed
}

// fingerprint tells one set of locks from another as far as locks without a date can be told.
func fingerprint(locks []connectors.Lock) string {
	sorted := slices.SortedFunc(slices.Values(locks), func(a, b connectors.Lock) int {
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Server, b.Server), cmp.Compare(a.ReportedReason(), b.ReportedReason()))
	})
	digest := fnv.New32a()
	for _, lock := range sorted {
		_, _ = fmt.Fprintf(digest, "%s|%s|%s\n", lock.Layer, lock.Server, lock.ReportedReason())
	}
	return fmt.Sprintf("%08x", digest.Sum32())
}

// tallied counts a page of the provider's.
func tallied(page connectors.Page, window time.Duration, now time.Time) Tally {
	tally := Tally{Read: page.Read, Locked: len(page.Accounts), Missing: page.Missing}
	for _, account := range page.Accounts {
		if slices.ContainsFunc(account.State.Locks, func(l connectors.Lock) bool { return fresh(l, window, account.Now(now)) }) {
			tally.Fresh++
		}
	}
	return tally
}

// fresh reports whether the lock may be a part of an attack that is under way.
func fresh(lock connectors.Lock, window time.Duration, now time.Time) bool {
	return lock.Reason != connectors.ReasonAdmin && (lock.Since == nil || now.Sub(*lock.Since) <= window)
}

// CountLockedInput goes on with a count where a survey stopped.
type CountLockedInput struct {
	After  string        `json:"after,omitempty"`
	Window time.Duration `json:"window,omitempty"`
	Tally
}

// CountLocked counts the locked accounts to the end of the list. An attempt goes on where
// the one before it stopped.
func (a *Activities) CountLocked(ctx context.Context, in CountLockedInput) (*Tally, error) {
	current := thisAttempt(ctx)
	if activity.HasHeartbeatDetails(ctx) {
		told := in
		if activity.GetHeartbeatDetails(ctx, &told) == nil {
			in = told
		}
	}
	for {
		stop := beat(ctx, in)
		page, err := a.Connector.ListLocked(ctx, in.After, SurveyPage)
		stop()
		if err != nil {
			return nil, err
		}
		in.Add(tallied(page, in.Window, current.now()))
		if in.After = page.Next; in.After == "" {
			return &in.Tally, nil
		}
		activity.RecordHeartbeat(ctx, in)
	}
}

// ListLockedInput asks for the next page of locked accounts to show.
type ListLockedInput struct {
	After string `json:"after,omitempty"`
	// Reasons and MinAge choose among them; an unknown age passes no MinAge.
	Reasons []connectors.Reason `json:"reasons,omitempty"`
	MinAge  guard.Duration      `json:"minAge,omitzero"`
}

// ListLockedResult is a page of locked accounts, without their user objects.
type ListLockedResult struct {
	Accounts []*connectors.Account `json:"accounts"`
	Next     string                `json:"next,omitempty"`
	Tally
}

// ListLocked lists locked accounts. What the list leaves out is looked up.
func (a *Activities) ListLocked(ctx context.Context, in ListLockedInput) (*ListLockedResult, error) {
	current := thisAttempt(ctx)
	defer beat(ctx, nil)()
	page, err := a.Connector.ListLocked(ctx, in.After, listPage)
	if err != nil {
		return nil, err
	}
	result, size := &ListLockedResult{Accounts: []*connectors.Account{}}, 0
	for i, account := range page.Accounts {
		account, err := a.completed(ctx, account)
		if err != nil {
			return nil, err
		}
		if account == nil || !chosen(account, in, current.now()) {
			continue
		}
		shown := account.WithoutUser()
		if size += StoredSize(shown); size > maxPageSize && len(result.Accounts) > 0 {
			cut(&page, i)
			break
		}
		result.Accounts = append(result.Accounts, shown)
	}
	result.Next = page.Next
	result.Tally = tallied(page, 0, current.now())
	return result, nil
}

// completed looks an account up if the list left out a layer that a look-up reads; nil
// when the account is gone or no longer locked.
func (a *Activities) completed(ctx context.Context, account *connectors.Account) (*connectors.Account, error) {
	if !slices.ContainsFunc(account.State.Unread, func(u connectors.Unread) bool { return u.Kind == connectors.Unsupported }) {
		return account, nil
	}
	read, err := a.lookUp(ctx, connectors.UserRef{ID: account.ID})
	switch {
	case connectors.KindOf(err) == connectors.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case !read.State.Locked():
		return nil, nil
	default:
		return read, nil
	}
}

func chosen(account *connectors.Account, in ListLockedInput, now time.Time) bool {
	return slices.ContainsFunc(account.State.Locks, func(lock connectors.Lock) bool {
		old := in.MinAge == 0 || lock.Since != nil && account.Now(now).Sub(*lock.Since) >= in.MinAge.Std()
		return old && (len(in.Reasons) == 0 || slices.Contains(in.Reasons, lock.Reason))
	})
}

// beat tells the server every few seconds that the activity lives, until it is stopped.
// Each request of the connector has a timeout of its own, so that a walk cannot hang.
func beat(ctx context.Context, details any) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(listBeat)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, details)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
