package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/worker"
)

func (a *app) workerCommand() *cobra.Command {
	var check bool
	command := &cobra.Command{
		Use:   "worker",
		Short: "Serve workflows and connections until it is interrupted",
		Long: "Serve Latchkey's workflows, the connections that LATCHKEY_CONNECTIONS names, or both.\n" +
			"All settings come from the environment; every wrong or missing one is named at the start.\n" +
			"On SIGTERM or Ctrl-C it finishes what is under way and ends; on a second one it ends at once.",
		Example: "  LATCHKEY_CONNECTIONS=jc-prod:jumpcloud \\\n" +
			"  LATCHKEY_CONNECTION_JC_PROD_API_KEY_FILE=/run/secrets/jumpcloud latchkey worker",
		Args: noArguments("; its settings come from the environment"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check {
				return worker.Check(cmd.Context())
			}
			config, err := worker.Load()
			if err != nil {
				return &usageError{message: strings.TrimSpace(err.Error()), elsewhere: true}
			}
			config.BuildID = readVersion().Version
			return worker.Run(cmd.Context(), config)
		},
	}
	command.Flags().BoolVar(&check, "check", false, "start nothing; ask the worker that runs here, at LATCHKEY_HEALTH_ADDRESS, whether it is ready, and fail if it is not")
	return command
}
