package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// namesAreClaims stands wherever somebody gives a name.
const namesAreClaims = "Names are claims: anybody who may reach Temporal may give any name, unless an authenticating proxy\n" +
	"or Temporal's own authorization stands in front."

func (a *app) approvalsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "approvals",
		Short: "List, approve and deny the unlocks that wait for an approval",
		Long: "An unlock waits for an approval when its caller asks for one, or when the connection's rules\n" +
			"demand it. Whoever asked for it, or joined it, and the account itself must not answer; the\n" +
			"connection says who else may.\n\n" + namesAreClaims,
		Args: noSubcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.approvalsListCommand())
	for _, each := range answers {
		cmd.AddCommand(a.answerCommand(each))
	}
	return cmd
}

func (a *app) approvalsListCommand() *cobra.Command {
	var connection string
	var output format
	var where place
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
				if err := workflows.ValidateConnection(connection); err != nil {
					return &usageError{message: inFlags(err)}
				}
			}
			return a.withSession(cmd.Context(), where, func(connected *session) error {
				return a.listApprovals(cmd.Context(), connected, output, connection)
			})
		},
	}
	cmd.Flags().StringVar(&connection, "connection", "", "only the requests at this connection (default: all)")
	addOutput(cmd, &output)
	where.add(cmd)
	completeWith(cmd, "connection", where.completeConnections)
	return cmd
}

// listApprovals writes each page as it comes.
func (a *app) listApprovals(ctx context.Context, connected *session, output format, connection string) error {
	list := newElements(a.env.Stdout, output, nil)
	shown := 0
	err := connected.latchkey.Awaiting(ctx, connection, func(page []client.Waiting) error {
		shown += len(page)
		if !output.structured() {
			return a.drawWaiting(page)
		}
		for _, each := range page {
			if err := list.add(each, nil); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case output.structured():
		return list.end()
	case shown == 0:
		_, err = fmt.Fprintln(a.env.Stdout, "Nothing waits for an approval.")
	default:
		_, err = fmt.Fprintln(a.env.Stdout, "Answer with: latchkey approvals approve WORKFLOW_ID --reason TEXT, or latchkey approvals deny")
	}
	return err
}

func (a *app) drawWaiting(page []client.Waiting) error {
	if len(page) == 0 {
		return nil
	}
	rows := make([]table.Row, len(page))
	for i, each := range page {
		rows[i] = waitingRow(each)
	}
	return a.drawTable(table.Row{"Workflow ID", "Account", "Requested by", "Reason", "Needed", "Until", "Locks"}, rows)
}

func waitingRow(each client.Waiting) table.Row {
	account := printable(each.UserID + " at " + each.Connection)
	if each.Unknown != "" {
		return table.Row{printable(each.WorkflowID), account, each.Unknown, "", "", "", ""}
	}
	return table.Row{printable(each.WorkflowID), account, printable(each.RequestedBy), printable(each.RequestReason),
		strings.Join(each.Cases, ", "), instant(*each.Until), stateText(each.Before)}
}

// approvalText says what became of an approval, or until when it is waited for.
func approvalText(record *workflows.ApprovalRecord) string {
	var text string
	switch {
	case record.Decision == "":
		text = "waited for until " + instant(record.Until)
	case record.By == "":
		text = record.Decision + " at " + instant(record.Until)
	default:
		text = record.Decision + " by " + record.By + " at " + instant(record.At)
	}
	if record.Reason != "" {
		text += ": " + record.Reason
	}
	return printable(fmt.Sprintf("%s (needed: %s)", text, strings.Join(record.Cases, ", ")))
}

// approvalWait says on the line of progress what an open unlock waits for; empty when it is
// no approval.
func (v *runView) approvalWait(now time.Time) string {
	if v.Step != workflows.StepApproval || v.Result == nil || v.Result.Approval == nil {
		return ""
	}
	until := v.Result.Approval.Until.UTC()
	clock := until.Format("15:04Z")
	if until.Sub(now) > 12*time.Hour {
		clock = instant(until)
	}
	return "waiting for an approval until " + clock + "; " + approveWith(v.WorkflowID)
}

func approveWith(workflowID string) string { return "latchkey approvals approve " + workflowID }
