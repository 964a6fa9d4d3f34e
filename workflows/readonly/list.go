package readonly

import (
	"fmt"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// ListLockedUsers asks a worker that holds a connection's credential for the next page of
// who is locked there.
func (w reader) ListLockedUsers(ctx workflow.Context, raw converter.RawValue) (*activities.ListLockedResult, error) {
	attributes := run.NewAttributes(w.has)
	in, err := workflows.Decode[workflows.ListInput](raw)
	if err != nil {
		return nil, attributes.WrongInput(ctx, err)
	}
	if err := attributes.Begin(ctx, in.Connection); err != nil {
		return nil, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("The list of `%s` is being read, until %s at the latest.", in.Connection, run.Clock(workflow.Now(ctx).Add(run.ListTimeout))))
	page, failed := run.Step(run.WithWalks(ctx, in.Connection, run.ListTimeout, "List who is locked at "+in.Connection), run.Steps.ListLocked, in.ListLockedInput)
	explanation := ""
	if failed == nil {
		explanation = fmt.Sprintf("%d users on this page", len(page.Accounts))
		if page.Missing.Any() {
			explanation += "; the list is not whole, and others may be locked: " + page.Missing.String()
		}
	}
	if err := answered(ctx, attributes, in.Connection, failed, workflows.OutcomeListed, explanation); err != nil {
		return nil, err
	}
	return page, nil
}
