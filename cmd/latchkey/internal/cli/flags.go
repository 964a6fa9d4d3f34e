package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// requestFlags are those of a command that starts a run.
type requestFlags struct {
	connection, reason, by, id string
	timeout                    workflows.Duration
	detach                     bool
	commonFlags
}

func (f *requestFlags) add(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.reason, "reason", "", "why, for the result and the audit log")
	a.addName(cmd, &f.by, "requested-by", "who asks, for the result and the audit log")
	flags.StringVar(&f.id, "request-id", "", "becomes the workflow ID: asking twice with one ID makes one run")
	f.timeout = workflows.Duration(workflows.DefaultTimeout)
	flags.Var(positive(&f.timeout), "timeout", "how long to try with a user")
	flags.BoolVar(&f.detach, "detach", false, "start it, print the workflow's ID and do not wait")
	completeNothing(cmd, "reason", "request-id", "timeout")
	f.commonFlags.add(cmd)
}

// guardFlags are what is demanded of every lock.
type guardFlags struct{ workflows.Guard }

func (f *guardFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var(reasons(&f.OnlyReasons), "only-reasons", "refuse unless every lock has one of these reasons: "+strings.Join(reasonWords(), ", "))
	flags.Var(duration(&f.MinLockedFor), "min-locked-for", "refuse locks that are younger")
	flags.Var(duration(&f.MaxLockedFor), "max-locked-for", "refuse locks that are older")
	flags.BoolVar(&f.ExcludePrivileged, "exclude-privileged", false, "refuse accounts that are, or may be, privileged")
	complete(cmd, "only-reasons", reasonWords()...)
	completeNothing(cmd, "min-locked-for", "max-locked-for")
}

// commonFlags say where a command asks and how it writes stdout.
type commonFlags struct {
	output   format
	temporal temporalFlags
}

// add lets the caller choose among formats, of which the first is the default.
func (f *commonFlags) add(cmd *cobra.Command, known ...format) {
	addFormats(cmd, &f.output, known...)
	f.temporal.add(cmd)
}

// addConnection adds the flag that names a connection.
func addConnection(cmd *cobra.Command, name *string, temporal *temporalFlags, required bool) {
	cmd.Flags().SortFlags = false
	usage := "only what is at this connection (default: all)"
	if required {
		usage = "the connection's name, as a worker serves it (required)"
	}
	cmd.Flags().StringVar(name, "connection", "", usage)
	completeWith(cmd, "connection", temporal.connections())
	if required {
		must(cmd.MarkFlagRequired("connection"))
	}
}

// addName adds a flag with the name of whoever does something.
func (a *app) addName(cmd *cobra.Command, name *string, flag, usage string) {
	cmd.Flags().StringVar(name, flag, a.env.UserName, usage+" (default: the operating system's user name)")
	cmd.Flags().Lookup(flag).DefValue = ""
	completeNothing(cmd, flag)
}

// optional is a flag's value; nil when it was not given.
func optional[T any](cmd *cobra.Command, flag string, value *T) *T {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return value
}

// format is how stdout is written.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
	formatCSV   format = "csv"
	// formatLines is JSON, one element a line.
	formatLines format = "jsonl"
)

// structured reports whether stdout is for machines.
func (f format) structured() bool { return f != formatTable }

// addFormats lets the caller choose among formats, of which the first is the default.
func addFormats(cmd *cobra.Command, output *format, known ...format) {
	if len(known) == 0 {
		known = []format{formatTable, formatJSON, formatYAML}
	}
	*output = known[0]
	var words []string
	for _, each := range known {
		words = append(words, string(each))
	}
	cmd.Flags().VarP(&value{"format", words[0], func(text string) error {
		if !slices.Contains(words, text) {
			return fmt.Errorf("must be %s", orList(words))
		}
		*output = format(text)
		return nil
	}}, "output", "o", "how to write stdout: "+orList(words))
	complete(cmd, "output", words...)
}

// orList lists words as a sentence does.
func orList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// value is a flag's value of a type of its own.
type value struct {
	kind, text string
	parse      func(text string) error
}

var _ pflag.Value = (*value)(nil)

// String implements pflag.Value.
func (v *value) String() string { return v.text }

// Type implements pflag.Value.
func (v *value) Type() string { return v.kind }

// Set implements pflag.Value.
func (v *value) Set(text string) error {
	v.text = text
	return v.parse(text)
}

// duration is a value such as 15m. What is there before is the default; zero is none that help
// should show.
func duration(into *workflows.Duration) *value {
	text := ""
	if *into != 0 {
		text = into.String()
	}
	return &value{"duration", text, func(text string) (err error) {
		*into, err = guard.ParseDuration(text)
		return err
	}}
}

// positive is a duration of which zero would be taken for one that was not given.
func positive(into *workflows.Duration) *value {
	flag := duration(into)
	parse := flag.parse
	flag.parse = func(text string) error {
		if err := parse(text); err != nil || *into != 0 {
			return err
		}
		return errors.New("must be at least 1s")
	}
	return flag
}

// reasons are those of locks, with commas between them.
func reasons(into *[]connectors.Reason) *value {
	return &value{"reasons", "", func(text string) error {
		for _, word := range strings.Split(text, ",") {
			if !slices.Contains(connectors.Reasons(), connectors.Reason(word)) {
				return fmt.Errorf("holds an unknown word: use %s", strings.Join(reasonWords(), ", "))
			}
			*into = append(*into, connectors.Reason(word))
		}
		return nil
	}}
}

// reasonWords are all reasons of locks.
func reasonWords() []string {
	var words []string
	for _, reason := range connectors.Reasons() {
		words = append(words, string(reason))
	}
	return words
}

// fieldFlags are the flags of fields, where a fault names a field.
var fieldFlags = map[string]string{ //nolint:gosec // these are no credentials
	"connection":    "--connection",
	"userId":        "--user-id",
	"username":      "--username",
	"email":         "--email",
	"requestReason": "--reason",
	"requestedBy":   "--requested-by",
	"requestId":     "--request-id",
	"override":      "--override",
	"timeout":       "--timeout",
	"watchFor":      "--watch-for",
	"id":            "--id",
	"every":         "--every",
	"cron":          "--cron",
	"timeZone":      "--time-zone",
	"catchUpWindow": "--catch-up-window",

	"guard.minLockedFor": "--min-locked-for",
	"guard.maxLockedFor": "--max-locked-for",
	"approval.timeout":   "--approval-timeout",
	"approval.approvers": "--approvers",

	"policy.minLockedFor": "--min-locked-for",
	"policy.maxLockedFor": "--max-locked-for",
	"policy.concurrency":  "--concurrency",
}

// flagFaults returns the faults of an input in the words of the command line, a line each; nil
// where there are none.
func flagFaults(err error) error {
	var lines []string
	for _, fault := range workflows.Faults(err) {
		if flag, known := fieldFlags[fault.Field]; known {
			fault.Field = flag
		}
		lines = append(lines, fault.Error())
	}
	if len(lines) == 0 {
		return nil
	}
	return &usageError{message: strings.Join(lines, "\n")}
}

// complete lets the shell complete a flag's value with these words, and with no file.
func complete(cmd *cobra.Command, flag string, words ...string) {
	completeWith(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// completeNothing keeps the shell from completing flags' values with files.
func completeNothing(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		complete(cmd, flag)
	}
}

func completeWith(cmd *cobra.Command, flag string, function cobra.CompletionFunc) {
	must(cmd.RegisterFlagCompletionFunc(flag, function))
}

// must panics where a flag does not exist: a fault that every test of the command meets.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
