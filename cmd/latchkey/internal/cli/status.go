package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// statusFlags are the flags of latchkey status and latchkey bulk status.
type statusFlags struct {
	runID  string
	follow bool
	commonFlags
}

// statusCommand shows runs of a kind; that of an unlock shows the others too.
func (a *app) statusCommand(of kind) *cobra.Command {
	var flags statusFlags
	cmd := &cobra.Command{
		Use:   "status WORKFLOW_ID",
		Short: "Show what an unlock is doing, or how it ended",
		Long: "Show an unlock, open or closed: its step, the attempts of what is under way, when the next one\n" +
			"is due and why the last one failed; or its result, or its failure with what was done. It shows\n" +
			"runs over many users too.\n\n" +
			"It exits with 0 while the run goes on, and as latchkey unlock would have once it is closed.",
		Example: "  latchkey status unlock/jumpcloud/5f3c0e8b9a7d6c5e4f3a2b1c\n" +
			"  latchkey status INC-4711 --follow -o json",
		Args:              oneArgument("workflow ID, as latchkey unlock --detach prints it", "unlock/jumpcloud/5f3c0e8b9a7d6c5e4f3a2b1c"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.failed(flags.output, connect(cmd.Context(), flags.temporal, func(c *client.Client) error {
				return a.status(cmd.Context(), of, &flags, c, args[0])
			}))
		},
	}
	if of == many {
		cmd.Short = "Show how far a run over many users is, or how it ended"
		cmd.Long = "Show a run over many users, open or closed: how many are found, decided upon and left, what it\n" +
			"waits for, and what operators did; or its result.\n\n" +
			"It exits with 0 while the run goes on, and as latchkey bulk start would have once it is closed."
		cmd.Example = "  latchkey bulk status INC-4711\n" +
			"  latchkey bulk status INC-4711 --follow -o json"
		cmd.Args = oneBulkRun
	} else {
		cmd.Flags().StringVar(&flags.runID, "run-id", "", "the run, when the newest is not the one (default: the newest)")
		completeNothing(cmd, "run-id")
	}
	cmd.Flags().BoolVar(&flags.follow, "follow", false, "wait for the end")
	flags.add(cmd)
	return cmd
}

func (a *app) status(ctx context.Context, of kind, flags *statusFlags, c *client.Client, workflowID string) error {
	run := c.Attach(workflowID, flags.runID)
	view, err := run.View(ctx)
	if err != nil {
		return err
	}
	types := []string{of.workflow}
	if of == single {
		types = append(types, many.workflow)
	}
	if err := view.MustBe(types...); err != nil {
		return err
	}
	if view.Open() && flags.follow {
		if view.Type == single.workflow { // The newest run of a chain is the one that ends.
			run = c.Attach(view.WorkflowID, view.RunID)
		}
		var failure *client.Failure
		_, err := a.wait(ctx, of, run)
		if err != nil && (!errors.As(err, &failure) || failure.Type == workflows.TypeInterrupted) {
			return err
		}
		if view, err = run.View(ctx); err != nil {
			return err
		}
	}
	if err := a.show(flags.output, view, func() { a.drawView(view) }); err != nil || view.Open() {
		return err
	}
	if view.Failure != nil {
		return shownError{view.Failure}
	}
	return endedWith(view.Result.Word())
}

// drawView draws a run for people.
func (a *app) drawView(view *client.View) {
	now := time.Now()
	rows := []row{
		{"workflow", view.WorkflowID},
		{"run", view.RunID},
		{"status", string(view.Status)},
		{"started", instant(&view.StartedAt)},
		{"closed", instant(view.ClosedAt)},
	}
	if view.Open() && view.Progress == nil {
		rows = append(rows, row{"step", cmp.Or(string(view.Step), view.Unknown)})
	}
	if view.Progress != nil {
		rows = append(rows, progressRows(view.Progress)...)
	}
	if approvalWait(view, now) != "" {
		rows = append(rows, row{"approve it", approveWith(view.WorkflowID)})
	}
	if len(view.Joined) > 0 {
		rows = append(rows, row{"joined by", fmt.Sprintf("%d more", len(view.Joined)+view.JoinedMore)})
	}
	for _, pending := range view.Pending {
		rows = append(rows, row{"under way", pendingText(pending.Activity, pending, now)})
		switch {
		case pending.LastFailure == nil:
		case pending.Expected():
			rows = append(rows, row{"last read", pending.LastFailure.Message})
		default:
			rows = append(rows, row{"last failure", pending.LastFailure.Message})
		}
	}
	hasResult := view.Result != (client.Result{})
	if view.Failure != nil && !hasResult {
		rows = append(rows, row{"failure", view.Failure.Message})
	}
	a.drawRows(rowsOf(rows...)...)
	if view.Progress != nil {
		a.drawCounts("Decision", view.Progress.Counts)
	}
	if hasResult {
		a.println("")
		a.drawResult("", view.Result, view.Failure)
	}
}

// progressRows say how far an open run over many users is.
func progressRows(progress *workflows.Progress) []row {
	rows := []row{
		{"state", string(progress.State)},
		{"waits", progress.Explanation},
		{"done", fmt.Sprintf("%d of %d, %d under way", progress.Decided, progress.Found, progress.InFlight)},
		{"missing", missingText(progress.Missing)},
	}
	for i, each := range pace(progress) {
		rows = append(rows, row{[]string{"rate", "time left"}[i], each})
	}
	return append(rows, interventionRows(progress.Interventions)...)
}

// pendingText says in a few words what an activity, or the step that it is, is at.
func pendingText(what string, pending client.Pending, now time.Time) string {
	text, next := fmt.Sprintf("%s, attempt %d", what, pending.Attempt), "try"
	switch {
	case pending.Expected():
		next = "read"
	case pending.LastFailure != nil && pending.LastFailure.Type != "":
		text += ", last " + pending.LastFailure.Type
	}
	switch {
	case pending.NextAttemptAt != nil && pending.NextAttemptAt.After(now):
		wait := max(pending.NextAttemptAt.Sub(now).Round(time.Second), time.Second)
		return text + ", next " + next + " in " + guard.Round(wait)
	case pending.State == client.PendingScheduled:
		return text + ", waiting for a worker"
	default:
		return text
	}
}

// approvalWait says on the line of progress what an open unlock waits for; empty when it is
// no approval.
func approvalWait(view *client.View, now time.Time) string {
	result := view.Result.Unlock
	if view.Step != workflows.StepApproval || result == nil || result.Approval == nil {
		return ""
	}
	until := result.Approval.Until.UTC()
	clock := until.Format("15:04Z")
	if until.Sub(now) > 12*time.Hour {
		clock = instant(&until)
	}
	return "waiting for an approval until " + clock + "; " + approveWith(view.WorkflowID)
}

func approveWith(workflowID string) string { return "latchkey approvals approve " + workflowID }
