package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// ListLockedUsersName is the name of the workflow type that lists locked users.
const ListLockedUsersName = "ListLockedUsers"

// ListInput asks for one page of the locked users of a connection.
type ListInput struct {
	Connection string `json:"connection"`
	activities.ListLockedInput
}

// ListLockedUsers asks a worker that holds a connection's credential for the next page of
// who is locked there.
func (s served) ListLockedUsers(ctx workflow.Context, in ListInput) (*activities.ListLockedResult, error) {
	err := ValidateConnection(in.Connection)
	switch {
	case err == nil && slices.ContainsFunc(in.Reasons, unknownReason):
		err = fmt.Errorf("reasons holds an unknown word: use failed_sign_in, admin and unknown")
	case err == nil && in.After != "":
		err = connectors.ValidateID(in.After)
	}
	if err != nil {
		return nil, s.wrongInput(ctx, err)
	}
	if _, err := s.begin(ctx, in.Connection); err != nil {
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
	if err := workflow.ExecuteActivity(ctx, activities.ListLockedName, in.ListLockedInput).Get(ctx, &page); err != nil {
		failed := understand(err, in.Connection)
		workflow.SetCurrentDetails(ctx, endDetails(failed.kind, failed.message))
		return nil, fail(failed.kind, failed.message)
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**listed**: %d users on this page", len(page.Accounts)))
	return &page, nil
}
