package cli

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// list writes a list of unknown length, one element at a time.
type list struct {
	app    *app
	out    io.Writer
	format format
	// heading is that of a table, columns is that of CSV.
	heading table.Row
	columns []string
	rows    []table.Row
	csv     *csv.Writer
	count   int
}

// tableRows is how many rows are drawn as one table: the widths of its columns need all of
// them at once, and the list may be longer than memory is.
const tableRows = 1000

func (a *app) newList(out io.Writer, as format, heading table.Row, columns []string) *list {
	return &list{app: a, out: out, format: as, heading: heading, columns: columns, csv: csv.NewWriter(out)}
}

// add writes one element: as a value, as a row of a table, or as cells of CSV.
func (l *list) add(value any, row table.Row, cells []string) error {
	l.count++
	switch l.format {
	case formatTable:
		if l.rows = append(l.rows, row); len(l.rows) < tableRows {
			return nil
		}
		l.flush()
		return nil
	case formatCSV:
		return l.record(cells)
	case formatLines:
		return l.write(encodeJSON(value, "", ""))
	case formatYAML:
		text, err := encodeJSON([]any{value}, "", "")
		if err != nil {
			return err
		}
		return writeYAML(l.out, text)
	default:
		opening := ",\n  "
		if l.count == 1 {
			opening = "[\n  "
		}
		text, err := encodeJSON(value, "  ", "  ")
		return l.write(append([]byte(opening), bytes.TrimSuffix(text, []byte("\n"))...), err)
	}
}

func (l *list) flush() {
	l.app.drawTable(l.heading, l.rows)
	l.rows = nil
}

func (l *list) write(text []byte, err error) error {
	if err == nil {
		_, err = l.out.Write(text)
	}
	return err
}

// record writes the columns first. It flushes each time: whoever reads along sees the record,
// and a failure to write shows.
func (l *list) record(cells []string) error {
	if l.count <= 1 {
		if err := l.csv.Write(l.columns); err != nil {
			return err
		}
	}
	if cells != nil {
		safe := make([]string, len(cells))
		for i, cell := range cells {
			safe[i] = safeCell(cell)
		}
		if err := l.csv.Write(safe); err != nil {
			return err
		}
	}
	l.csv.Flush()
	return l.csv.Error()
}

// end writes what stands at the end; without it a list is not complete.
func (l *list) end() error {
	closing := ""
	switch {
	case l.format == formatTable:
		l.flush()
	case l.format == formatCSV && l.count == 0:
		return l.record(nil)
	case l.format == formatYAML && l.count == 0, l.format == formatJSON && l.count == 0:
		closing = "[]\n"
	case l.format == formatJSON:
		closing = "\n]\n"
	}
	if _, err := io.WriteString(l.out, closing); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// safeCell keeps a spreadsheet from taking a text for a formula: names come from providers.
func safeCell(cell string) string {
	if strings.HasPrefix(cell, "\t") {
		return "'" + printable(cell)
	}
	cell = printable(cell)
	if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
