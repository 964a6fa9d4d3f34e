package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) reportCommand() *cobra.Command {
	var common commonFlags
	var path string
	cmd := &cobra.Command{
		Use:   "report WORKFLOW_ID",
		Short: "Show what became of each user of a run",
		Long: "Show what became of each user of a run over many, and why, as long as the namespace keeps the\n" +
			"runs; it needs no worker. Of an open run the users of its current part, at most 250, are not\n" +
			"in it yet.",
		Example: "  latchkey bulk report INC-4711 >report.csv\n" +
			"  latchkey bulk report INC-4711 --report report.jsonl",
		Args:              oneBulkRun,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkReport(path); err != nil {
				return err
			}
			return connect(cmd.Context(), common.temporal, func(c *client.Client) error {
				return a.writeReport(cmd.Context(), c.Attach(args[0], ""), common.output, path)
			})
		},
	}
	cmd.Flags().StringVar(&path, "report", "", "write to this file instead of stdout: .csv, .json or .jsonl")
	common.add(cmd, formatCSV, formatJSON, formatLines)
	cmd.MarkFlagsMutuallyExclusive("output", "report")
	return cmd
}

// writeReport writes the report to the file of the path, or to stdout.
func (a *app) writeReport(ctx context.Context, run *client.Run, as format, path string) error {
	view, err := run.Describe(ctx)
	if err == nil {
		err = view.MustBe(many.workflow)
	}
	if err != nil {
		return err
	}
	if view.Open() {
		a.warn("the run is still open: the users of its current part are not in the report yet")
	}
	if path != "" {
		return a.writeReportFile(ctx, run, path)
	}
	out := bufio.NewWriter(a.env.Stdout)
	if _, err := a.writeDecisions(ctx, run, out, as); err != nil {
		return err
	}
	return out.Flush()
}

// reportAtEnd writes the report, and reports whether it could. That it could not does not
// hide how the run ended.
func (a *app) reportAtEnd(ctx context.Context, run *client.Run, path string) bool {
	err := a.writeReportFile(ctx, run, path)
	if err != nil {
		a.warn("%s", err)
		a.warn("write the report again with: latchkey bulk report %s --report FILE", run.WorkflowID)
	}
	return err == nil
}

// reportFormat says by a file's name how it is written.
func reportFormat(path string) (format, bool) {
	as, known := map[string]format{".csv": formatCSV, ".json": formatJSON, ".jsonl": formatLines}[strings.ToLower(filepath.Ext(path))]
	return as, known
}

// checkReport finds out before anything starts what keeps a report from being written.
func checkReport(path string) error {
	if path == "" {
		return nil
	}
	if _, known := reportFormat(path); !known {
		return usagef("--report must be a file whose name ends in .csv, .json or .jsonl")
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil || !folder.IsDir() {
		return usagef("--report: there is no folder %s: make it first", printable(filepath.Dir(path)))
	}
	return nil
}

// writeReportFile writes a report to a file that only its owner can read. It takes its name when it
// is complete, so that half a report is never taken for a whole one.
func (a *app) writeReportFile(ctx context.Context, run *client.Run, path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // Made with 0600.
	if err != nil {
		return fmt.Errorf("create the report: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // Gone already once it has its name.
	as, _ := reportFormat(path)
	out := bufio.NewWriter(file)
	count, err := a.writeDecisions(ctx, run, out, as)
	if err != nil {
		_ = file.Close()
		return err
	}
	if err := finishFile(out, file, path); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	a.warn("wrote what became of %s to %s", plural(count, "user"), path)
	return nil
}

func finishFile(out *bufio.Writer, file *os.File, path string) error {
	if err := out.Flush(); err != nil {
		_ = file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// writeDecisions writes each decision as it is read, and returns how many there are.
func (a *app) writeDecisions(ctx context.Context, run *client.Run, out io.Writer, as format) (int, error) {
	list := a.newList(out, as, nil, []string{"userId", "username", "email", "decision", "code", "explanation", "unlockSent", "workflowId"})
	if err := run.Decisions(ctx, func(decision workflows.Decision) error {
		ref := connectors.UserRef{}
		if decision.Reference != nil {
			ref = *decision.Reference
		}
		return list.add(decision, nil, []string{decision.UserID, ref.Username, ref.Email, string(decision.Decision), decision.Code,
			decision.Explanation, string(decision.UnlockSent), decision.WorkflowID})
	}); err != nil {
		return list.count, err
	}
	return list.count, list.end()
}
