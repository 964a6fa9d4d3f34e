package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// bulkView is what can be seen of a run over many users, open or closed.
type bulkView struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	// Status is Temporal's word: running, completed, failed, canceled, terminated, timed_out.
	Status   string     `json:"status"`
	ClosedAt *time.Time `json:"closedAt"`
	// Progress is how far an open run is; null with a ProgressUnknown that says why when no
	// worker answered.
	Progress        *workflows.Progress   `json:"progress"`
	ProgressUnknown string                `json:"progressUnknown,omitempty"`
	Failure         *failureView          `json:"failure,omitempty"`
	Result          *workflows.BulkResult `json:"result"`

	failed error
}

func (v *bulkView) open() bool { return v.Status == statusRunning }

// oneRun asks for the ID of one run over many users.
func oneRun(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usagef("give one workflow ID, such as: %s unlock-locked/jumpcloud/0a1b", cmd.CommandPath())
	}
	return nil
}

func (a *app) bulkStatusCommand() *cobra.Command {
	var flags statusFlags
	cmd := &cobra.Command{
		Use:   "status WORKFLOW_ID",
		Short: "Show how far a run over many users is, or how it ended",
		Long: "Show a run over many users, open or closed: how many are found, decided upon and left, what it\n" +
			"waits for, and what operators did; or its result.\n\n" +
			"It exits with 0 while the run goes on, and as latchkey bulk start would have once it is closed.",
		Example: "  latchkey bulk status INC-4711\n" +
			"  latchkey bulk status INC-4711 --follow -o json",
		Args:              oneRun,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bulkStatus(cmd.Context(), &flags, args[0])
		},
	}
	cmd.Flags().BoolVar(&flags.follow, "follow", false, "wait for the end")
	addOutput(cmd, &flags.output)
	flags.place.add(cmd)
	return cmd
}

func (a *app) bulkStatus(ctx context.Context, flags *statusFlags, workflowID string) error {
	connected, run, view, err := attachBulk(ctx, flags.place, workflowID)
	if err != nil {
		return a.failedBulk(flags.output, nil, err)
	}
	defer connected.close()
	if err := a.lookBulk(ctx, connected, run, view, flags.follow); err != nil {
		return a.failedBulk(flags.output, nil, err)
	}
	if flags.output.structured() {
		err = a.encode(flags.output, view)
	} else {
		err = a.drawBulkRun(run, view)
	}
	switch {
	case err != nil:
		return err
	case view.failed != nil:
		return view.failed
	case view.Result != nil && ExitCode(bulkWord(view.Result)) != ExitOK:
		return &outcomeError{word: bulkWord(view.Result)}
	default:
		return nil
	}
}

// attachBulk connects, and finds a run over many users.
func attachBulk(ctx context.Context, where place, workflowID string) (*session, *client.Run, *bulkView, error) {
	connected, err := dial(ctx, where)
	if err != nil {
		return nil, nil, nil, err
	}
	view, err := connected.findBulk(ctx, workflowID)
	if err != nil {
		connected.close()
		return nil, nil, nil, err
	}
	return connected, connected.latchkey.Attach(view.WorkflowID, view.RunID), view, nil
}

func (s *session) findBulk(ctx context.Context, workflowID string) (*bulkView, error) {
	described, err := s.describe(ctx, workflowID, "")
	if err != nil {
		return nil, err
	}
	info := described.GetWorkflowExecutionInfo()
	if kind := info.GetType().GetName(); kind != workflows.UnlockLockedUsersName {
		return nil, &client.Failure{Type: string(connectors.NotFound), WorkflowID: workflowID,
			Message: fmt.Sprintf("%s is a workflow of type %s and no run over many users; for one user use: latchkey status", workflowID, kind)}
	}
	return &bulkView{
		WorkflowID: info.GetExecution().GetWorkflowId(),
		RunID:      info.GetExecution().GetRunId(),
		Status:     statusWord(info.GetStatus()),
		ClosedAt:   timeOf(info.GetCloseTime()),
	}, nil
}

// lookBulk completes the view, after the run's end if it is to be followed.
func (a *app) lookBulk(ctx context.Context, connected *session, run *client.Run, view *bulkView, follow bool) error {
	if view.open() && !follow {
		asked, cancel := context.WithTimeout(ctx, client.AskTimeout)
		defer cancel()
		var err error
		if view.Progress, err = run.Progress(asked); err != nil {
			view.ProgressUnknown = client.NoAnswer
		}
		return nil
	}
	wasOpen := view.open()
	result, err := a.waitBulk(ctx, connected, run)
	var failure *client.Failure
	if err != nil && !errors.As(err, &failure) {
		return err
	}
	if wasOpen { // How Temporal calls its end is known only now.
		closed, err := connected.findBulk(ctx, view.WorkflowID)
		if err != nil {
			return err
		}
		*view = *closed
	}
	if view.Result = result; failure != nil {
		view.failed, view.Result = failure, failure.Bulk
		view.Failure = &failureView{Type: failure.Type, Message: failure.Message}
	}
	return nil
}

// drawBulkRun draws a run over many users for people.
func (a *app) drawBulkRun(run *client.Run, view *bulkView) error {
	if view.Result != nil {
		return a.drawBulk(run, view.Result, view.Failure)
	}
	rows := []row{{"workflow", view.WorkflowID}, {"status", view.Status}}
	switch {
	case view.Failure != nil:
		rows = append(rows, row{"failure", printable(view.Failure.Message)})
	case view.Progress == nil:
		rows = append(rows, row{"state", view.ProgressUnknown})
	default:
		rows = append(rows, progressRows(view.Progress)...)
	}
	if err := a.drawRows(rows); err != nil || view.Progress == nil {
		return err
	}
	return a.drawCounts("Decision", view.Progress.Counts)
}

func progressRows(progress *workflows.Progress) []row {
	rows := []row{{"state", string(progress.State)}}
	if progress.Explanation != "" {
		rows = append(rows, row{"waits", printable(progress.Explanation)})
	}
	rows = append(rows,
		row{"started", instant(progress.StartedAt)},
		row{"done", fmt.Sprintf("%d of %d, %d under way", progress.Decided, progress.Found, progress.InFlight)})
	rows = append(rows, missingRows(progress.Missing)...)
	for i, each := range paceOf(progress) {
		rows = append(rows, row{[]string{"rate", "time left"}[i], each})
	}
	for _, each := range progress.Interventions {
		rows = append(rows, row{each.What, interventionText(each)})
	}
	return rows
}
