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

func (a *app) bulkReportCommand() *cobra.Command {
	var output format
	var where place
	var path string
	cmd := &cobra.Command{
		Use:   "report WORKFLOW_ID",
		Short: "Tell what became of each user of a run",
		Long: "Tell what became of each user of a run over many, and why, as long as the namespace keeps the\n" +
			"runs; it needs no worker. Of an open run the users of its last part, at most 250, are not told yet.",
		Example: "  latchkey bulk report INC-4711 >report.csv\n" +
			"  latchkey bulk report INC-4711 --report report.jsonl",
		Args:              oneRun,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if path != "" && cmd.Flags().Changed("output") {
				return usagef("give --output or --report: the name of the file says how it is written")
			}
			if err := checkReport(path); err != nil {
				return err
			}
			return a.report(cmd.Context(), where, output, args[0], path)
		},
	}
	cmd.Flags().StringVar(&path, "report", "", "write to this file instead of stdout: .csv, .json or .jsonl")
	addFormats(cmd, &output, formatCSV, formatJSON, formatLines)
	where.add(cmd)
	return cmd
}

func (a *app) report(ctx context.Context, where place, as format, workflowID, path string) error {
	connected, run, view, err := attachBulk(ctx, where, workflowID)
	if err != nil {
		return err
	}
	defer connected.close()
	if view.open() {
		_, _ = fmt.Fprintln(a.env.Stderr, "latchkey: the run goes on: the users of its last part are not told yet")
	}
	if path != "" {
		return a.reportTo(ctx, connected, run, path)
	}
	out := bufio.NewWriter(a.env.Stdout)
	if _, err := writeReport(ctx, run, out, as); err != nil {
		return connected.located(err)
	}
	return out.Flush()
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

// reportTo writes a report to a file that only its owner can read. It takes its name when it
// is complete, so that half a report is never taken for a whole one.
func (a *app) reportTo(ctx context.Context, connected *session, run *client.Run, path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // Made with 0600.
	if err != nil {
		return fmt.Errorf("create the report: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // Gone already once it has its name.
	as, _ := reportFormat(path)
	out := bufio.NewWriter(file)
	count, err := writeReport(ctx, run, out, as)
	if err != nil {
		_ = file.Close()
		return connected.located(err)
	}
	if err := finishFile(out, file, path); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	_, _ = fmt.Fprintf(a.env.Stderr, "latchkey: what became of %s is in %s\n", plural(count, "user"), printable(path))
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

// writeReport writes each decision as it is read, and returns how many there are.
func writeReport(ctx context.Context, run *client.Run, out io.Writer, as format) (int, error) {
	list := newElements(out, as, []string{"userId", "username", "email", "decision", "code", "explanation", "unlockSent", "workflowId"})
	if err := run.Decisions(ctx, func(decision workflows.Decision) error {
		ref := connectors.UserRef{}
		if decision.Reference != nil {
			ref = *decision.Reference
		}
		return list.add(decision, []string{decision.UserID, ref.Username, ref.Email, string(decision.Decision), decision.Code,
			decision.Explanation, string(decision.UnlockSent), decision.WorkflowID})
	}); err != nil {
		return list.count, err
	}
	return list.count, list.end()
}
