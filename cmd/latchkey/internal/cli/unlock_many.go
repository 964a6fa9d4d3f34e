package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchkey-iam/latchkey/cmd/latchkey/internal/userlist"
	"github.com/latchkey-iam/latchkey/workflows"
)

// manyFlags are the flags of latchkey unlock that go with a list of users.
type manyFlags struct {
	file, as, policy, report string
	concurrency              int
}

func (f *manyFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.file, "from-file", "", "unlock the users of this list, - is stdin: CSV with a header, JSON lines, or one reference a line")
	flags.StringVar(&f.as, "as", userlist.Auto, "how to take a line of the list: auto, user-id, username or email")
	flags.StringVar(&f.policy, "policy", "", "a file with a policy for the list, YAML or JSON; the flags go over it")
	flags.IntVar(&f.concurrency, "concurrency", workflows.DefaultConcurrency, "how many users of the list to unlock at a time")
	flags.StringVar(&f.report, "report", "", "write what became of each user of the list to this file: .csv, .json or .jsonl")
	complete(cmd, "as", userlist.Words()...)
	complete(cmd, "concurrency")
}

// The flags that only one user, or only a list, can have.
var (
	onlyOfOne  = []string{"user-id", "username", "email", "even-if-unlocked", "override", "watch-for", "summary", "approval", "approval-timeout", "approvers"}
	onlyOfMany = []string{"as", "policy", "concurrency", "report"}
)

// misplaced names the flags that were given and do not go with what is unlocked.
func misplaced(flags *pflag.FlagSet, names []string, why string) error {
	var faults []error
	for _, name := range names {
		if flags.Changed(name) {
			faults = append(faults, fmt.Errorf("--%s %s", name, why))
		}
	}
	return errors.Join(faults...)
}

// request returns the run over the users of the list, or all that is wrong with it.
func (f *unlockFlags) request(flags *pflag.FlagSet, env *Env) (*bulkRequest, error) {
	if err := errors.Join(connectionFault(flags), misplaced(flags, onlyOfOne, "is for one user and does not go with --from-file")); err != nil {
		return nil, &usageError{message: err.Error()}
	}
	policy, err := f.listPolicy(flags)
	if err != nil {
		return nil, err
	}
	request := &bulkRequest{detach: f.detach, report: f.many.report, output: f.output, place: f.place, in: workflows.BulkInput{
		Connection: f.in.Connection, Policy: *policy, RequestReason: f.in.RequestReason, RequestedBy: f.in.RequestedBy,
		Timeout: f.in.Timeout, RequestID: f.in.RequestID,
	}}
	if !flags.Changed("requested-by") {
		request.in.RequestedBy = env.UserName()
	}
	list, err := f.readList(env)
	if err != nil {
		return nil, err
	}
	request.in.Users = list.Users
	if err := request.check(); err != nil {
		return nil, err
	}
	if list.Duplicates > 0 {
		_, err = fmt.Fprintf(env.Stderr, "latchkey: left out %s\n", plural(list.Duplicates, "repeated reference"))
	}
	return request, err
}

// listPolicy is the policy of the file with what the flags say over it.
func (f *unlockFlags) listPolicy(flags *pflag.FlagSet) (*workflows.Policy, error) {
	policy := &workflows.Policy{}
	if f.many.policy != "" {
		var err error
		if policy, err = readPolicy(f.many.policy, workflows.ParseListPolicy); err != nil {
			return nil, err
		}
	}
	if flags.Changed("only-reasons") {
		reasons := reasonsOf(f.onlyReasons)
		policy.OnlyReasons = &reasons
	}
	if flags.Changed("min-locked-for") {
		policy.MinLockedFor = &f.in.Guard.MinLockedFor
	}
	if flags.Changed("max-locked-for") {
		policy.MaxLockedFor = f.in.Guard.MaxLockedFor
	}
	if flags.Changed("exclude-privileged") {
		policy.ExcludePrivileged = &f.in.Guard.ExcludePrivileged
	}
	if flags.Changed("dry-run") {
		policy.DryRun = f.in.DryRun
	}
	if flags.Changed("concurrency") {
		if policy.Concurrency = f.many.concurrency; policy.Concurrency == 0 {
			return nil, usagef("--concurrency must be at least 1") // Zero would be taken for "not given".
		}
	}
	return policy, nil
}

// readList reads the users of the list.
func (f *unlockFlags) readList(env *Env) (*userlist.List, error) {
	if !slices.Contains(userlist.Words(), f.many.as) {
		return nil, usagef("--as must be auto, user-id, username or email")
	}
	from := env.Stdin
	if f.many.file != "-" {
		file, err := os.Open(f.many.file)
		if err != nil {
			return nil, &usageError{message: "--from-file: " + err.Error(), elsewhere: true}
		}
		defer func() { _ = file.Close() }()
		from = file
	}
	list, err := userlist.Read(from, f.many.as, workflows.MaxUsers)
	if err != nil {
		return nil, &usageError{message: err.Error() + "\nnothing was started", elsewhere: true}
	}
	return list, nil
}
