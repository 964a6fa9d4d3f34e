// Package workflows holds Latchkey's workflows, and the types that a caller needs to ask
// for an unlock and to read the answer.
package workflows

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// UnlockUserName is the name of the workflow type that unlocks one user.
const UnlockUserName = "UnlockUser"

// TaskQueue is where workflows run, on workers that need no secret.
const TaskQueue = "latchkey"

// The update and the query that UnlockUser answers.
const (
	// JoinUpdate records that another request waits for the same run; see Join.
	JoinUpdate = "join"
	// StatusQuery tells the step and the result so far; see Status.
	StatusQuery = "status"
)

// Priorities of requests within a task queue; activities inherit them.
const (
	PriorityInteractive = 1
	PriorityBulk        = 5
)

// The search attributes, all of type Keyword. Workers find out which of them the
// namespace knows; without them everything works but the search.
var (
	AttributeConnection = temporal.NewSearchAttributeKeyKeyword("LatchkeyConnection")
	AttributeProvider   = temporal.NewSearchAttributeKeyKeyword("LatchkeyProvider")
	AttributeOutcome    = temporal.NewSearchAttributeKeyKeyword("LatchkeyOutcome")
	AttributeUserID     = temporal.NewSearchAttributeKeyKeyword("LatchkeyUserId")
	AttributeAwaiting   = temporal.NewSearchAttributeKeyKeyword("LatchkeyAwaiting")
)

// SearchAttributes lists the search attributes' names.
func SearchAttributes() []string {
	return []string{AttributeConnection.GetName(), AttributeProvider.GetName(), AttributeOutcome.GetName(),
		AttributeUserID.GetName(), AttributeAwaiting.GetName()}
}

// SearchAttributeTypes is what a namespace must have for the runs to be found.
func SearchAttributeTypes() map[string]enumspb.IndexedValueType {
	types := map[string]enumspb.IndexedValueType{}
	for _, name := range SearchAttributes() {
		types[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	return types
}

var connectionShape = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// ValidateConnection reports whether name can be a connection's: it is part of task
// queues and workflow IDs, and becomes part of environment variables.
func ValidateConnection(name string) error {
	if connectionShape.MatchString(name) {
		return nil
	}
	return fmt.Errorf("connection must be 1 to 63 lower-case letters, digits and hyphens, such as jc-prod")
}

// UnlockID is the workflow ID of the unlock of one user.
func UnlockID(connection, userID string) string { return "unlock/" + connection + "/" + userID }

// Registry is what takes workflows: a worker, a replayer, a test environment.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Register registers the workflows by their names. Known are those of the search attributes
// that the namespace has: setting another would stop a run.
func Register(with Registry, known []string) {
	for name, function := range (served{attributes: known}).types() {
		with.RegisterWorkflowWithOptions(function, workflow.RegisterOptions{Name: name})
	}
}

// Types lists the names of all workflow types.
func Types() []string { return slices.Sorted(maps.Keys(served{}.types())) }

func (s served) types() map[string]any {
	return map[string]any{
		UnlockUserName:        s.UnlockUser,
		CheckConnectionName:   s.CheckConnection,
		UnlockLockedUsersName: s.UnlockLockedUsers,
		ListLockedUsersName:   s.ListLockedUsers,
		KeepCeilingName:       s.KeepCeiling,
	}
}
