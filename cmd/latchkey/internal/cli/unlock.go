package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/cmd/latchkey/internal/userlist"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) unlockCommand() *cobra.Command {
	var request requestFlags
	var demands guardFlags
	var in workflows.Input
	var summary bool
	cmd := &cobra.Command{
		Use:   "unlock --connection NAME (USER | --user-id ID | --username NAME | --email ADDRESS)",
		Short: "Unlock one user and print all that the provider knows about the user",
		Long: "Unlock one user and wait for the proof. It runs as a Temporal workflow: when this command is\n" +
			"interrupted, the unlock goes on. For many users see: latchkey bulk start\n\n" +
			"USER without a flag is an address if it holds an @, an ID if it has the shape of a provider's IDs,\n" +
			"and a name otherwise.\n\n" +
			"With -o json stdout holds the workflow's result and nothing else. When there is no result, it\n" +
			"holds {\"failure\": {\"type\", \"message\", \"workflowId\", \"runId\"}, \"result\": ...}, where result is\n" +
			"what was done so far, or null. Exit codes: latchkey help exit-codes",
		Example: "  latchkey unlock ada@example.com --connection jumpcloud\n" +
			"  latchkey unlock --connection jumpcloud --email ada@example.com --reason INC-4711\n" +
			"  latchkey unlock --connection pingone --username ada --dry-run -o json\n" +
			"  latchkey unlock --connection jc-prod --user-id 5f3c0e8b9a7d6c5e4f3a2b1c --only-reasons failed_sign_in",
		Args:              userArgument,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in.Connection, in.RequestReason, in.RequestedBy, in.RequestID = request.connection, request.reason, request.by, request.id
			in.Timeout, in.Guard = request.timeout, demands.Guard
			if summary {
				in.Emit = workflows.EmitSummary
			}
			if in.Ref() == (connectors.UserRef{}) {
				return usagef("the reference to the user is empty: give the flag a value")
			}
			if err := flagFaults(in.Normalise()); err != nil {
				return err
			}
			return a.start(cmd.Context(), single, &request, "", func(c *client.Client) (*client.Run, error) {
				return c.Start(cmd.Context(), in)
			})
		},
	}
	addConnection(cmd, &request.connection, &request.temporal, true)
	flags := cmd.Flags()
	flags.StringVar(&in.UserID, "user-id", "", "the provider's own identifier of the user")
	flags.StringVar(&in.Username, "username", "", "the user's name at the provider")
	flags.StringVar(&in.Email, "email", "", "the user's email address")
	cmd.MarkFlagsOneRequired("user-id", "username", "email")
	cmd.MarkFlagsMutuallyExclusive("user-id", "username", "email")
	flags.BoolVar(&in.DryRun, "dry-run", false, "decide and change nothing")
	flags.BoolVar(&in.EvenIfUnlocked, "even-if-unlocked", false, "send the unlock also when no lock is found")
	flags.StringSliceVar(&in.Override, "override", nil, "unlock although the account is suspended or disabled, where the connection permits it")
	flags.Var(duration(&in.WatchFor), "watch-for", "how long to watch for a new lock after the unlock")
	demands.add(cmd)
	flags.BoolVar(&in.Approval.Required, "approval", false, "wait for somebody's approval before the unlock; the connection may demand it all the same")
	flags.Var(positive(&in.Approval.Timeout), "approval-timeout", "how long to wait for an approval (default: the connection's, or 1h)")
	flags.StringSliceVar(&in.Approval.Approvers, "approvers", nil, "restrict who may approve; * matches any text; names are claims, see latchkey help approvals")
	flags.BoolVar(&summary, "summary", false, "leave the user's fields out of the result")
	complete(cmd, "override", connectors.BlockSuspended, connectors.BlockDisabled)
	completeNothing(cmd, "user-id", "username", "email", "watch-for", "approval-timeout", "approvers")
	request.add(a, cmd)
	return cmd
}

// userArgument takes an argument for the user, as the flag that it stands for.
func userArgument(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	named := slices.ContainsFunc([]userlist.Kind{userlist.UserID, userlist.Username, userlist.Email}, func(kind userlist.Kind) bool {
		return cmd.Flags().Changed(string(kind))
	})
	if len(args) > 1 || named {
		return usagef("name one user, and once; for several see: latchkey bulk start --from-file")
	}
	return cmd.Flags().Set(string(userlist.KindOf(args[0])), args[0])
}
