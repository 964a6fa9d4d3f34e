package cli

import (
	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) bulkStartCommand() *cobra.Command {
	var request bulkRequest
	var policy string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "start --connection NAME",
		Short: "Unlock all locked users of a connection under a policy",
		Long: "Unlock all locked users of a connection whom the policy allows, and say of each other why not.\n" +
			"What a policy may hold is said by: latchkey schema policy\n\n" +
			"The defaults are cautious: only locks by failed sign-ins that are at least 15m old, no privileged\n" +
			"account, nobody more than 3 times within 24h, at most 500 users. When more than 50 users were\n" +
			"locked within an hour, which may be an attack, the run unlocks nobody until it is told to, with\n" +
			"latchkey bulk release or abort.\n\n" +
			"When this command is interrupted, the run goes on. Exit codes: latchkey help exit-codes",
		Example: "  latchkey bulk start --connection jumpcloud --dry-run\n" +
			"  latchkey bulk start --connection jumpcloud --policy policy.yaml --report report.csv",
		Args: noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := connectionFault(cmd.Flags()); err != nil {
				return &usageError{message: err.Error()}
			}
			if !cmd.Flags().Changed("requested-by") {
				request.in.RequestedBy = a.env.UserName()
			}
			if policy != "" {
				read, err := readPolicy(policy, workflows.ParsePolicy)
				if err != nil {
					return err
				}
				request.in.Policy = *read
			}
			request.in.Policy.DryRun = request.in.Policy.DryRun || dryRun
			if err := request.check(); err != nil {
				return err
			}
			return a.startBulk(cmd.Context(), &request)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&request.in.Connection, "connection", "", "the connection's name, as a worker serves it (required)")
	flags.StringVar(&policy, "policy", "", "a file with the policy, YAML or JSON (default: the cautious one)")
	flags.StringVar(&request.in.RequestReason, "reason", "", "why, for the results and the audit log")
	flags.StringVar(&request.in.RequestedBy, "requested-by", "", "who asks, for the results and the audit log (default: the operating system's user name)")
	flags.StringVar(&request.in.RequestID, "request-id", "", "becomes the workflow ID: asking twice with one ID makes one run")
	flags.BoolVar(&dryRun, "dry-run", false, "decide and change nothing")
	request.in.Timeout = workflows.Duration(workflows.DefaultTimeout)
	flags.Var((*duration)(&request.in.Timeout), "timeout", "how long to try with each user")
	flags.StringVar(&request.report, "report", "", "write what became of each user to this file: .csv, .json or .jsonl")
	flags.BoolVar(&request.detach, "detach", false, "start it, print the workflow's ID and do not wait")
	addOutput(cmd, &request.output)
	request.place.add(cmd)
	completeWith(cmd, "connection", request.place.completeConnections)
	for _, name := range []string{"reason", "requested-by", "request-id", "timeout"} {
		complete(cmd, name)
	}
	return cmd
}
