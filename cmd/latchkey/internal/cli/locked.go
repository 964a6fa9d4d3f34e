package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) lockedCommand() *cobra.Command {
	var in workflows.ListInput
	var common commonFlags
	cmd := &cobra.Command{
		Use:   "locked --connection NAME",
		Short: "List who is locked, why, since when and until when",
		Long: "List the users of a connection who are locked. Nothing is changed. The list is written as it is\n" +
			"read, so that its length does not matter; stderr says how many were read. It exits with 0 also\n" +
			"when nobody is locked.\n\n" +
			"With -o json, csv or yaml stdout holds the list and nothing else. A list that could not be read\n" +
			"to its end is cut short, and the exit code is not 0. Where single users, or one of several\n" +
			"servers, could not be read, the list goes on without them: stderr says what is missing, and the\n" +
			"exit code is 8.",
		Example: "  latchkey locked --connection jumpcloud\n" +
			"  latchkey locked --connection pingone --reason failed_sign_in --min-age 15m -o csv",
		Args: noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flagFaults(workflows.ValidateConnection(in.Connection)); err != nil {
				return err
			}
			return connect(cmd.Context(), common.temporal, func(c *client.Client) error {
				return a.locked(cmd.Context(), c, in, common.output)
			})
		},
	}
	addConnection(cmd, &in.Connection, &common.temporal, true)
	cmd.Flags().Var(reasons(&in.Reasons), "reason", "only locks with one of these reasons: "+strings.Join(reasonWords(), ", "))
	cmd.Flags().Var(duration(&in.MinAge), "min-age", "only locks of at least this age; a lock of unknown age is left out")
	complete(cmd, "reason", reasonWords()...)
	completeNothing(cmd, "min-age")
	common.add(cmd, formatTable, formatJSON, formatCSV, formatYAML)
	return cmd
}

func (a *app) locked(ctx context.Context, c *client.Client, in workflows.ListInput, output format) error {
	list := a.newList(a.env.Stdout, output, table.Row{"User ID", "Username", "Email", "Locks", "Also blocked by", "Privileged"}, []string{
		"userId", "username", "email", "displayName", "layers", "reasons", "since", "until", "permanent",
		"disabled", "suspended", "passwordExpired", "privileged"})
	var tally activities.Tally
	listing := "listing who is locked at " + in.Connection
	a.redraw(listing)
	err := c.Locked(ctx, in, func(page *activities.ListLockedResult) error {
		a.redraw("")
		tally.Add(page.Tally)
		for _, account := range page.Accounts {
			if err := list.add(account, lockedRow(account), lockedCells(account)); err != nil {
				return fmt.Errorf("write the list: %w", err)
			}
		}
		a.redraw(fmt.Sprintf("%s (%d so far, %d read)", listing, tally.Locked, tally.Read))
		return nil
	})
	a.redraw("")
	if err == nil {
		err = list.end()
	}
	if err != nil {
		return err
	}
	a.warn("%s", tallyText(list.count, tally))
	if missing := tally.Missing; missing.Any() {
		a.warn("the list is incomplete, and others may be locked: %s", missingText(missing))
		return endedWith(string(workflows.Incomplete))
	}
	return nil
}

// tallyText says how many are locked, and how many accounts had to be read to know it.
func tallyText(shown int, tally activities.Tally) string {
	counted := plural(tally.Locked, "locked user")
	if shown != tally.Locked {
		counted = fmt.Sprintf("%d of %s shown", shown, counted)
	}
	switch tally.Read {
	case 0:
		return counted
	case 1:
		return counted + " (1 was read)"
	default:
		return fmt.Sprintf("%s (%d were read)", counted, tally.Read)
	}
}

func lockedRow(account *connectors.Account) table.Row {
	return table.Row{account.ID, account.Username, account.Email, stateText(&account.State),
		strings.Join(account.State.StillBlockedBy(), ", "), account.State.Privileged}
}

// lockedCells has one row a user; what each of several locks says is divided by "; ", in
// the same order in each cell.
func lockedCells(account *connectors.Account) []string {
	each := func(text func(connectors.Lock) string) string {
		var texts []string
		for _, lock := range account.State.Locks {
			texts = append(texts, text(lock))
		}
		return strings.Join(texts, "; ")
	}
	return []string{
		account.ID, account.Username, account.Email, account.DisplayName,
		each(func(l connectors.Lock) string { return string(l.Layer) + onServer(l.Server) }),
		each(func(l connectors.Lock) string { return string(l.Reason) }),
		each(func(l connectors.Lock) string { return instant(l.Since) }),
		each(func(l connectors.Lock) string { return instant(l.Until) }),
		each(func(l connectors.Lock) string { return yesNo(l.Permanent) }),
		yesNo(account.State.Disabled), yesNo(account.State.Suspended), yesNo(account.State.PasswordExpired),
		string(account.State.Privileged),
	}
}
