package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/guard"
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

// Records is what Temporal's visibility knows of earlier runs.
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
	Provider         string   `json:"provider"`
	SearchAttributes []string `json:"searchAttributes,omitempty"`
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
func (a *Activities) Prepare(ctx context.Context, in PrepareInput) (_ *PrepareResult, err error) {
	ctx, cancel, current := begin(ctx)
	defer cancel()
	defer a.recovered(&err, current, connectors.No)
	_, lists := a.Connector.(connectors.LockedLister)
	result := &PrepareResult{Provider: a.Provider, SearchAttributes: a.SearchAttributes, Lists: lists, HidesPrivilege: a.HidesPrivilege, HidesGroups: a.HidesGroups}
	if in.CountWithin == 0 {
		return result, nil
	}
	if a.Records == nil {
		result.CannotCount = "the namespace lacks Latchkey's search attributes"
		return result, nil
	}
	retention, err := a.Records.Retention(ctx)
	if err != nil {
		return nil, a.uncounted(current, "the namespace could not be asked how long it keeps closed runs, and the policy counts unlocks")
	}
	if retention < in.CountWithin {
		result.CannotCount = fmt.Sprintf("the namespace keeps closed runs for %s, and the policy counts within %s", guard.Round(retention), guard.Round(in.CountWithin))
	}
	return result, nil
}

// ResolveInput holds references by name or address.
type ResolveInput struct {
	Refs []connectors.UserRef `json:"refs"`
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

// patientAttempts is how often an answer that cannot be read is asked for again. After that
// it is the account's own, and does not keep the others from being found.
const patientAttempts = 5

// passing reports whether the failure of a reference may pass by itself.
func passing(err error, current attempt) bool {
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		return false
	}
	return mayPass(failure, current) && (failure.Kind != connectors.MalformedResponse || current.number < patientAttempts)
}

// Resolve finds the ID of each account. What cannot be found at all is told so; a failure
// that may pass fails the attempt, and the next one goes on where this one stopped.
func (a *Activities) Resolve(ctx context.Context, in ResolveInput) (_ *ResolveResult, err error) {
	ctx, cancel, current := begin(ctx)
	defer cancel()
	defer a.recovered(&err, current, connectors.No)
	result := &ResolveResult{}
	if activity.HasHeartbeatDetails(ctx) {
		if activity.GetHeartbeatDetails(ctx, result) != nil {
			result = &ResolveResult{}
		}
	}
	for _, ref := range in.Refs[min(len(result.Resolved), len(in.Refs)):] {
		stop := beat(ctx, result) // One look-up may take longer than a heartbeat's time-out.
		account, err := a.Connector.Lookup(ctx, ref)
		stop()
		if err != nil && passing(err, current) {
			return nil, a.failure(err, current, connectors.No)
		}
		result.Resolved = append(result.Resolved, a.resolved(account, err))
		activity.RecordHeartbeat(ctx, result)
	}
	return result, nil
}

func (a *Activities) resolved(account *connectors.Account, err error) Resolved {
	if err == nil {
		return Resolved{UserID: account.ID}
	}
	kind := connectors.KindOf(err)
	if kind == "" {
		return Resolved{Kind: TypeInternal, Message: fmt.Sprintf("connection %s: the connector failed with an unclassified error of type %T; this is a fault in Latchkey", a.Connection, err)}
	}
	return Resolved{Kind: kind, Message: fmt.Sprintf("connection %s: %s", a.Connection, err)}
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
func (a *Activities) CountUnlocks(ctx context.Context, in CountUnlocksInput) (_ *CountUnlocksResult, err error) {
	ctx, cancel, current := begin(ctx)
	defer cancel()
	defer a.recovered(&err, current, connectors.No)
	if a.Records == nil { // Another worker than the one that prepared the run.
		return nil, a.uncounted(current, "this worker finds no search attributes of Latchkey's in the namespace, and the policy counts unlocks; start it again")
	}
	unlocks, err := a.Records.UnlocksOf(ctx, in.UserIDs, in.Since)
	if err != nil {
		return nil, a.uncounted(current, "the unlocks of users could not be counted, and the policy bounds them")
	}
	return &CountUnlocksResult{Unlocks: unlocks}, nil
}

// uncounted is a failure of Temporal's visibility, which may pass. What it said itself is
// not repeated: it is stored.
func (a *Activities) uncounted(current attempt, message string) error {
	return a.failure(&connectors.Error{Kind: connectors.Unavailable, Provider: a.Provider, Operation: "count unlocks", Message: message}, current, connectors.No)
}
