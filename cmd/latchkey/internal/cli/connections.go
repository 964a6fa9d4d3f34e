package cli

import (
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
)

func (a *app) connectionsCommand() *cobra.Command {
	return group("connections", "Show which connections are served, and what their credentials may do", "",
		a.connectionsListCommand(), a.connectionsCheckCommand())
}

func (a *app) connectionsListCommand() *cobra.Command {
	var common commonFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the connections that workers serve in the namespace",
		Long:  "Lists the connections that workers serve in the namespace, and how many workers serve each.\nA worker that was killed stays listed for a while.",
		Args:  noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return connect(cmd.Context(), common.temporal, func(c *client.Client) error {
				served, err := c.Connections(cmd.Context())
				if err != nil {
					return err
				}
				return a.show(common.output, served, func() { a.drawConnections(served) })
			})
		},
	}
	common.add(cmd)
	return cmd
}

func (a *app) drawConnections(served []client.Served) {
	if len(served) == 0 {
		a.println("No connection is served. Start a worker with: latchkey worker")
	}
	rows := make([]table.Row, len(served))
	for i, each := range served {
		rows[i] = table.Row{each.Connection, each.Workers}
	}
	a.drawTable(table.Row{"Connection", "Workers"}, rows)
}

func (a *app) connectionsCheckCommand() *cobra.Command {
	var common commonFlags
	cmd := &cobra.Command{
		Use:   "check NAME",
		Short: "Check what the credential of a connection may do",
		Long: "Asks a worker that holds the credential to look up and to unlock an account that does not\n" +
			"exist: the answer proves the right. Nothing is changed. The exit code is 6 when a right is missing.",
		Args:              oneArgument("connection's name", "jc-prod"),
		ValidArgsFunction: common.temporal.connections(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return connect(cmd.Context(), common.temporal, func(c *client.Client) error {
				result, err := c.CheckConnection(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if err := a.show(common.output, result, func() { a.drawRights(result) }); err != nil {
					return err
				}
				return client.MissingRight(result)
			})
		},
	}
	common.add(cmd)
	return cmd
}

func (a *app) drawRights(result *activities.CheckResult) {
	rows := []table.Row{}
	for _, right := range result.Rights {
		rows = append(rows, table.Row{right.Right, right.Granted, right.Advice})
	}
	if !result.Lists {
		rows = append(rows, table.Row{"list who is locked", connectors.No, "this provider cannot"})
	}
	a.drawTable(table.Row{"Right", "Granted", "What to do"}, rows)
}
