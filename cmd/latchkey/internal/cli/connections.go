package cli

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) connectionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "Show which connections are served, and what their credentials may do",
		Args:  noSubcommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.connectionsListCommand(), a.connectionsCheckCommand())
	return cmd
}

func (a *app) connectionsListCommand() *cobra.Command {
	var output format
	var where place
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the connections that workers serve in the namespace",
		Long:  "Lists the connections that workers serve in the namespace, and how many workers serve each.\nA worker that was killed stays listed for a while.",
		Args:  noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := dial(cmd.Context(), where)
			if err != nil {
				return err
			}
			defer s.close()
			served, err := s.latchkey.Connections(cmd.Context())
			if err != nil {
				return s.located(err)
			}
			return a.showConnections(output, served)
		},
	}
	addOutput(cmd, &output)
	where.add(cmd)
	return cmd
}

func (a *app) showConnections(output format, served []client.Served) error {
	if output.structured() {
		return a.encode(output, served)
	}
	if len(served) == 0 {
		_, err := fmt.Fprintln(a.env.Stdout, "No connection is served. Start a worker with: latchkey worker")
		return err
	}
	rows := make([]table.Row, len(served))
	for i, each := range served {
		rows[i] = table.Row{each.Connection, each.Workers}
	}
	return a.drawTable(table.Row{"Connection", "Workers"}, rows)
}

// drawTable draws rows below a heading.
func (a *app) drawTable(heading table.Row, rows []table.Row) error {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.AppendHeader(heading)
	writer.AppendRows(rows)
	if a.env.StdoutTerminal {
		writer.SetAllowedRowLength(a.env.Width())
	}
	_, err := fmt.Fprintln(a.env.Stdout, writer.Render())
	return err
}

func (a *app) connectionsCheckCommand() *cobra.Command {
	var output format
	var where place
	cmd := &cobra.Command{
		Use:   "check NAME",
		Short: "Check what the credential of a connection may do",
		Long: "Asks a worker that holds the credential to look up and to unlock an account that does not\n" +
			"exist: the answer proves the right. Nothing is changed. The exit code is 6 when a right is missing.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{message: "give the name of one connection, such as: latchkey connections check jc-prod"}
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return where.completeConnections(cmd, args, begun)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := dial(cmd.Context(), where)
			if err != nil {
				return err
			}
			defer s.close()
			result, err := s.latchkey.CheckConnection(cmd.Context(), args[0])
			if err != nil {
				return s.located(err)
			}
			if err := a.showCheck(output, result); err != nil {
				return err
			}
			return checked(result)
		},
	}
	addOutput(cmd, &output)
	where.add(cmd)
	return cmd
}

func (a *app) showCheck(output format, result *activities.CheckResult) error {
	if output.structured() {
		return a.encode(output, result)
	}
	rows := []table.Row{}
	for _, right := range result.Rights {
		rows = append(rows, table.Row{right.Right, right.Granted, printable(right.Advice)})
	}
	if !result.Lists {
		rows = append(rows, table.Row{"list who is locked", connectors.No, "this provider cannot"})
	}
	return a.drawTable(table.Row{"Right", "Granted", "What to do"}, rows)
}

// checked is the failure that a missing right is.
func checked(result *activities.CheckResult) error {
	var missing []string
	worst := activities.Right{}
	for _, right := range result.Rights {
		if right.Granted == connectors.Yes {
			continue
		}
		missing = append(missing, right.Right)
		// What is certain goes before what could not be found out.
		if worst.Right == "" || worst.Granted == connectors.Unknown && right.Granted == connectors.No {
			worst = right
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &client.Failure{Type: missingType(worst.Kind), Message: fmt.Sprintf("the credential of %s was not shown to have the right to: %s", result.Connection, strings.Join(missing, ", "))}
}

// missingType is the type of the failure that a missing right is. Nobody asked for a user,
// so an answer about users is one that the provider should not give.
func missingType(kind connectors.Kind) string {
	switch kind {
	case "":
		return workflows.TypeInternal
	case connectors.NotFound, connectors.Ambiguous:
		return string(connectors.MalformedResponse)
	default:
		return string(kind)
	}
}

// completeConnections completes the name of a connection with those that are served.
func (p *place) completeConnections(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	s, err := dial(cmd.Context(), *p)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer s.close()
	served, err := s.latchkey.Connections(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]string, len(served))
	for i, each := range served {
		names[i] = each.Connection
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
