package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// row is a label and its value.
type row struct{ label, value string }

// minWrap is the width below which wrapping would make a value unreadable.
const minWrap = 24

// drawRows draws labels and values side by side; on a terminal long values are wrapped.
func (a *app) drawRows(rows []row) error {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleDefault)
	writer.Style().Options = table.OptionsNoBordersAndSeparators
	writer.Style().Box.PaddingLeft = ""
	writer.Style().Box.PaddingRight = "  "
	writer.SuppressTrailingSpaces()
	labels := 0
	for _, r := range rows {
		labels = max(labels, text.StringWidthWithoutEscSequences(r.label))
		writer.AppendRow(table.Row{r.label, r.value})
	}
	if a.env.StdoutTerminal {
		writer.SetColumnConfigs([]table.ColumnConfig{{
			Number: 2, WidthMax: max(a.env.Width()-labels-4, minWrap), WidthMaxEnforcer: wrap,
		}})
	}
	_, err := fmt.Fprintln(a.env.Stdout, writer.Render())
	return err
}

// wrap breaks each line between words, and keeps the breaks that are there.
func wrap(value string, width int) string {
	broken := strings.Split(value, "\n")
	for i, line := range broken {
		broken[i] = text.WrapSoft(line, width)
	}
	return strings.Join(broken, "\n")
}

// drawResult draws a result, or what was done before a failure, for people.
func (a *app) drawResult(run *client.Run, result *workflows.Result, failure *failureView) error {
	title := firstOf(string(result.Outcome), "so far")
	if failure != nil {
		title = failure.Type
	}
	line := a.coloured(title)
	if result.Explanation != "" {
		line += ": " + printable(result.Explanation)
	}
	if _, err := fmt.Fprintf(a.env.Stdout, "%s\n\n", line); err != nil {
		return err
	}
	if err := a.drawRows(resultRows(run, result)); err != nil {
		return err
	}
	user := userRows(result.User)
	if result.UserOmitted != "" {
		user = []row{{"left out", result.UserOmitted}}
	}
	if len(user) == 0 {
		return nil
	}
	if _, err := fmt.Fprint(a.env.Stdout, "\nuser\n"); err != nil {
		return err
	}
	return a.drawRows(user)
}

// coloured paints an outcome or a type of failure as its class says.
func (a *app) coloured(word string) string { return a.painted(word, word) }

// painted paints a title as the class of a word says.
func (a *app) painted(title, word string) string {
	if !a.env.StdoutTerminal || !a.env.Colour {
		return title
	}
	colour := text.FgRed
	switch classOf(word) { //nolint:exhaustive // every other is as red
	case workflows.ClassDone:
		colour = text.FgGreen
	case workflows.ClassRefused, workflows.ClassLocked, workflows.ClassIncomplete:
		colour = text.FgYellow
	}
	return colour.EscapeSeq() + title + text.Reset.EscapeSeq()
}

func resultRows(run *client.Run, result *workflows.Result) []row {
	rows := []row{
		{"account", accountText(result)},
		{"locks before", stateText(result.Before)},
		{"locks after", stateText(result.After)},
	}
	if result.After != nil {
		rows = append(rows, row{"can sign in", signInText(result)})
	}
	for _, each := range result.RefusedBy {
		rows = append(rows, row{"refused by", printable(fmt.Sprintf("%s: %s: %s", each.Server, each.Kind, each.Message))})
	}
	if result.Refusal != nil {
		rows = append(rows, row{"refusal", string(result.Refusal.Code)})
	}
	if result.Approval != nil {
		rows = append(rows, row{"approval", approvalText(result.Approval)})
	}
	rows = append(rows,
		row{"unlock sent", sentText(result)},
		row{"attempts", fmt.Sprintf("look up %d, unlock %d, verify %d", result.Attempts.Lookup, result.Attempts.Unlock, result.Attempts.Verify)})
	if !result.FinishedAt.IsZero() {
		rows = append(rows, row{"took", took(result.FinishedAt.Sub(result.StartedAt))})
	}
	for _, optional := range []row{{"requested by", printable(result.RequestedBy)}, {"reason", printable(result.RequestReason)}} {
		if optional.value != "" {
			rows = append(rows, optional)
		}
	}
	if run != nil {
		rows = append(rows, row{"workflow", run.WorkflowID})
	}
	return rows
}

// sentText says whether an unlock was sent, and what the provider calls the exchange.
func sentText(result *workflows.Result) string {
	if result.ProviderRequestID == "" {
		return string(result.UnlockSent)
	}
	return printable(fmt.Sprintf("%s (the provider's request %s)", result.UnlockSent, result.ProviderRequestID))
}

func accountText(result *workflows.Result) string {
	account := firstOf(result.UserID, "not looked up")
	at := " at " + result.Connection
	if result.Provider != "" {
		at += " (" + result.Provider + ")"
	}
	return printable(account + at)
}

// stateText has a line for each lock and each layer that could not be read.
func stateText(state *connectors.State) string {
	if state == nil {
		return "not read"
	}
	if state.Clear() {
		return "none"
	}
	var lines []string
	for _, lock := range state.Locks {
		lines = append(lines, lockText(lock))
	}
	for _, unread := range state.Unread {
		lines = append(lines, printable(fmt.Sprintf("%s%s could not be read: %s", unread.Layer, onServer(unread.Server), unread.Kind)))
	}
	return strings.Join(lines, "\n")
}

func lockText(lock connectors.Lock) string {
	line := fmt.Sprintf("%s%s: %s", lock.Layer, onServer(lock.Server), lock.Reason)
	if lock.ReasonInferred {
		line += " (inferred)"
	}
	if lock.Since != nil {
		line += ", since " + instant(*lock.Since)
	}
	if lock.Until != nil {
		line += ", until " + instant(*lock.Until)
	}
	if lock.Permanent {
		line += ", permanent"
	}
	return printable(line)
}

func onServer(server string) string {
	if server == "" {
		return ""
	}
	return " on " + server
}

// signInText says whether the user can sign in, and what stands in the way besides locks.
func signInText(result *workflows.Result) string {
	line := string(result.After.CanSignIn)
	if len(result.StillBlockedBy) > 0 {
		line += ": still blocked by " + strings.Join(result.StillBlockedBy, ", ")
	}
	return line
}

// instant writes a time as everywhere in Latchkey.
func instant(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// took writes a duration as exactly as people want to know it.
func took(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return guard.Round(d)
}

func yesNo(truth bool) string { return string(connectors.AnswerOf(truth)) }
