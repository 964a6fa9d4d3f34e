package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// tableRows is how many rows are drawn as one table: the widths of its columns need all of
// them at once, and the list may be longer than memory is.
const tableRows = 1000

// lockedList writes locked accounts as their pages come.
type lockedList struct {
	app      *app
	format   format
	elements *elements
	rows     []table.Row
	shown    int
	tally    activities.Tally
}

func (a *app) newLockedList(as format) *lockedList {
	return &lockedList{app: a, format: as, elements: newElements(a.env.Stdout, as, []string{
		"userId", "username", "email", "displayName", "layers", "reasons", "since", "until", "permanent",
		"disabled", "suspended", "passwordExpired", "privileged"})}
}

func (l *lockedList) add(page *activities.ListLockedResult) error {
	l.tally.Add(page.Tally)
	for _, account := range page.Accounts {
		l.shown++
		if err := l.addOne(account); err != nil {
			return fmt.Errorf("write the list: %w", err)
		}
	}
	return nil
}

func (l *lockedList) addOne(account *connectors.Account) error {
	if l.format.structured() {
		return l.elements.add(account, lockedCells(account))
	}
	if l.rows = append(l.rows, lockedRow(account)); len(l.rows) < tableRows {
		return nil
	}
	return l.flush()
}

func (l *lockedList) flush() error {
	rows := l.rows
	l.rows = nil
	if len(rows) == 0 {
		return nil
	}
	return l.app.drawTable(table.Row{"User ID", "Username", "Email", "Locks", "Also blocked by", "Privileged"}, rows)
}

func (l *lockedList) end() error {
	if l.format.structured() {
		return l.elements.end()
	}
	return l.flush()
}

// summary says how many are locked, and how many accounts had to be read to know it.
func (l *lockedList) summary() string {
	counted := plural(l.tally.Locked, "locked user")
	if l.shown != l.tally.Locked {
		counted = fmt.Sprintf("%d of %s shown", l.shown, counted)
	}
	if l.tally.Read == 0 {
		return counted
	}
	verb := "were"
	if l.tally.Read == 1 {
		verb = "was"
	}
	return fmt.Sprintf("%s (%d %s read)", counted, l.tally.Read, verb)
}

// missingText says what a list lacks, and names the users that are known.
func missingText(missing connectors.Missing) string {
	text := missing.String()
	if len(missing.UserIDs) > 0 {
		text += "; known of them: " + strings.Join(missing.UserIDs, ", ")
	}
	return printable(text)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func lockedRow(account *connectors.Account) table.Row {
	return table.Row{printable(account.ID), printable(account.Username), printable(account.Email), stateText(&account.State),
		strings.Join(account.State.StillBlockedBy(), ", "), account.State.Privileged}
}

// lockedCells has one row a user; what each of several locks says is divided by "; ", in
// the same order in each cell.
func lockedCells(account *connectors.Account) []string {
	of := func(tell func(connectors.Lock) string) string {
		var told []string
		for _, lock := range account.State.Locks {
			told = append(told, tell(lock))
		}
		return strings.Join(told, "; ")
	}
	return []string{
		account.ID, account.Username, account.Email, account.DisplayName,
		of(func(l connectors.Lock) string { return string(l.Layer) + onServer(l.Server) }),
		of(func(l connectors.Lock) string { return string(l.Reason) }),
		of(func(l connectors.Lock) string { return instantOrNone(l.Since) }),
		of(func(l connectors.Lock) string { return instantOrNone(l.Until) }),
		of(func(l connectors.Lock) string { return yesNo(l.Permanent) }),
		yesNo(account.State.Disabled), yesNo(account.State.Suspended), yesNo(account.State.PasswordExpired),
		string(account.State.Privileged),
	}
}

func instantOrNone(at *time.Time) string {
	if at == nil {
		return ""
	}
	return instant(*at)
}
