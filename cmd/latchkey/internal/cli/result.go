package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// drawResult draws the result of a run, or what was done before a failure, for people.
func (a *app) drawResult(workflowID string, result client.Result, failure *client.Failure) {
	var outcome, explanation string
	rows := []row{{"workflow", workflowID}}
	if of := result.Unlock; of != nil {
		outcome, explanation = string(of.Outcome), of.Explanation
		rows = append(unlockRows(of), rows...)
	} else if of := result.Bulk; of != nil {
		outcome, explanation = string(of.Outcome), of.Explanation
		rows = append(bulkRows(of), rows...)
		if workflowID != "" {
			rows = append(rows, row{"each user", "latchkey bulk report " + workflowID})
		}
	}
	title, word := cmp.Or(outcome, "so far"), result.Word()
	if failure != nil {
		title, word = failure.Type, failure.Type
	}
	line := a.painted(title, word)
	if explanation != "" {
		line += ": " + printable(explanation)
	}
	a.println(line + "\n")
	a.drawRows(rowsOf(rows...)...)
	if of := result.Unlock; of != nil {
		a.drawUser(of)
	} else if of := result.Bulk; of != nil {
		a.drawCounts("Decision", of.Counts)
		a.drawCounts("Code", of.Codes)
		a.drawFailures(of)
	}
}

// drawUser draws what the provider knows about the user.
func (a *app) drawUser(result *workflows.Result) {
	user := userRows(result.User)
	if result.UserOmitted != "" {
		user = []row{{"left out", result.UserOmitted}}
	}
	if len(user) > 0 {
		a.println("\nuser")
		a.drawRows(user...)
	}
}

func unlockRows(result *workflows.Result) []row {
	rows := []row{
		{"account", accountText(result)},
		{"locks before", stateText(result.Before)},
		{"locks after", stateText(result.After)},
		{"can sign in", signInText(result)},
	}
	for _, each := range result.Evidence {
		rows = append(rows, row{"failed sign-ins", evidenceText(each)})
	}
	for _, each := range result.RefusedBy {
		rows = append(rows, row{"refused by", fmt.Sprintf("%s: %s: %s", each.Server, each.Kind, each.Message)})
	}
	if result.Refusal != nil {
		rows = append(rows, row{"refusal", string(result.Refusal.Code)})
	}
	return append(rows,
		row{"approval", approvalText(result.Approval)},
		row{"unlock sent", sentText(result)},
		row{"attempts", fmt.Sprintf("look up %d, unlock %d, verify %d", result.Attempts.Lookup, result.Attempts.Unlock, result.Attempts.Verify)},
		row{"took", took(result.StartedAt, result.FinishedAt)},
		row{"requested by", result.RequestedBy},
		row{"reason", result.RequestReason})
}

func bulkRows(result *workflows.BulkResult) []row {
	rows := []row{{"connection", fmt.Sprintf("%s (%s)", result.Connection, cmp.Or(result.Provider, "not asked"))}}
	if result.DryRun {
		rows = append(rows, row{"dry run", "nothing was changed"})
	}
	rows = append(rows,
		row{"found", plural(result.Found, "user")},
		row{"missing", missingText(result.Missing)},
		row{"took", took(result.StartedAt, result.FinishedAt)})
	rows = append(rows, interventionRows(result.Interventions)...)
	return append(rows, row{"requested by", result.RequestedBy}, row{"reason", result.RequestReason})
}

// interventionRows are what operators did to a run over many users.
func interventionRows(interventions []workflows.Intervention) []row {
	var rows []row
	for _, each := range interventions {
		text := instant(&each.At)
		if each.RequestedBy != "" {
			text += " by " + each.RequestedBy
		}
		if each.RequestReason != "" {
			text += ": " + each.RequestReason
		}
		rows = append(rows, row{each.What, text})
	}
	return rows
}

// drawCounts draws how many users each word has, the most frequent first.
func (a *app) drawCounts(heading string, counts map[string]int) {
	words := slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
	})
	rows := make([]table.Row, len(words))
	for i, word := range words {
		rows[i] = table.Row{word, counts[word]}
	}
	a.drawTableBelow(table.Row{heading, "Users"}, rows)
}

// drawTableBelow draws a table below something else.
func (a *app) drawTableBelow(heading table.Row, rows []table.Row) {
	if len(rows) > 0 {
		a.println("")
		a.drawTable(heading, rows)
	}
}

func (a *app) drawFailures(result *workflows.BulkResult) {
	rows := make([]table.Row, len(result.Failures))
	for i, each := range result.Failures {
		user := each.UserID
		if ref := each.Reference; ref != nil { // As the list named the user.
			user = cmp.Or(ref.Username, ref.Email, ref.ID)
		}
		rows[i] = table.Row{user, each.Code, each.Explanation}
	}
	a.drawTableBelow(table.Row{"User", "Failure", "Why"}, rows)
	if more := result.Counts[string(workflows.FailedUser)] - len(rows); len(rows) > 0 && more > 0 {
		a.println(fmt.Sprintf("and %d more", more))
	}
}

// sentText says whether an unlock was sent, and what the provider calls the exchange.
func sentText(result *workflows.Result) string {
	if result.ProviderRequestID == "" {
		return string(result.UnlockSent)
	}
	return fmt.Sprintf("%s (the provider's request %s)", result.UnlockSent, result.ProviderRequestID)
}

func accountText(result *workflows.Result) string {
	account := cmp.Or(result.UserID, "not looked up") + " at " + result.Connection
	if result.Provider != "" {
		account += " (" + result.Provider + ")"
	}
	return account
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
		lines = append(lines, fmt.Sprintf("%s%s could not be read: %s", unread.Layer, onServer(unread.Server), unread.Kind))
	}
	return strings.Join(lines, "\n")
}

func evidenceText(evidence connectors.Evidence) string {
	text := fmt.Sprint(evidence.Failures) + onServer(evidence.Server)
	if last := len(evidence.Times) - 1; last >= 0 {
		text += ", the last at " + instant(&evidence.Times[last])
	}
	return text
}

func lockText(lock connectors.Lock) string {
	line := fmt.Sprintf("%s%s: %s", lock.Layer, onServer(lock.Server), lock.Reason)
	if lock.ReasonInferred {
		line += " (inferred)"
	}
	if lock.Since != nil {
		line += ", since " + instant(lock.Since)
	}
	if lock.Until != nil {
		line += ", until " + instant(lock.Until)
	}
	if lock.Permanent {
		line += ", permanent"
	}
	return line
}

func onServer(server string) string {
	if server == "" {
		return ""
	}
	return " on " + server
}

// signInText says whether the user can sign in, and what stands in the way besides locks.
func signInText(result *workflows.Result) string {
	if result.After == nil {
		return ""
	}
	line := string(result.After.CanSignIn)
	if len(result.StillBlockedBy) > 0 {
		line += ": still blocked by " + strings.Join(result.StillBlockedBy, ", ")
	}
	return line
}

// missingText says what a list lacks, and names the users that are known; nothing where the
// list is whole.
func missingText(missing connectors.Missing) string {
	if !missing.Any() {
		return ""
	}
	text := missing.String()
	if len(missing.UserIDs) > 0 {
		text += "; known of them: " + strings.Join(missing.UserIDs, ", ")
	}
	return text
}

// approvalText says what became of an approval, or until when it is waited for.
func approvalText(record *workflows.ApprovalRecord) string {
	if record == nil {
		return ""
	}
	var text string
	switch {
	case record.Decision == "":
		text = "waited for until " + instant(&record.Until)
	case record.By == "":
		text = record.Decision + " at " + instant(&record.Until)
	default:
		text = record.Decision + " by " + record.By + " at " + instant(&record.At)
	}
	if record.Reason != "" {
		text += ": " + record.Reason
	}
	return fmt.Sprintf("%s (needed: %s)", text, strings.Join(record.Cases, ", "))
}
