package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// The names of the activities of bulk runs.
const (
	PrepareName      = "Prepare"
	SurveyName       = "Survey"
	CountLockedName  = "CountLocked"
	ListLockedName   = "ListLocked"
	ResolveName      = "Resolve"
	CountUnlocksName = "CountUnlocks"
)

// ErrNotIndexed says that the namespace lacks the search attributes by which unlocks are counted.
var ErrNotIndexed = errors.New("the namespace lacks Latchkey's search attributes")

// Records is what Temporal's visibility knows of earlier runs. Its methods fail with
// ErrNotIndexed while that is so.
type Records interface {
	// Retention is how long the namespace keeps closed runs.
	Retention(ctx context.Context) (time.Duration, error)
	// UnlocksOf counts the unlocks of each of the users since a moment, by all workers.
	UnlocksOf(ctx context.Context, userIDs []string, since time.Time) (map[string]int, error)
}

// PrepareInput asks what a bulk run must know of its connection.
type PrepareInput struct {
	// CountWithin is the window in which the unlocks of a user will have to be counted; 0
	// when they need not be.
	CountWithin time.Duration `json:"countWithin,omitempty"`
}

// PrepareResult is what a bulk run must know of its connection.
type PrepareResult struct {
	Provider string `json:"provider"`
	// Lists says that the provider can list who is locked.
	Lists bool `json:"lists"`
	// HidesPrivilege says that the provider never tells whether an account is privileged.
	HidesPrivilege bool `json:"hidesPrivilege,omitempty"`
	// HidesGroups says that the provider never tells the groups of an account.
	HidesGroups bool `json:"hidesGroups,omitempty"`
	// CannotCount says why the unlocks of a user cannot be counted; empty when they can.
	CannotCount string `json:"cannotCount,omitempty"`
}

// Prepare tells what a bulk run must know of its connection. It asks the provider nothing.
func (a *Activities) Prepare(ctx context.Context, in PrepareInput) (*PrepareResult, error) {
	result := &PrepareResult{Provider: a.Provider, Lists: a.Connector.Lists(), HidesPrivilege: a.HidesPrivilege, HidesGroups: a.HidesGroups}
	if in.CountWithin == 0 {
		return result, nil
	}
	if a.Records == nil {
		result.CannotCount = ErrNotIndexed.Error()
		return result, nil
	}
	retention, err := a.Records.Retention(ctx)
	if errors.Is(err, ErrNotIndexed) {
		result.CannotCount = ErrNotIndexed.Error()
		return result, nil
	}
	if err != nil {
		return nil, a.uncounted("the namespace could not be asked how long it keeps closed runs, and the policy counts unlocks")
	}
	if retention < in.CountWithin {
		result.CannotCount = fmt.Sprintf("the namespace keeps closed runs for %s, and the policy counts within %s", guard.Round(retention), guard.Round(in.CountWithin))
	}
	return result, nil
}

// ResolveInput holds references as they were given.
type ResolveInput struct {
	Refs []connectors.UserRef `json:"refs"`
	// Until is how long a failure that may pass is waited out, by the Temporal server's clock.
	Until time.Time `json:"until,omitzero"`
}

// Resolved is the account that a reference means, or why there is none.
type Resolved struct {
	UserID  string          `json:"userId,omitempty"`
	Kind    connectors.Kind `json:"kind,omitempty"`
	Message string          `json:"message,omitempty"`
}

// ResolveResult is in the order of the references.
type ResolveResult struct {
	Resolved []Resolved `json:"resolved"`
}

// resolving is how far the attempts have come: a reference that is neither found nor given up
// is empty, and Tries says how often it was asked about.
type resolving struct {
	ResolveResult
	Tries []int `json:"tries"`
}

const (
	// patientTries is how often a reference is asked about at least before a failure that may
	// pass is taken for its own.
	patientTries = 5
	// failuresInARow are a sign that the provider fails, and not a single account.
	failuresInARow = 3
)

// resolvedBefore is how far the attempts before this one have come.
func resolvedBefore(ctx context.Context, refs int) *resolving {
	told := resolving{}
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &told) == nil && len(told.Resolved) == refs && len(told.Tries) == refs {
		return &told
	}
	return &resolving{ResolveResult: ResolveResult{Resolved: make([]Resolved, refs)}, Tries: make([]int, refs)}
}

// open are the references that are neither found nor given up, those first that were asked
// about the least: a few whose failure does not pass keep no other from being found.
func (r *resolving) open() []int {
	var open []int
	for i, each := range r.Resolved {
		if each == (Resolved{}) {
			open = append(open, i)
		}
	}
	slices.SortStableFunc(open, func(one, other int) int { return r.Tries[one] - r.Tries[other] })
	return open
}

// Resolve finds the ID of each account, in its provider's spelling: a given ID is spelt so
// without asking anybody. What cannot be found at all is reported so; where a failure may pass
// the attempt fails in the end, and the next one asks about what is open.
func (a *Activities) Resolve(ctx context.Context, in ResolveInput) (*ResolveResult, error) {
	current := thisAttempt(ctx)
	progress := resolvedBefore(ctx, len(in.Refs))
	for i, ref := range in.Refs {
		if ref.ID != "" {
			id, err := a.Connector.Canonical(ref.ID)
			progress.Resolved[i] = a.resolved(&connectors.Account{ID: id}, err)
		}
	}
	var passing error
	failures := 0
	open := progress.open()
	for n, i := range open {
		stop := beat(ctx, progress) // One look-up may take longer than a heartbeat's time-out.
		account, err := a.Connector.Lookup(ctx, in.Refs[i])
		stop()
		progress.Tries[i]++
		if a.waits(err, progress.Tries[i], in, current) {
			passing = err
			failures++
		} else {
			progress.Resolved[i] = a.resolved(account, err)
			failures = 0
		}
		down := failures == failuresInARow || failures > 0 && connectors.KindOf(err) == connectors.RateLimited
		if down { // The others would fare no better.
			for _, other := range open[n+1:] {
				progress.Tries[other]++
			}
		}
		activity.RecordHeartbeat(ctx, progress)
		if down {
			break
		}
	}
	if passing != nil {
		return nil, passing
	}
	return &progress.ResolveResult, nil
}

// waits reports whether a reference is to be asked about again after this failure.
func (a *Activities) waits(err error, tries int, in ResolveInput, current *attempt) bool {
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		return false
	}
	return mayPass(failure, tries) && (tries < patientTries || current.now().Before(in.Until))
}

func (a *Activities) resolved(account *connectors.Account, err error) Resolved {
	if err == nil {
		return Resolved{UserID: account.ID}
	}
	if kind := connectors.KindOf(err); kind != "" {
		return Resolved{Kind: kind, Message: fmt.Sprintf("connection %s: %s", a.Connection, err)}
	}
	return Resolved{Kind: TypeInternal, Message: fmt.Sprintf("connection %s: %s", a.Connection, unclassified(err))}
}

// CountUnlocksInput asks how often each user was unlocked.
type CountUnlocksInput struct {
	UserIDs []string  `json:"userIds"`
	Since   time.Time `json:"since"`
}

// CountUnlocksResult holds the users that were unlocked at all.
type CountUnlocksResult struct {
	Unlocks map[string]int `json:"unlocks"`
}

// CountUnlocks asks Temporal's visibility, whose answer lags by seconds.
func (a *Activities) CountUnlocks(ctx context.Context, in CountUnlocksInput) (*CountUnlocksResult, error) {
	if a.Records == nil { // Another worker than the one that prepared the run.
		return nil, a.uncounted(ErrNotIndexed.Error() + ", and the policy counts unlocks; register them")
	}
	unlocks, err := a.Records.UnlocksOf(ctx, in.UserIDs, in.Since)
	if errors.Is(err, ErrNotIndexed) { // They have gone since the run was prepared.
		return nil, a.uncounted(ErrNotIndexed.Error() + ", and the policy counts unlocks; register them")
	}
	if err != nil {
		return nil, a.uncounted("the unlocks of users could not be counted, and the policy bounds them")
	}
	return &CountUnlocksResult{Unlocks: unlocks}, nil
}

// uncounted is a failure of Temporal's visibility, which may pass. What it said itself is
// not repeated: it is stored.
func (a *Activities) uncounted(message string) error {
	return &connectors.Error{Kind: connectors.Unavailable, Provider: a.Provider, Operation: "count unlocks", Message: message}
}
