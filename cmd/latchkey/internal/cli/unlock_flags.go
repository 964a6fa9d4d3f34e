package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// unlockFlags are the flags of latchkey unlock.
type unlockFlags struct {
	in          workflows.Input
	onlyReasons []string
	summary     bool
	detach      bool
	many        manyFlags
	output      format
	place       place
}

func (f *unlockFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.in.Connection, "connection", "", "the connection's name, as a worker serves it (required)")
	flags.StringVar(&f.in.UserID, "user-id", "", "the provider's own identifier of the user")
	flags.StringVar(&f.in.Username, "username", "", "the user's name at the provider")
	flags.StringVar(&f.in.Email, "email", "", "the user's email address")
	flags.StringVar(&f.in.RequestReason, "reason", "", "why, for the result and the audit log")
	flags.StringVar(&f.in.RequestedBy, "requested-by", "", "who asks, for the result and the audit log (default: the operating system's user name)")
	flags.StringVar(&f.in.RequestID, "request-id", "", "becomes the workflow ID: asking twice with one ID makes one run")
	flags.BoolVar(&f.in.DryRun, "dry-run", false, "decide and change nothing")
	flags.BoolVar(&f.in.EvenIfUnlocked, "even-if-unlocked", false, "send the unlock also when no lock is found")
	flags.StringSliceVar(&f.in.Override, "override", nil, "unlock although the account is suspended or disabled, where the connection permits it")
	f.in.Timeout = workflows.Duration(workflows.DefaultTimeout)
	flags.Var((*duration)(&f.in.Timeout), "timeout", "how long to try")
	flags.Var((*duration)(&f.in.WatchFor), "watch-for", "how long to watch for a new lock after the unlock")
	flags.StringSliceVar(&f.onlyReasons, "only-reasons", nil, "refuse unless every lock has one of these reasons: failed_sign_in, admin, expired, unknown")
	flags.Var((*duration)(&f.in.Guard.MinLockedFor), "min-locked-for", "refuse locks that are younger")
	flags.Var((*duration)(&f.in.Guard.MaxLockedFor), "max-locked-for", "refuse locks that are older")
	flags.BoolVar(&f.in.Guard.ExcludePrivileged, "exclude-privileged", false, "refuse accounts that are, or may be, privileged")
	flags.BoolVar(&f.in.Approval.Required, "approval", false, "wait for somebody's approval before the unlock; the connection may demand it all the same")
	flags.Var((*duration)(&f.in.Approval.Timeout), "approval-timeout", "how long to wait for an approval (default: the connection's, or 1h)")
	flags.Lookup("approval-timeout").DefValue = "" // Zero is not what happens.
	flags.StringSliceVar(&f.in.Approval.Approvers, "approvers", nil, "narrow who may approve, with * for any text; names are claims, see latchkey help approvals")
	flags.BoolVar(&f.summary, "summary", false, "leave the user's fields out of the result")
	flags.BoolVar(&f.detach, "detach", false, "start it, print the workflow's ID and do not wait")
	f.many.add(cmd)
	addOutput(cmd, &f.output)
	f.place.add(cmd)
	completeWith(cmd, "connection", f.place.completeConnections)
	complete(cmd, "override", connectors.BlockSuspended, connectors.BlockDisabled)
	complete(cmd, "only-reasons", reasonWords()...)
	for _, name := range []string{"user-id", "username", "email", "reason", "requested-by", "request-id",
		"timeout", "watch-for", "approval-timeout", "approvers", "min-locked-for", "max-locked-for"} {
		complete(cmd, name)
	}
}

func reasonWords() []string {
	var words []string
	for _, reason := range connectors.Reasons() {
		words = append(words, string(reason))
	}
	return words
}

// references are the flags of which exactly one names the user.
var references = []string{"user-id", "username", "email"}

// input returns the workflow's input, or everything that is wrong with the flags.
func (f *unlockFlags) input(flags *pflag.FlagSet, userName func() string) (*workflows.Input, error) {
	if err := errors.Join(connectionFault(flags), referenceFault(flags), misplaced(flags, onlyOfMany, "is for a list of users: give one with --from-file")); err != nil {
		return nil, &usageError{message: err.Error()}
	}
	in := f.in
	in.Guard.OnlyReasons = reasonsOf(f.onlyReasons)
	if f.summary {
		in.Emit = workflows.EmitSummary
	}
	if !flags.Changed("requested-by") {
		in.RequestedBy = userName()
	}
	// Zero would be taken for "not given".
	if in.Timeout == 0 {
		return nil, usagef("--timeout must be at least 1s")
	}
	if in.Approval.Timeout == 0 && flags.Changed("approval-timeout") {
		return nil, usagef("--approval-timeout must be at least 1s")
	}
	if err := in.Normalise(); err != nil {
		return nil, &usageError{message: inFlags(err)}
	}
	return &in, nil
}

func connectionFault(flags *pflag.FlagSet) error {
	if flag := flags.Lookup("connection"); flag.Value.String() == "" {
		return errors.New("--connection is missing: give the name under which a worker serves the provider, such as --connection jumpcloud")
	}
	return nil
}

func referenceFault(flags *pflag.FlagSet) error {
	var given []string
	for _, name := range references {
		if flags.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	switch {
	case len(given) == 0:
		return errors.New("no user is named: give one of --user-id, --username and --email, or a list with --from-file")
	case len(given) > 1:
		return errors.New("the user is named by " + strings.Join(given, " and ") + ": give only one of them")
	case flags.Lookup(given[0][2:]).Value.String() == "":
		return errors.New(given[0] + " is empty: give a value")
	default:
		return nil
	}
}

// fieldFlags are the flags of the input's fields, where a fault names a field.
var fieldFlags = map[string]string{
	"connection":         "--connection",
	"userId":             "--user-id",
	"username":           "--username",
	"email":              "--email",
	"requestReason":      "--reason",
	"requestedBy":        "--requested-by",
	"requestId":          "--request-id",
	"override":           "--override",
	"timeout":            "--timeout",
	"watchFor":           "--watch-for",
	"guard.onlyReasons":  "--only-reasons",
	"guard.minLockedFor": "--min-locked-for",
	"guard.maxLockedFor": "--max-locked-for",
	"approval.timeout":   "--approval-timeout",
	"approval.approvers": "--approvers",

	"policy.onlyReasons":  "--only-reasons",
	"policy.minLockedFor": "--min-locked-for",
	"policy.maxLockedFor": "--max-locked-for",
	"policy.concurrency":  "--concurrency",
}

// inFlags writes the faults of an input in the words of the command line, a line each.
func inFlags(err error) string {
	var lines []string
	for _, fault := range workflows.Faults(err) {
		if flag, known := fieldFlags[fault.Field]; known {
			fault.Field = flag
		}
		lines = append(lines, fault.Error())
	}
	return strings.Join(lines, "\n")
}

// duration is a flag's value such as 15m.
type duration workflows.Duration

// String implements pflag.Value.
func (d *duration) String() string { return workflows.Duration(*d).String() }

// Type implements pflag.Value.
func (d *duration) Type() string { return "duration" }

// Set implements pflag.Value.
func (d *duration) Set(text string) error {
	parsed, err := guard.ParseDuration(text)
	if err != nil {
		return err
	}
	*d = duration(parsed)
	return nil
}
