package cli

import (
	"context"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// namesAreClaims stands wherever somebody gives a name.
const namesAreClaims = "Names are claims: anybody who may reach Temporal may give any name, unless an authenticating proxy\n" +
	"or Temporal's own authorization stands in front."

func (a *app) approvalsCommand() *cobra.Command {
	cmd := group("approvals", "List, approve and deny the unlocks that wait for an approval",
		"An unlock waits for an approval when its caller asks for one, or when the connection's rules\n"+
			"demand it. Whoever asked for it, or joined it, and the account itself must not answer; the\n"+
			"connection says who else may.\n\n"+namesAreClaims, a.approvalsListCommand())
	for _, each := range answers {
		cmd.AddCommand(a.answerCommand(each))
	}
	return cmd
}

func (a *app) approvalsListCommand() *cobra.Command {
	var connection string
	var common commonFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the unlocks that wait for an approval: who asked, why, and until when",
		Long: "Lists the unlocks that wait for an approval. It finds them by Latchkey's search attributes, which\n" +
			"latchkey setup registers; one that began to wait seconds ago may be missing still.",
		Example: "  latchkey approvals list\n" +
			"  latchkey approvals list --connection jc-prod -o json",
		Args: noArguments("; name a connection with --connection"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if connection != "" {
				if err := flagFaults(workflows.ValidateConnection(connection)); err != nil {
					return err
				}
			}
			return connect(cmd.Context(), common.temporal, func(c *client.Client) error {
				return a.listApprovals(cmd.Context(), c, common.output, connection)
			})
		},
	}
	addConnection(cmd, &connection, &common.temporal, false)
	common.add(cmd)
	return cmd
}

func (a *app) listApprovals(ctx context.Context, c *client.Client, output format, connection string) error {
	list := a.newList(a.env.Stdout, output, table.Row{"Workflow ID", "Account", "Requested by", "Reason", "Needed", "Until", "Locks"}, nil)
	err := c.Awaiting(ctx, connection, func(page []client.Waiting) error {
		for _, each := range page {
			if err := list.add(each, waitingRow(each), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = list.end()
	}
	switch {
	case err != nil || output.structured():
		return err
	case list.count == 0:
		a.println("Nothing waits for an approval.")
	default:
		a.println("Answer with: latchkey approvals approve WORKFLOW_ID --reason TEXT, or latchkey approvals deny")
	}
	return nil
}

func waitingRow(each client.Waiting) table.Row {
	account := each.UserID + " at " + each.Connection
	if each.Unknown != "" {
		return table.Row{each.WorkflowID, account, each.Unknown, "", "", "", ""}
	}
	return table.Row{each.WorkflowID, account, each.RequestedBy, each.RequestReason,
		strings.Join(each.Cases, ", "), instant(each.Until), stateText(each.Before)}
}

// answerKind is one of the answers to a request.
type answerKind struct {
	name, decision, short, long string
	send                        func(*client.Run, context.Context, workflows.Answer) error
}

// answers are those to a request that waits.
var answers = []answerKind{
	{"approve", "approved", "Approve an unlock that waits for it", "The account is looked up again, and\nunlocked if its locks and flags are those that were approved.", (*client.Run).Approve},
	{"deny", "denied", "Deny an unlock that waits for an approval", "The unlock ends as denied, with nothing changed.", (*client.Run).Deny},
}

// answeredView is the answer that a request took.
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
	var common commonFlags
	const example = "unlock/jc-prod/5f3c0e8b9a7d6c5e4f3a2b1c"
	cmd := &cobra.Command{
		Use:   kind.name + " WORKFLOW_ID",
		Short: kind.short,
		Long: kind.short + ". " + kind.long + "\n" +
			"This command does not wait for that; the exit code is 7 when the request does not take the answer.\n\n" +
			namesAreClaims,
		Example: "  latchkey approvals " + kind.name + " " + example + " --by boss --reason 'I called her'",
		Args:    oneArgument("workflow ID, as latchkey approvals list prints it", example),
		ValidArgsFunction: common.temporal.completeWith(func(ctx context.Context, c *client.Client) (ids []string) {
			_ = c.Awaiting(ctx, "", func(page []client.Waiting) error {
				for _, each := range page {
					ids = append(ids, each.WorkflowID)
				}
				return nil
			})
			return ids
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(answer.By) == "" {
				return usagef("--by is empty: say who answers")
			}
			return connect(cmd.Context(), common.temporal, func(c *client.Client) error {
				run := c.Attach(args[0], runID)
				if err := kind.send(run, cmd.Context(), answer); err != nil {
					return single.withHint(err)
				}
				view := answeredView{WorkflowID: run.WorkflowID, RunID: run.RunID, Decision: kind.decision, By: answer.By, Reason: answer.Reason}
				return a.show(common.output, view, func() {
					a.drawRows(row{"workflow", view.WorkflowID}, row{kind.decision + " by", view.By},
						row{"look at it", "latchkey status " + view.WorkflowID + " --follow"})
				})
			})
		},
	}
	a.addName(cmd, &answer.By, "by", "who answers; a claim, see above")
	cmd.Flags().StringVar(&answer.Reason, "reason", "", "why, for the result and the audit log")
	cmd.Flags().StringVar(&runID, "run-id", "", "answer only if this run is the one that waits (default: the newest)")
	completeNothing(cmd, "reason", "run-id")
	common.add(cmd)
	return cmd
}
