package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
)

// statusFlags are the flags of latchkey status.
type statusFlags struct {
	runID  string
	follow bool
	output format
	place  place
}

func (a *app) statusCommand() *cobra.Command {
	var flags statusFlags
	cmd := &cobra.Command{
		Use:   "status WORKFLOW_ID",
		Short: "Show what an unlock is doing, or how it ended",
		Long: "Show an unlock, open or closed: its step, the attempts of what is under way, when the next one\n" +
			"is due and why the last one failed; or its result, or its failure with what was done.\n\n" +
			"It exits with 0 while the run goes on, and as latchkey unlock would have once it is closed.",
		Example: "  latchkey status unlock/jumpcloud/5f3c0e8b9a7d6c5e4f3a2b1c\n" +
			"  latchkey status INC-4711 --follow -o json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("give one workflow ID, as latchkey unlock --detach prints it; %d were given", len(args))
			}
			if args[0] == "" {
				return usagef("the workflow ID is empty: give one as latchkey unlock --detach prints it")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.status(cmd.Context(), &flags, args[0])
		},
	}
	cmd.Flags().StringVar(&flags.runID, "run-id", "", "the run, when the newest is not the one (default: the newest)")
	cmd.Flags().BoolVar(&flags.follow, "follow", false, "wait for the end")
	addOutput(cmd, &flags.output)
	flags.place.add(cmd)
	complete(cmd, "run-id")
	return cmd
}

func (a *app) status(ctx context.Context, flags *statusFlags, workflowID string) error {
	view, err := a.view(ctx, flags, workflowID)
	if err != nil {
		return a.failed(flags.output, nil, err)
	}
	if flags.output.structured() {
		err = a.encode(flags.output, view)
	} else {
		err = a.drawRun(view)
	}
	switch {
	case err != nil:
		return err
	case view.failed != nil:
		return view.failed
	case !view.open() && ExitCode(string(view.Result.Outcome)) != ExitOK:
		return &outcomeError{word: string(view.Result.Outcome)}
	default:
		return nil
	}
}

// view looks at the run, after its end if it is to be followed.
func (a *app) view(ctx context.Context, flags *statusFlags, workflowID string) (*runView, error) {
	connected, err := dial(ctx, flags.place)
	if err != nil {
		return nil, err
	}
	defer connected.close()
	view, err := connected.look(ctx, workflowID, flags.runID)
	if err != nil {
		return nil, err
	}
	if view.open() && flags.follow {
		// How it failed is read from the run below; here only the wait can fail.
		var failure *client.Failure
		if _, err = a.wait(ctx, connected, connected.latchkey.Attach(view.WorkflowID, view.RunID)); err != nil && !errors.As(err, &failure) {
			return nil, err
		}
		if view, err = connected.look(ctx, view.WorkflowID, view.RunID); err != nil {
			return nil, err
		}
	}
	if !view.open() {
		err = connected.conclude(ctx, view)
	}
	return view, err
}

// drawRun draws a run for people.
func (a *app) drawRun(view *runView) error {
	rows := []row{
		{"workflow", view.WorkflowID},
		{"run", view.RunID},
		{"status", view.Status},
		{"started", instant(view.StartedAt)},
	}
	if view.ClosedAt != nil {
		rows = append(rows, row{"closed", instant(*view.ClosedAt)})
	}
	if view.open() {
		rows = append(rows, row{"step", firstOf(string(view.Step), view.StepUnknown)})
	}
	if view.approvalWait(time.Now()) != "" {
		rows = append(rows, row{"approve it", approveWith(view.WorkflowID)})
	}
	if len(view.Joined) > 0 {
		rows = append(rows, row{"joined by", fmt.Sprintf("%d more", len(view.Joined)+view.JoinedMore)})
	}
	for _, pending := range view.Pending {
		rows = append(rows, row{"under way", pendingText(pending.Activity, pending, time.Now())})
		switch {
		case pending.LastFailure == nil:
		case pending.expected():
			rows = append(rows, row{"last read", pending.LastFailure.Message})
		default:
			rows = append(rows, row{"last failure", pending.LastFailure.Message})
		}
	}
	if err := a.drawRows(rows); err != nil || view.Result == nil {
		return err
	}
	if _, err := fmt.Fprintln(a.env.Stdout); err != nil {
		return err
	}
	return a.drawResult(nil, view.Result, view.Failure)
}

// pendingText says in a few words what an activity, or the step that it is, is at.
func pendingText(what string, pending pendingView, now time.Time) string {
	text, next := fmt.Sprintf("%s, attempt %d", what, pending.Attempt), "try"
	switch {
	case pending.expected():
		next = "read"
	case pending.LastFailure != nil && pending.LastFailure.Type != "":
		text += ", last " + pending.LastFailure.Type
	}
	switch {
	case pending.NextAttemptAt != nil && pending.NextAttemptAt.After(now):
		wait := max(pending.NextAttemptAt.Sub(now).Round(time.Second), time.Second)
		return text + ", next " + next + " in " + guard.Round(wait)
	case pending.State == stateScheduled:
		return text + ", waiting for a worker"
	default:
		return text
	}
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
