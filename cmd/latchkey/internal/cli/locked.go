package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// lockedFlags are the flags of latchkey locked.
type lockedFlags struct {
	in      workflows.ListInput
	reasons []string
	output  format
	place   place
}

func (a *app) lockedCommand() *cobra.Command {
	var flags lockedFlags
	cmd := &cobra.Command{
		Use:   "locked --connection NAME",
		Short: "List who is locked, why, since when and until when",
		Long: "List the users of a connection who are locked. Nothing is changed. The list is written as it is\n" +
			"read, so that its length does not matter; how many were read is said on stderr. It exits with 0\n" +
			"also when nobody is locked.\n\n" +
			"With -o json, csv or yaml stdout holds the list and nothing else. A list that could not be read\n" +
			"to its end is cut short, and the exit code is not 0. Where single users, or one of several\n" +
			"servers, could not be read, the list goes on without them: stderr says what is missing, and the\n" +
			"exit code is 8.",
		Example: "  latchkey locked --connection jumpcloud\n" +
			"  latchkey locked --connection pingone --reason failed_sign_in --min-age 15m -o csv",
		Args: noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(cmd); err != nil {
				return err
			}
			return a.locked(cmd.Context(), &flags)
		},
	}
	own := cmd.Flags()
	own.SortFlags = false
	own.StringVar(&flags.in.Connection, "connection", "", "the connection's name, as a worker serves it (required)")
	own.StringSliceVar(&flags.reasons, "reason", nil, "only locks with one of these reasons: failed_sign_in, admin, expired, unknown")
	own.Var((*duration)(&flags.in.MinAge), "min-age", "only locks that are at least so old; one of unknown age is left out")
	addFormats(cmd, &flags.output, formatTable, formatJSON, formatCSV, formatYAML)
	flags.place.add(cmd)
	completeWith(cmd, "connection", flags.place.completeConnections)
	complete(cmd, "reason", reasonWords()...)
	complete(cmd, "min-age")
	return cmd
}

func (f *lockedFlags) check(cmd *cobra.Command) error {
	if err := connectionFault(cmd.Flags()); err != nil {
		return &usageError{message: err.Error()}
	}
	if err := workflows.ValidateConnection(f.in.Connection); err != nil {
		return &usageError{message: inFlags(err)}
	}
	f.in.Reasons = reasonsOf(f.reasons)
	for _, reason := range f.in.Reasons {
		if !slices.Contains(connectors.Reasons(), reason) {
			return usagef("--reason holds an unknown word: use failed_sign_in, admin, expired and unknown")
		}
	}
	return nil
}

func reasonsOf(words []string) []connectors.Reason {
	reasons := make([]connectors.Reason, len(words))
	for i, word := range words {
		reasons[i] = connectors.Reason(word)
	}
	return reasons
}

func (a *app) locked(ctx context.Context, flags *lockedFlags) error {
	connected, err := dial(ctx, flags.place)
	if err != nil {
		return err
	}
	defer connected.close()
	list := a.newLockedList(flags.output)
	a.note("listing who is locked at " + flags.in.Connection)
	err = connected.latchkey.Locked(ctx, flags.in, func(page *activities.ListLockedResult) error {
		a.note("")
		if err := list.add(page); err != nil {
			return err
		}
		a.note(fmt.Sprintf("listing who is locked at %s (%d so far, %d read)", flags.in.Connection, list.tally.Locked, list.tally.Read))
		return nil
	})
	a.note("")
	if err != nil {
		return connected.located(err)
	}
	if err := list.end(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(a.env.Stderr, "latchkey: "+list.summary()); err != nil {
		return err
	}
	if missing := list.tally.Missing; missing.Any() {
		if _, err := fmt.Fprintln(a.env.Stderr, "latchkey: the list is not whole, and others may be locked: "+missingText(missing)); err != nil {
			return err
		}
		return &outcomeError{word: string(workflows.Incomplete)}
	}
	return nil
}

// note draws a line of progress over the one before, on a terminal; an empty one erases it.
func (a *app) note(line string) {
	if a.env.StderrTerminal {
		a.redraw(line)
	}
}
