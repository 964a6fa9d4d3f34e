package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// answerKind is one of the answers to a request.
type answerKind struct {
	name, decision, short, long string
	send                        func(*client.Run, context.Context, workflows.Answer) error
}

// answers are what can be said to a request that waits.
var answers = []answerKind{
	{"approve", "approved", "Approve an unlock that waits for it", "The account is looked up again, and\nunlocked if its locks and flags are those that were approved.", (*client.Run).Approve},
	{"deny", "denied", "Deny an unlock that waits for an approval", "The unlock ends as denied, with nothing changed.", (*client.Run).Deny},
}

// answeredView is what was answered to a request.
type answeredView struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Decision   string `json:"decision"`
	By         string `json:"by"`
	Reason     string `json:"reason,omitempty"`
}

func (a *app) answerCommand(kind answerKind) *cobra.Command {
	var answer workflows.Answer
	var runID string
	var output format
	var where place
	cmd := &cobra.Command{
		Use:   kind.name + " WORKFLOW_ID",
		Short: kind.short,
		Long: kind.short + ". " + kind.long + "\n" +
			"This command does not wait for that; the exit code is 7 when the request does not take the answer.\n\n" +
			namesAreClaims,
		Example: "  latchkey approvals " + kind.name + " unlock/jc-prod/5f3c0e8b9a7d6c5e4f3a2b1c --by boss --reason 'I called her'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usagef("give one workflow ID, as latchkey approvals list prints it, such as: %s unlock/jc-prod/5f3c0e8b9a7d6c5e4f3a2b1c", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: where.completeWaiting,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("by") {
				answer.By = a.env.UserName()
			}
			if strings.TrimSpace(answer.By) == "" {
				return usagef("--by is empty: say who answers")
			}
			return a.withSession(cmd.Context(), where, func(connected *session) error {
				return a.answer(cmd.Context(), connected, output, connected.latchkey.Attach(args[0], runID), kind, answer)
			})
		},
	}
	cmd.Flags().StringVar(&answer.By, "by", "", "who answers; a claim, see above (default: the operating system's user name)")
	cmd.Flags().StringVar(&answer.Reason, "reason", "", "why, for the result and the audit log")
	cmd.Flags().StringVar(&runID, "run-id", "", "answer only if this run is the one that waits (default: the newest)")
	addOutput(cmd, &output)
	where.add(cmd)
	complete(cmd, "by")
	complete(cmd, "reason")
	complete(cmd, "run-id")
	return cmd
}

// answer answers the request and shows what was said.
func (a *app) answer(ctx context.Context, connected *session, output format, run *client.Run, kind answerKind, answer workflows.Answer) error {
	described, err := connected.describe(ctx, run.WorkflowID, run.RunID)
	if err != nil {
		return err
	}
	info := described.GetWorkflowExecutionInfo()
	if is := info.GetType().GetName(); is != workflows.UnlockUserName {
		return &client.Failure{Type: string(connectors.NotFound), WorkflowID: run.WorkflowID,
			Message: fmt.Sprintf("%s is a workflow of type %s, and only unlocks of one user wait for approvals: they are shown by latchkey approvals list", run.WorkflowID, is)}
	}
	run.RunID = info.GetExecution().GetRunId() // What is answered is what was looked at.
	if status := statusWord(info.GetStatus()); status != statusRunning {
		return noLongerWaits(run.WorkflowID, status)
	}
	if err := connected.send(ctx, noLongerWaits(run.WorkflowID, "closed"), func(ctx context.Context) error { return kind.send(run, ctx, answer) }); err != nil {
		return err
	}
	view := answeredView{WorkflowID: run.WorkflowID, RunID: run.RunID, Decision: kind.decision, By: answer.By, Reason: answer.Reason}
	if output.structured() {
		return a.encode(output, view)
	}
	return a.drawRows([]row{
		{"workflow", view.WorkflowID},
		{kind.decision + " by", printable(view.By)},
		{"look at it", "latchkey status " + view.WorkflowID + " --follow"},
	})
}

func noLongerWaits(workflowID, status string) *client.Failure {
	return &client.Failure{Type: workflows.TypeRejected, WorkflowID: workflowID,
		Message: fmt.Sprintf("the unlock is %s and waits for no approval; look at it with: latchkey status %s", status, workflowID)}
}

// completeWaiting completes the workflow ID of a request that waits.
func (p *place) completeWaiting(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := dial(cmd.Context(), *p)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer s.close()
	var ids []string
	// What could not be listed is not offered.
	_ = s.latchkey.Awaiting(cmd.Context(), "", func(page []client.Waiting) error {
		for _, each := range page {
			ids = append(ids, each.WorkflowID)
		}
		return nil
	})
	return ids, cobra.ShellCompDirectiveNoFileComp
}
