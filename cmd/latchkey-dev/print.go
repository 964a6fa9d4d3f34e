package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/latchkey-iam/latchkey/workflows"
)

// printJSON writes an array of the results and nothing else.
func printJSON(out io.Writer, performed []*performance) error {
	results := make([]*workflows.Result, len(performed))
	for i, each := range performed {
		results[i] = each.result
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(results)
}

// printTable writes one full user and then a row for each scene, and what is missing.
func printTable(out io.Writer, performed []*performance, missing []string) error {
	colours := isTerminal(out)
	first := performed[0]
	var user bytes.Buffer
	if err := json.Indent(&user, first.result.User, "", "  "); err != nil {
		return fmt.Errorf("print the user: %w", err)
	}
	rows := table.NewWriter()
	rows.SetStyle(table.StyleRounded)
	rows.SetTitle("Accounts locked for real at simulated tenants and in directories, unlocked by Temporal workflows")
	rows.AppendHeader(table.Row{"Account", "Provider", "Asked by", "Outcome", "Unlocks sent", "Took", "Signs in", ""})
	for _, each := range performed {
		rows.AppendRow(row(each, colours))
	}
	_, err := fmt.Fprintf(out, "What the provider knows about the first user, as the workflow returned it:\n\n%s\n\n%s\n\n%s\n",
		user.String(), rows.Render(), strings.Join(append([]string{summary(performed, colours)}, missing...), "\n"))
	return err
}

func row(p *performance, colours bool) table.Row {
	outcome := string(p.result.Outcome)
	if p.result.Refusal != nil {
		outcome += ": " + string(p.result.Refusal.Code)
	}
	verdict := "as expected"
	if len(p.faults) > 0 {
		verdict = strings.Join(p.faults, "; ")
	}
	signsIn := "no"
	if p.signsIn {
		signsIn = "yes"
	}
	if colours {
		outcome = colourOf(p.result.Outcome).Sprint(outcome)
	}
	return table.Row{p.title, p.connection, p.by, outcome, p.result.Attempts.Unlock, p.took.Round(time.Millisecond), signsIn, verdict}
}

func colourOf(outcome workflows.Outcome) text.Color {
	switch outcome {
	case workflows.Unlocked:
		return text.FgGreen
	case workflows.Refused:
		return text.FgYellow
	default:
		return text.FgCyan
	}
}

func summary(performed []*performance, colours bool) string {
	wrong := countWrong(performed)
	if wrong > 0 {
		return fmt.Sprintf("%d of %d outcomes are NOT as expected.", wrong, len(performed))
	}
	line := fmt.Sprintf("All %d outcomes are as expected. Each unlocked user then signed in with the right password.", len(performed))
	if colours {
		line = text.FgGreen.Sprint(line)
	}
	return line
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
