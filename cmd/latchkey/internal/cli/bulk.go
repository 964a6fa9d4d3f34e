package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) bulkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bulk",
		Short: "Unlock all locked users under a policy, and look after such runs",
		Long: "A run over many users is one workflow, with an unlock of its own for each user. It is started\n" +
			"here, by latchkey unlock --from-file or by a schedule; the other commands take its workflow ID.",
		Args: noArguments(""),
	}
	cmd.AddCommand(a.bulkStartCommand(), a.bulkStatusCommand(), a.bulkReportCommand())
	for _, each := range bulkCommands {
		cmd.AddCommand(a.bulkTellCommand(each.update, each.short, each.long))
	}
	return cmd
}

// bulkRequest is a run over many users that is to be started.
type bulkRequest struct {
	in     workflows.BulkInput
	detach bool
	// report is the file to write each decision to; empty for none.
	report string
	output format
	place  place
}

// check finds what is wrong with a request before anything starts.
func (r *bulkRequest) check() error {
	if r.in.Timeout == 0 {
		// Zero would be taken for "not given".
		return usagef("--timeout must be at least 1s")
	}
	if r.report != "" && r.detach {
		return usagef("--report needs the end of the run: without --detach, or later with latchkey bulk report")
	}
	if err := r.in.Normalise(); err != nil {
		return &usageError{message: inFlags(err)}
	}
	return checkReport(r.report)
}

// startBulk starts the run and waits for its end, unless it is to be detached.
func (a *app) startBulk(ctx context.Context, request *bulkRequest) error {
	connected, err := dial(ctx, request.place)
	if err != nil {
		return a.failedBulk(request.output, nil, err)
	}
	defer connected.close()
	run, err := connected.latchkey.StartBulk(ctx, request.in)
	if err != nil {
		return a.failedBulk(request.output, nil, interruptedAtStart(ctx, inTheWay(connected.located(err), "latchkey bulk status"),
			"interrupted before it was known whether the run was started; with --request-id, starting it again would tell"))
	}
	if request.detach {
		return a.detachedBulk(request.output, run)
	}
	return a.finishBulk(ctx, connected, run, request)
}

// finishBulk waits for the end of a run and shows it.
func (a *app) finishBulk(ctx context.Context, connected *session, run *client.Run, request *bulkRequest) error {
	result, err := a.waitBulk(ctx, connected, run)
	var failure *client.Failure
	reported := true
	if request.report != "" && (err == nil || errors.As(err, &failure)) {
		reported = a.reportAtEnd(ctx, connected, run, request.report)
	}
	if err != nil {
		return a.failedBulk(request.output, run, err)
	}
	if err := a.showBulk(request.output, run, result); err != nil || reported {
		return err
	}
	return &outcomeError{word: workflows.TypeInternal} // What went wrong was said.
}

// reportAtEnd writes the report, and reports whether it could. That it could not does not
// hide how the run ended.
func (a *app) reportAtEnd(ctx context.Context, connected *session, run *client.Run, path string) bool {
	err := a.reportTo(ctx, connected, run, path)
	if err != nil {
		_, _ = fmt.Fprintf(a.env.Stderr, "latchkey: %s\nlatchkey: take the report again with: latchkey bulk report %s --report FILE\n", printable(err.Error()), run.WorkflowID)
	}
	return err == nil
}

// waitBulk waits for the end of a run and shows its progress.
func (a *app) waitBulk(ctx context.Context, connected *session, run *client.Run) (*workflows.BulkResult, error) {
	stop := a.showProgress(ctx, "waiting for "+run.WorkflowID, a.bulkProgress(run))
	result, err := run.BulkResult(ctx)
	stop()
	return result, connected.waited(ctx, run, err, "interrupted; the run goes on; look at it with: latchkey bulk status ")
}

func (a *app) detachedBulk(output format, run *client.Run) error {
	if output.structured() {
		return a.encode(output, detachedView{WorkflowID: run.WorkflowID, RunID: run.RunID})
	}
	return a.drawRows([]row{
		{"workflow", run.WorkflowID},
		{"run", run.RunID},
		{"look at it", "latchkey bulk status " + run.WorkflowID},
	})
}

// showBulk shows a result, and returns the exit code that it means.
func (a *app) showBulk(output format, run *client.Run, result *workflows.BulkResult) error {
	var err error
	if output.structured() {
		err = a.encode(output, result)
	} else {
		err = a.drawBulk(run, result, nil)
	}
	if word := bulkWord(result); err == nil && ExitCode(word) != ExitOK {
		return &outcomeError{word: word}
	}
	return err
}

// failedBulk writes to stdout what is known of a run without a result, and returns its error.
func (a *app) failedBulk(output format, run *client.Run, err error) error {
	view := failedBulkView{Failure: viewFailure(err)}
	_, view.Result = resultSoFar(err)
	var written error
	if output.structured() {
		written = a.encode(output, view)
	} else if view.Result != nil {
		written = a.drawBulk(run, view.Result, &view.Failure)
	}
	if written != nil {
		return written
	}
	return err
}

// bulkWord is the word for a result that has the exit code: how the run ended if it left
// users alone, or else the worst that became of a user.
func bulkWord(result *workflows.BulkResult) string {
	if result.Outcome == workflows.Held || result.Outcome == workflows.Aborted {
		return string(result.Outcome)
	}
	for _, word := range workflows.DecisionWords() {
		if word.Class == workflows.ClassLocked && result.Counts[word.Word] > 0 {
			return word.Word
		}
	}
	return string(result.Outcome)
}
