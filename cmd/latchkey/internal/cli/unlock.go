package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) unlockCommand() *cobra.Command {
	var flags unlockFlags
	cmd := &cobra.Command{
		Use:   "unlock --connection NAME (--user-id ID | --username NAME | --email ADDRESS | --from-file FILE)",
		Short: "Unlock one user and print all that the provider knows about the user, or unlock a list of users",
		Long: "Unlock one user and wait for the proof. It runs as a Temporal workflow: when this command is\n" +
			"interrupted, the unlock goes on.\n\n" +
			"With -o json stdout holds the workflow's result and nothing else. When there is no result, it\n" +
			"holds {\"failure\": {\"type\", \"message\", \"workflowId\", \"runId\"}, \"result\": ...}, where result is\n" +
			"what was done so far, or null. Exit codes: latchkey help exit-codes\n\n" +
			"With --from-file it unlocks the users of a list, at most 5000, in one run, of which the result\n" +
			"counts what became of them. The list is CSV whose header names a column user_id, username or\n" +
			"email (of a row the first of these that is filled counts), JSON lines such as\n" +
			"{\"email\":\"ada@example.com\"}, or one reference a line: what holds an @ is an address, what has the\n" +
			"shape of a provider's ID is one, and the rest are names, unless --as says what they are. Blank\n" +
			"lines and those that begin with # are skipped; a bad line is named before anything starts.",
		Example: "  latchkey unlock --connection jumpcloud --email ada@example.com --reason INC-4711\n" +
			"  latchkey unlock --connection pingone --username ada --dry-run -o json\n" +
			"  latchkey unlock --connection jc-prod --user-id 5f3c0e8b9a7d6c5e4f3a2b1c --only-reasons failed_sign_in\n" +
			"  latchkey unlock --connection jumpcloud --from-file users.csv --report report.csv",
		Args: noArguments("; name the user with --user-id, --username or --email"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("from-file") {
				request, err := flags.request(cmd.Flags(), &a.env)
				if err != nil {
					return err
				}
				return a.startBulk(cmd.Context(), request)
			}
			in, err := flags.input(cmd.Flags(), a.env.UserName)
			if err != nil {
				return err
			}
			return a.unlock(cmd.Context(), &flags, in)
		},
	}
	flags.add(cmd)
	return cmd
}

// unlock starts or joins the run and waits for its end, unless it is to be detached.
func (a *app) unlock(ctx context.Context, flags *unlockFlags, in *workflows.Input) error {
	run, result, err := a.request(ctx, flags, in)
	switch {
	case err != nil:
		return a.failed(flags.output, run, err)
	case flags.detach:
		return a.detached(flags.output, run)
	case flags.output.structured():
		err = a.encode(flags.output, result)
	default:
		err = a.drawResult(run, result, nil)
	}
	if err == nil && ExitCode(string(result.Outcome)) != ExitOK {
		return &outcomeError{word: string(result.Outcome)}
	}
	return err
}

// request returns the run as soon as there is one; the result only if it is waited for.
func (a *app) request(ctx context.Context, flags *unlockFlags, in *workflows.Input) (*client.Run, *workflows.Result, error) {
	connected, err := dial(ctx, flags.place)
	if err != nil {
		return nil, nil, err
	}
	defer connected.close()
	run, err := connected.latchkey.Start(ctx, *in)
	if err != nil {
		return nil, nil, interruptedAtStart(ctx, inTheWay(connected.located(err), "latchkey status"), "interrupted before it was known whether the unlock was started; "+
			"starting it again joins a run that is open for the same user ID or request ID")
	}
	if run.Joined {
		_, _ = fmt.Fprintf(a.env.Stderr, "latchkey: joined the run that another request started: %s\n", run.WorkflowID)
	}
	if flags.detach {
		return run, nil, nil
	}
	result, err := a.wait(ctx, connected, run)
	return run, result, err
}

// interruptedAtStart is the error of a command that was interrupted before it knew of a run.
func interruptedAtStart(ctx context.Context, err error, message string) error {
	if ctx.Err() == nil || isFinal(err) {
		return err
	}
	return &interruptedError{message: message}
}

// wait waits for the end of a run and shows its progress.
func (a *app) wait(ctx context.Context, connected *session, run *client.Run) (*workflows.Result, error) {
	stop := a.showProgress(ctx, "waiting for "+run.WorkflowID, unlockProgress(connected, run))
	result, err := run.Result(ctx)
	stop()
	return result, connected.waited(ctx, run, err, "interrupted; the unlock goes on; look at it with: latchkey status ")
}

// waited is the error of a wait, which an interruption ends without ending the run.
func (s *session) waited(ctx context.Context, run *client.Run, err error, interrupted string) error {
	if err != nil && ctx.Err() != nil && !isFinal(err) {
		return &interruptedError{message: interrupted + run.WorkflowID, workflowID: run.WorkflowID, runID: run.RunID}
	}
	return s.located(err)
}

// detachedView is the answer to a request that nobody waits for.
type detachedView struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Joined     bool   `json:"joined"`
}

func (a *app) detached(output format, run *client.Run) error {
	if output.structured() {
		return a.encode(output, detachedView{WorkflowID: run.WorkflowID, RunID: run.RunID, Joined: run.Joined})
	}
	return a.drawRows([]row{
		{"workflow", run.WorkflowID},
		{"run", run.RunID},
		{"joined", yesNo(run.Joined)},
		{"look at it", "latchkey status " + run.WorkflowID},
	})
}

// failed writes to stdout what is known of a request that has no result, and returns its
// error.
func (a *app) failed(output format, run *client.Run, err error) error {
	view := failedView{Failure: viewFailure(err)}
	view.Result, _ = resultSoFar(err)
	var written error
	if output.structured() {
		written = a.encode(output, view)
	} else if view.Result != nil {
		written = a.drawResult(run, view.Result, &view.Failure)
	}
	if written != nil {
		return written
	}
	return err
}
