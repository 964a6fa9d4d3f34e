package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// bulkCommands are what a run over many users can be told.
var bulkCommands = []struct{ update, short, long string }{
	{workflows.PauseUpdate, "Let a run begin no further unlock until it is resumed", "Unlocks that are under way go on."},
	{workflows.ResumeUpdate, "Let a run that is paused go on", ""},
	{workflows.ReleaseUpdate, "Let a run that holds unlock after all", "A run holds when more users were locked lately than its policy takes for usual, which may be an\n" +
		"attack. Once released it lists who is locked anew."},
	{workflows.AbortUpdate, "End a run with nobody else unlocked", "Unlocks that are under way are waited for."},
}

// tellTimeout bounds the wait for a worker that may not be there.
const tellTimeout = 30 * time.Second

func (a *app) bulkTellCommand(update, short, long string) *cobra.Command {
	var command workflows.Command
	var output format
	var where place
	cmd := &cobra.Command{
		Use:               update + " WORKFLOW_ID",
		Short:             short,
		Long:              long,
		Args:              oneRun,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("requested-by") {
				command.RequestedBy = a.env.UserName()
			}
			return a.tell(cmd.Context(), where, output, args[0], update, command)
		},
	}
	cmd.Flags().StringVar(&command.RequestReason, "reason", "", "why, for the result and the audit log")
	cmd.Flags().StringVar(&command.RequestedBy, "requested-by", "", "who says so, for the result and the audit log (default: the operating system's user name)")
	addOutput(cmd, &output)
	where.add(cmd)
	complete(cmd, "reason")
	complete(cmd, "requested-by")
	return cmd
}

// tell tells a run what to do, and shows how far it is then.
func (a *app) tell(ctx context.Context, where place, output format, workflowID, what string, command workflows.Command) error {
	connected, run, view, err := attachBulk(ctx, where, workflowID)
	if err != nil {
		return err
	}
	defer connected.close()
	if !view.open() {
		return closedAlready(workflowID, view.Status)
	}
	var progress *workflows.Progress
	if err := connected.send(ctx, closedAlready(workflowID, "closed"), func(ctx context.Context) error {
		progress, err = run.Command(ctx, what, command)
		return err
	}); err != nil {
		return err
	}
	if output.structured() {
		return a.encode(output, progress)
	}
	view.Progress = progress
	return a.drawBulkRun(run, view)
}

// send sends a run an update, for which a worker must be there. The failure is closed when
// the run has closed in between.
func (s *session) send(ctx context.Context, closed *client.Failure, update func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	err := update(bounded)
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		return closed
	case err != nil && bounded.Err() != nil && ctx.Err() == nil:
		return &client.Failure{Type: workflows.TypeNoWorker, WorkflowID: closed.WorkflowID, Message: client.NoAnswer}
	default:
		return s.located(err)
	}
}

func closedAlready(workflowID, status string) *client.Failure {
	return &client.Failure{Type: workflows.TypeRejected, WorkflowID: workflowID,
		Message: fmt.Sprintf("the run %s is %s: there is nothing to tell it; look at it with: latchkey bulk status %s", workflowID, status, workflowID)}
}
