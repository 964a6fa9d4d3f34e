package cli

import (
	"context"
	"errors"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// kind is what differs between an unlock of one user and a run over many.
type kind struct {
	// workflow is the type of its workflow.
	workflow string
	noun     string
	// status is the command that shows one.
	status string
	// again says what starting one again would do.
	again string
}

var (
	single = kind{workflows.UnlockUserName, "unlock", "latchkey status", "starting it again joins a run that is open for the same user ID or request ID"}
	many   = kind{workflows.UnlockLockedUsersName, "run", "latchkey bulk status", "with --request-id, starting it again would show it"}
)

// withHint adds to a failure that another run is the reason of how to look at that one.
func (k kind) withHint(err error) error {
	var failure *client.Failure
	if !errors.As(err, &failure) || failure.Type != workflows.TypeAlreadyRunning && failure.Type != workflows.TypeRejected {
		return err
	}
	hinted := *failure
	hinted.Message += "; look at it with: " + k.status + " " + hinted.WorkflowID
	return &hinted
}

// start starts a run, waits for its end unless it is to be detached, and writes what became of
// each user to the file that report names, if any.
func (a *app) start(ctx context.Context, of kind, flags *requestFlags, report string, start func(*client.Client) (*client.Run, error)) error {
	return a.failed(flags.output, connect(ctx, flags.temporal, func(c *client.Client) error {
		run, err := start(c)
		switch {
		case err != nil && ctx.Err() != nil && !conclusive(err):
			return &client.Failure{Type: workflows.TypeInterrupted,
				Message: "interrupted before it was known whether the " + of.noun + " was started; " + of.again}
		case err != nil:
			return of.withHint(err)
		}
		if run.Joined {
			a.warn("joined the run that another request started: %s", run.WorkflowID)
		}
		if flags.detach {
			return a.detached(of, flags.output, run)
		}
		return a.finish(ctx, of, flags.output, run, report)
	}))
}

// detachedView is the answer to a request that nobody waits for.
type detachedView struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Joined     bool   `json:"joined"`
}

func (a *app) detached(of kind, output format, run *client.Run) error {
	return a.show(output, detachedView{WorkflowID: run.WorkflowID, RunID: run.RunID, Joined: run.Joined}, func() {
		a.drawRows(row{"workflow", run.WorkflowID}, row{"run", run.RunID}, row{"joined", yesNo(run.Joined)},
			row{"look at it", of.status + " " + run.WorkflowID})
	})
}

// finish waits for the end of a run and shows its result.
func (a *app) finish(ctx context.Context, of kind, output format, run *client.Run, report string) error {
	result, err := a.wait(ctx, of, run)
	var failure *client.Failure
	reported := true
	if report != "" && (err == nil || errors.As(err, &failure) && failure.Type != workflows.TypeInterrupted) {
		reported = a.reportAtEnd(ctx, run, report)
	}
	if err != nil {
		return err
	}
	if err := a.show(output, result, func() { a.drawResult(run.WorkflowID, result, nil) }); err != nil {
		return err
	}
	if err := endedWith(result.Word()); err != nil || reported {
		return err
	}
	return endedWith(workflows.TypeInternal) // What went wrong was said.
}

// wait waits for the end of a run and shows its progress. An interruption ends the wait and
// leaves the run alone.
func (a *app) wait(ctx context.Context, of kind, run *client.Run) (client.Result, error) {
	stop := a.showProgress(ctx, run)
	result, err := run.Wait(ctx)
	stop()
	if err != nil && ctx.Err() != nil && !conclusive(err) {
		err = &client.Failure{Type: workflows.TypeInterrupted, WorkflowID: run.WorkflowID, RunID: run.RunID,
			Message: "interrupted; the " + of.noun + " goes on; look at it with: " + of.status + " " + run.WorkflowID}
	}
	return result, err
}

// failedView stands on stdout in the place of a result, for machines: why there is none,
// and what was done before.
type failedView struct {
	Failure *client.Failure `json:"failure"`
	Result  client.Result   `json:"result"`
}

// failed writes to stdout what is known of a request that has no result, and returns its
// error.
func (a *app) failed(output format, err error) error {
	var shown shownError
	var ended *outcomeError
	if err == nil || errors.As(err, &shown) || errors.As(err, &ended) {
		return err
	}
	failure, _ := explain(err)
	soFar := failure.SoFar()
	written := a.show(output, failedView{Failure: failure, Result: soFar}, func() {
		if soFar != (client.Result{}) {
			a.drawResult(failure.WorkflowID, soFar, failure)
		}
	})
	if written != nil {
		return written
	}
	return err
}
