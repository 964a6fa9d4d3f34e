// Package activities holds the steps of an unlock that touch the world. Each is one
// attempt; Temporal retries it as the workflow's options say.
package activities

import (
	"context"
	"maps"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"
	"go.uber.org/zap"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// The names under which the activities are registered, on each connection's own queue.
const (
	LookupName = "Lookup"
	UnlockName = "Unlock"
	VerifyName = "Verify"
	WatchName  = "Watch"
)

// queuePrefix begins the name of every connection's task queue.
const queuePrefix = "latchkey/"

// Queue returns the task queue of a connection's activities.
func Queue(connection string) string { return queuePrefix + connection }

// ConnectionOf returns the connection that a task queue serves, or empty.
func ConnectionOf(queue string) string {
	connection, found := strings.CutPrefix(queue, queuePrefix)
	if !found {
		return ""
	}
	return connection
}

// Connector is what the steps ask of a connection: *connectors.Connector is it.
type Connector interface {
	Canonical(id string) (string, error)
	Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error)
	Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error)
	Lists() bool
	ListLocked(ctx context.Context, after string, limit int) (connectors.Page, error)
}

var _ Connector = (*connectors.Connector)(nil)

// Activities are the steps at one connection.
type Activities struct {
	// Connection is the connection's name, Provider the name of its provider.
	Connection string
	Provider   string
	Connector  Connector
	// AbsentID is an ID that no account of the provider has.
	AbsentID string
	// Rules are the connection's own; Ceiling keeps its limit of unlocks an hour, and is nil
	// where it has none.
	Rules   guard.Rules
	Ceiling Ceiling
	// HidesPrivilege says that the provider never tells whether an account is privileged.
	HidesPrivilege bool
	// HidesGroups says that it never tells the groups of an account.
	HidesGroups bool
	// Records is nil where the unlocks of a user cannot be counted.
	Records Records
	// Audit gets a line for each decision that is made here.
	Audit *zap.Logger
}

// Registry is what takes activities: a worker or a test environment.
type Registry interface {
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// Names lists the names of all activities.
func Names() []string { return slices.Sorted(maps.Keys((*Activities)(nil).steps())) }

// Register registers the connection's steps by their names.
func (a *Activities) Register(with Registry) {
	for name, function := range a.steps() {
		with.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
}

func (a *Activities) steps() map[string]any {
	return map[string]any{
		LookupName:       a.Lookup,
		UnlockName:       a.Unlock,
		VerifyName:       a.Verify,
		WatchName:        a.Watch,
		CheckName:        a.Check,
		PrepareName:      a.Prepare,
		SurveyName:       a.Survey,
		CountLockedName:  a.CountLocked,
		ListLockedName:   a.ListLocked,
		ResolveName:      a.Resolve,
		CountUnlocksName: a.CountUnlocks,
	}
}
