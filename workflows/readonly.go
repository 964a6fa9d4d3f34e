package workflows

import (
	"slices"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// The names of the workflow types that only ask: what a connection's credential may do, and who
// is locked.
const (
	CheckConnectionName = "CheckConnection"
	ListLockedUsersName = "ListLockedUsers"
)

// LatchkeyOutcome of a connection that was checked, and of a list that was read.
const (
	OutcomeChecked = "checked"
	OutcomeListed  = "listed"
)

// CheckInput names the connection to check.
type CheckInput struct {
	Connection string `json:"connection"`
}

// Normalise reports what is wrong with the input.
func (in *CheckInput) Normalise() error {
	var found faults
	found.noteConnection(in.Connection)
	return found.join()
}

// ListInput asks for one page of the locked users of a connection.
type ListInput struct {
	Connection string `json:"connection"`
	activities.ListLockedInput
}

// Normalise reports every wrong field.
func (in *ListInput) Normalise() error {
	var found faults
	found.noteConnection(in.Connection)
	found.note(slices.ContainsFunc(in.Reasons, unknownReason), "reasons", unknownReasonText)
	if in.After != "" {
		err := connectors.ValidateID(in.After)
		found.note(err != nil, "after", "is not the next of a page: %v", err)
	}
	return found.join()
}
