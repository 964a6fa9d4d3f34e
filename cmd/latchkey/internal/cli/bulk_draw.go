package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/schollz/progressbar/v3"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// drawBulk draws the result of a run over many users, or what was done before a failure.
func (a *app) drawBulk(run *client.Run, result *workflows.BulkResult, failure *failureView) error {
	title, word := firstOf(string(result.Outcome), "so far"), bulkWord(result)
	if failure != nil {
		title, word = failure.Type, failure.Type
	}
	if _, err := fmt.Fprintf(a.env.Stdout, "%s: %s\n\n", a.painted(title, word), printable(result.Explanation)); err != nil {
		return err
	}
	if err := a.drawRows(bulkRows(run, result)); err != nil {
		return err
	}
	if err := a.drawCounts("Decision", result.Counts); err != nil {
		return err
	}
	if err := a.drawCounts("Code", result.Codes); err != nil {
		return err
	}
	return a.drawFailures(result)
}

func bulkRows(run *client.Run, result *workflows.BulkResult) []row {
	rows := []row{{"connection", printable(fmt.Sprintf("%s (%s)", result.Connection, firstOf(result.Provider, "not asked")))}}
	if result.DryRun {
		rows = append(rows, row{"dry run", "nothing was changed"})
	}
	rows = append(rows, row{"found", plural(result.Found, "user")})
	rows = append(rows, missingRows(result.Missing)...)
	if !result.FinishedAt.IsZero() {
		rows = append(rows, row{"took", took(result.FinishedAt.Sub(result.StartedAt))})
	}
	for _, each := range result.Interventions {
		rows = append(rows, row{each.What, interventionText(each)})
	}
	for _, optional := range []row{{"requested by", printable(result.RequestedBy)}, {"reason", printable(result.RequestReason)}} {
		if optional.value != "" {
			rows = append(rows, optional)
		}
	}
	if run != nil {
		rows = append(rows, row{"workflow", run.WorkflowID}, row{"each user", "latchkey bulk report " + run.WorkflowID})
	}
	return rows
}

// missingRows are of what the provider's list lacks; none where it is whole.
func missingRows(missing connectors.Missing) []row {
	if !missing.Any() {
		return nil
	}
	return []row{{"missing", missingText(missing)}}
}

func interventionText(each workflows.Intervention) string {
	text := instant(each.At)
	if each.RequestedBy != "" {
		text += " by " + each.RequestedBy
	}
	if each.RequestReason != "" {
		text += ": " + each.RequestReason
	}
	return printable(text)
}

// drawCounts draws how many users each word has, the most frequent first.
func (a *app) drawCounts(heading string, counts map[string]int) error {
	if len(counts) == 0 {
		return nil
	}
	words := slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
	})
	rows := make([]table.Row, len(words))
	for i, word := range words {
		rows[i] = table.Row{printable(word), counts[word]}
	}
	return a.drawTableBelow(table.Row{heading, "Users"}, rows)
}

// drawTableBelow draws a table below something else.
func (a *app) drawTableBelow(heading table.Row, rows []table.Row) error {
	if _, err := fmt.Fprintln(a.env.Stdout); err != nil {
		return err
	}
	return a.drawTable(heading, rows)
}

func (a *app) drawFailures(result *workflows.BulkResult) error {
	if len(result.Failures) == 0 {
		return nil
	}
	rows := make([]table.Row, len(result.Failures))
	for i, each := range result.Failures {
		rows[i] = table.Row{userText(&each), printable(each.Code), printable(each.Explanation)}
	}
	if err := a.drawTableBelow(table.Row{"User", "Failure", "Why"}, rows); err != nil {
		return err
	}
	if more := result.Counts[string(workflows.FailedUser)] - len(result.Failures); more > 0 {
		_, err := fmt.Fprintf(a.env.Stdout, "and %d more\n", more)
		return err
	}
	return nil
}

// userText names a user as the list did.
func userText(decision *workflows.Decision) string {
	if ref := decision.Reference; ref != nil {
		return printable(firstOf(ref.Username, ref.Email, ref.ID))
	}
	return printable(decision.UserID)
}

// bulkProgress looks at a run over many users.
func (a *app) bulkProgress(run *client.Run) func(context.Context, time.Duration) (string, error) {
	return func(ctx context.Context, elapsed time.Duration) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, client.AskTimeout)
		defer cancel()
		progress, err := run.Progress(ctx)
		if err != nil {
			return "", err
		}
		return bulkProgressText(run.WorkflowID, progress, elapsed, a.env.Width()), nil
	}
}

// bulkProgressText is the line of progress: what a run waits for, or how far it is.
func bulkProgressText(workflowID string, progress *workflows.Progress, elapsed time.Duration, width int) string {
	switch {
	case progress.State == workflows.StateHeld:
		return fmt.Sprintf("held until %s: %s locked lately; release or abort it with: latchkey bulk release %s",
			progress.HeldUntil.UTC().Format("15:04Z"), plural(progress.Fresh, "user"), workflowID)
	case progress.State == workflows.StatePaused:
		return fmt.Sprintf("paused, %d of %d done; go on with: latchkey bulk resume %s", progress.Decided, progress.Found, workflowID)
	case progress.Found == 0 || progress.State == workflows.StateListing && progress.Decided == 0:
		return fmt.Sprintf("%s (%s)", progress.State, guard.Round(elapsed.Round(time.Second)))
	default:
		return bar(progress, width) + " " + strings.Join(paceOf(progress), ", ")
	}
}

// restOfLine is what stands beside the bar.
const restOfLine = 60

func bar(progress *workflows.Progress, width int) string {
	drawn := progressbar.NewOptions(progress.Found,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetDescription(string(progress.State)),
		progressbar.OptionSetWidth(min(max(width-restOfLine, 10), 40)),
		progressbar.OptionShowCount(),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetTheme(progressbar.ThemeASCII))
	if err := drawn.Set(min(progress.Decided, progress.Found)); err != nil {
		return string(progress.State)
	}
	return strings.TrimSpace(drawn.String())
}

// paceOf tells the rate and the time left, as far as they are known.
func paceOf(progress *workflows.Progress) []string {
	if progress.PerMinute <= 0 {
		return nil
	}
	pace := []string{fmt.Sprintf("%.0f/min", progress.PerMinute)}
	if progress.Remaining > 0 {
		left := time.Duration(float64(progress.Remaining) / progress.PerMinute * float64(time.Minute))
		pace = append(pace, guard.Round(max(left.Round(time.Second), time.Second))+" left")
	}
	return pace
}
