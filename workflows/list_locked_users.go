package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// ListLockedUsersName is the name of the workflow type that lists locked users.
const ListLockedUsersName = "ListLockedUsers"

// OutcomeListed is LatchkeyOutcome of a list that was read.
const OutcomeListed = "listed"

// ListInput asks for one page of the locked users of a connection.
type ListInput struct {
	Connection string `json:"connection"`
	activities.ListLockedInput
}

func (in *ListInput) faults() (found faults) {
	found.noteConnection(in.Connection)
	found.note(slices.ContainsFunc(in.Reasons, unknownReason), "reasons", "holds an unknown word: use failed_sign_in, admin, expired and unknown")
	if in.After != "" {
		err := connectors.ValidateID(in.After)
		found.note(err != nil, "after", "is not the next of a page: %v", err)
	}
	return found
}

// ListLockedUsers asks a worker that holds a connection's credential for the next page of
// who is locked there.
func (s served) ListLockedUsers(ctx workflow.Context, raw converter.RawValue) (*activities.ListLockedResult, error) {
	s = s.forRun()
	var in ListInput
	if err := decodeQuestion(raw, &in, in.faults); err != nil {
		return nil, s.wrongInput(ctx, err)
	}
	if err := s.begin(ctx, in.Connection); err != nil {
		return nil, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("The list of `%s` is being read, until %s at the latest.", in.Connection, clock(workflow.Now(ctx).Add(listTimeout))))
	policy := retries
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              activities.Queue(in.Connection),
		ScheduleToCloseTimeout: listTimeout,
		HeartbeatTimeout:       listHeartbeat,
		RetryPolicy:            &policy,
		Summary:                "List who is locked at " + in.Connection,
	})
	var page activities.ListLockedResult
	failed := workflow.ExecuteActivity(ctx, activities.ListLockedName, in.ListLockedInput).Get(ctx, &page)
	explanation := fmt.Sprintf("%d users on this page", len(page.Accounts))
	if page.Missing.Any() {
		explanation += "; the list is not whole, and others may be locked: " + page.Missing.String()
	}
	if err := s.answered(ctx, in.Connection, failed, OutcomeListed, explanation); err != nil {
		return nil, err
	}
	return &page, nil
}
