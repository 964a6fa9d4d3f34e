package cli

import (
	"cmp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/cmd/latchkey/internal/userlist"
	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) bulkCommand() *cobra.Command {
	cmd := group("bulk", "Unlock many users under a policy, and look after such runs",
		"A run over many users is one workflow, with an unlock of its own for each user. It is started\n"+
			"here or by a schedule; the other commands take its workflow ID.",
		a.bulkStartCommand(), a.statusCommand(many), a.reportCommand())
	for _, each := range bulkUpdates {
		command := a.bulkUpdateCommand(each.name, each.short, each.long)
		if each.name == workflows.AbortUpdate {
			command.SuggestFor = []string{"stop", "cancel", "end", "kill"}
		}
		cmd.AddCommand(command)
	}
	return cmd
}

// bulkFlags are the flags of latchkey bulk start.
type bulkFlags struct {
	requestFlags
	demands              guardFlags
	file, policy, report string
	list                 userlist.Options
	concurrency          int
	dryRun               bool
}

func (a *app) bulkStartCommand() *cobra.Command {
	var flags bulkFlags
	cmd := &cobra.Command{
		Use:   "start --connection NAME",
		Short: "Unlock all locked users of a connection under a policy, or those of a list",
		Long: "Unlock all locked users of a connection whom the policy allows, and report why the others were\n" +
			"left out.\n" +
			"For the fields of a policy run: latchkey schema policy\n\n" +
			"The defaults are cautious: only locks by failed sign-ins that are at least 15m old, no privileged\n" +
			"account, nobody more than 3 times within 24h, at most 500 users. When more than 50 users were\n" +
			"locked within an hour, which may be an attack, the run is held: it unlocks nobody until an\n" +
			"operator answers with latchkey bulk release or abort.\n\n" +
			"With --from-file it unlocks the users of a list, at most 5000, and has none of these defaults, since\n" +
			"somebody has named the users. The list is CSV with a header, JSON or LDIF, as spreadsheets,\n" +
			"directories and providers write them, in UTF-8 or UTF-16, or one reference a line: what holds\n" +
			"an @ is an address, what has the shape of a provider's ID is one, and the rest are names, unless\n" +
			"--as says what they are. A column is known by its name (user_id, login, sAMAccountName, mail and\n" +
			"others), or --column names it; of a row the user ID counts before the username, and that before\n" +
			"the email. Blank lines and those that begin with # are skipped. What was read is said on stderr;\n" +
			"a list that could be read in two ways, or has a bad line, is refused before anything starts.\n\n" +
			"When this command is interrupted, the run goes on. Exit codes: latchkey help exit-codes",
		Example: "  latchkey bulk start --connection jumpcloud --dry-run\n" +
			"  latchkey bulk start --connection jumpcloud --policy policy.yaml --report report.csv\n" +
			"  latchkey bulk start --connection jumpcloud --from-file users.csv --report report.csv\n" +
			"  latchkey bulk start --connection jumpcloud --from-file contacts.csv --column \"email=Work address\"",
		Args: noArguments("; name users with --from-file"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := flags.input(a, cmd)
			if err != nil {
				return err
			}
			return a.start(cmd.Context(), many, &flags.requestFlags, flags.report, func(c *client.Client) (*client.Run, error) {
				return c.StartBulk(cmd.Context(), *in)
			})
		},
	}
	addConnection(cmd, &flags.connection, &flags.temporal, true)
	own := cmd.Flags()
	own.StringVar(&flags.file, "from-file", "", "unlock the users of this list, - is stdin: CSV, JSON, LDIF, or one reference a line")
	own.StringVar((*string)(&flags.list.As), "as", string(userlist.Auto), "how to read a line of the list: "+orList(userlist.Kinds()))
	own.StringVar(&flags.list.Column, "column", "", "the column of the list to read: user-id=NAME, username=NAME or email=NAME (default: those that are known)")
	own.StringVar(&flags.policy, "policy", "", "a file with the policy, YAML or JSON (default: the cautious one); the flags go over it")
	flags.demands.add(cmd)
	own.IntVar(&flags.concurrency, "concurrency", workflows.DefaultConcurrency, "how many users to unlock at a time")
	own.BoolVar(&flags.dryRun, "dry-run", false, "decide and change nothing")
	own.StringVar(&flags.report, "report", "", "write what became of each user to this file: .csv, .json or .jsonl")
	flags.add(a, cmd)
	cmd.MarkFlagsMutuallyExclusive("report", "detach")
	complete(cmd, "as", userlist.Kinds()...)
	completeNothing(cmd, "column", "concurrency")
	return cmd
}

// input returns what the run is started with, or all that is wrong with it.
func (f *bulkFlags) input(a *app, cmd *cobra.Command) (*workflows.BulkInput, error) {
	in := &workflows.BulkInput{Connection: f.connection, RequestReason: f.reason, RequestedBy: f.by, RequestID: f.id, Timeout: f.timeout}
	given, parse := cmd.Flags().Changed("from-file"), workflows.ParsePolicy
	if given {
		parse = workflows.ParseListPolicy
	}
	switch {
	case cmd.Flags().Changed("as") && !given:
		return nil, usagef("--as says how to read a list: give one with --from-file")
	case cmd.Flags().Changed("column") && !given:
		return nil, usagef("--column says how to read a list: give one with --from-file")
	case !slices.Contains(userlist.Kinds(), string(f.list.As)):
		return nil, usagef("--as must be %s", orList(userlist.Kinds()))
	case f.concurrency == 0:
		return nil, usagef("--concurrency must be at least 1") // Zero would be taken for "not given".
	}
	if f.policy != "" {
		policy, err := readPolicy(f.policy, parse)
		if err != nil {
			return nil, err
		}
		in.Policy = *policy
	}
	f.overPolicy(cmd, &in.Policy)
	list := &userlist.List{}
	if given {
		var err error
		if list, err = f.readList(a); err != nil {
			return nil, err
		}
		in.Users = list.Users
	}
	if err := cmp.Or(flagFaults(in.Normalise()), checkReport(f.report)); err != nil {
		return nil, err
	}
	if given {
		a.warn("%s", list.Summary())
	}
	return in, nil
}

// overPolicy writes what the flags say over the policy of the file.
func (f *bulkFlags) overPolicy(cmd *cobra.Command, policy *workflows.Policy) {
	if only := optional(cmd, "only-reasons", &f.demands.OnlyReasons); only != nil {
		policy.OnlyReasons = only
	}
	if least := optional(cmd, "min-locked-for", &f.demands.MinLockedFor); least != nil {
		policy.MinLockedFor = least
	}
	if most := optional(cmd, "max-locked-for", &f.demands.MaxLockedFor); most != nil {
		policy.MaxLockedFor = *most
	}
	if exclude := optional(cmd, "exclude-privileged", &f.demands.ExcludePrivileged); exclude != nil {
		policy.ExcludePrivileged = exclude
	}
	if dry := optional(cmd, "dry-run", &f.dryRun); dry != nil {
		policy.DryRun = *dry
	}
	if concurrency := optional(cmd, "concurrency", &f.concurrency); concurrency != nil {
		policy.Concurrency = *concurrency
	}
}

// bulkUpdates are what an operator can have an open run over many users do.
var bulkUpdates = []struct{ name, short, long string }{
	{workflows.PauseUpdate, "Pause a run: no further unlock begins until it is resumed", "Unlocks that are under way are completed."},
	{workflows.ResumeUpdate, "Resume a run that is paused", ""},
	{workflows.ReleaseUpdate, "Release a run that is held", "A run is held when more users were locked recently than its policy allows, which may be an attack.\n" +
		"Once released it lists the locked users again."},
	{workflows.AbortUpdate, "End a run and leave the remaining users alone", "The run waits for the unlocks that are under way."},
}

// oneBulkRun demands the ID of one run over many users.
var oneBulkRun = oneArgument("workflow ID", "unlock-locked/jumpcloud/0a1b")

func (a *app) bulkUpdateCommand(update, short, long string) *cobra.Command {
	var command workflows.Command
	var common commonFlags
	cmd := &cobra.Command{
		Use:               update + " WORKFLOW_ID",
		Short:             short,
		Long:              long,
		Args:              oneBulkRun,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return connect(cmd.Context(), common.temporal, func(c *client.Client) error {
				progress, err := c.Attach(args[0], "").Command(cmd.Context(), update, command)
				if err != nil {
					return many.withHint(err)
				}
				return a.show(common.output, progress, func() {
					a.drawRows(rowsOf(append([]row{{"workflow", args[0]}}, progressRows(progress)...)...)...)
					a.drawCounts("Decision", progress.Counts)
				})
			})
		},
	}
	cmd.Flags().StringVar(&command.RequestReason, "reason", "", "why, for the result and the audit log")
	a.addName(cmd, &command.RequestedBy, "requested-by", "who gives the command, for the result and the audit log")
	completeNothing(cmd, "reason")
	common.add(cmd)
	return cmd
}
