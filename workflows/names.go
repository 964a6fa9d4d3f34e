// Package workflows holds Latchkey's workflows, and the types that a caller needs to ask
// for an unlock and to read the answer.
package workflows

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/connectors"
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
	// AttributeUnlockSent is yes or unknown where an unlock was, or may have been, sent, however
	// the run ended; a run that watches the account has it too.
	AttributeUnlockSent = temporal.NewSearchAttributeKeyKeyword("LatchkeyUnlockSent")
)

// What AttributeAwaiting and AttributeOutcome say beside the outcomes and the types of failures.
const (
	// AwaitingApproval: a request waits for an approval. AwaitingRelease: a run over many users
	// waits for an operator.
	AwaitingApproval = "approval"
	AwaitingRelease  = "release"
	// OutcomeCancelled: somebody cancelled the run.
	OutcomeCancelled = "cancelled"
)

// StartAttributes are those to start UnlockUser with, where the namespace has them, so that it is
// found by its connection and by the user's ID from the start. A run that is started without them
// sets them itself, which takes an event more.
func (in *Input) StartAttributes() temporal.SearchAttributes {
	updates := []temporal.SearchAttributeUpdate{AttributeConnection.ValueSet(in.Connection)}
	if in.UserID != "" {
		updates = append(updates, AttributeUserID.ValueSet(in.UserID))
	}
	return temporal.NewSearchAttributes(updates...)
}

// SearchAttributes lists the search attributes' names.
func SearchAttributes() []string {
	return []string{AttributeConnection.GetName(), AttributeProvider.GetName(), AttributeOutcome.GetName(),
		AttributeUserID.GetName(), AttributeAwaiting.GetName(), AttributeUnlockSent.GetName()}
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
	return Fault{Field: "connection", Message: "must be 1 to 63 lower-case letters, digits and hyphens, such as jc-prod"}
}

// UnlockID is the workflow ID of the unlock of one user.
func UnlockID(connection, userID string) string { return unlockIDs + connection + "/" + userID }

// BulkID is the workflow ID of a bulk run.
func BulkID(connection, unique string) string { return bulkIDs + connection + "/" + unique }

// CheckID is the workflow ID of a check of a connection.
func CheckID(connection, unique string) string { return checkIDs + connection + "/" + unique }

// ListID is the workflow ID of a list of locked users.
func ListID(connection, unique string) string { return listIDs + connection + "/" + unique }

// What the IDs begin with that Latchkey gives its own runs, and Temporal those of its schedules.
const (
	unlockIDs   = "unlock/"
	bulkIDs     = "unlock-locked/"
	checkIDs    = "check/"
	listIDs     = "list/"
	ceilingIDs  = "ceiling/"
	temporalIDs = "temporal-sys-"
)

// reservedIDs are those that no request may have: it would be taken for another, and be in its
// way.
var reservedIDs = []string{unlockIDs, bulkIDs, checkIDs, listIDs, ceilingIDs, temporalIDs}

// MayRunAs refuses a run under the ID of another account's unlock, for which whoever asks for
// that one would take it.
func (in *Input) MayRunAs(id string) error {
	rest, isUnlock := strings.CutPrefix(id, unlockIDs)
	connection, userID, _ := strings.Cut(rest, "/")
	another := connectors.ValidateID(userID) == nil && userID != in.UserID
	if isUnlock && (connection != in.Connection || another) {
		return errors.New("the workflow ID is that of another account's unlock: it must be unlock/ with this connection and this userId, or by-name/ and something unique where none is given, or begin otherwise")
	}
	return nil
}

func reserved(id string) bool {
	return slices.ContainsFunc(reservedIDs, func(prefix string) bool { return strings.HasPrefix(strings.ToLower(id), prefix) })
}

// Registry is what takes workflows: a worker, a replayer, a test environment.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Types lists the names of all workflow types.
func Types() []string {
	return []string{CheckConnectionName, KeepCeilingName, ListLockedUsersName, UnlockLockedUsersName, UnlockUserName}
}
