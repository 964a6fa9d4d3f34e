package cli

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// elements writes a list of unknown length, one element at a time, for machines.
type elements struct {
	out    io.Writer
	format format
	// heading names the cells of CSV.
	heading []string
	csv     *csv.Writer
	count   int
}

func newElements(out io.Writer, as format, heading []string) *elements {
	return &elements{out: out, format: as, heading: heading, csv: csv.NewWriter(out)}
}

// add writes one element: as it is, or as cells.
func (e *elements) add(value any, cells []string) error {
	e.count++
	switch e.format {
	case formatCSV:
		return e.row(cells)
	case formatLines:
		return e.text(encodeJSON(value, "", ""))
	case formatYAML:
		text, err := encodeJSON([]any{value}, "", "")
		if err != nil {
			return err
		}
		return writeYAML(e.out, bytes.NewReader(text))
	default:
		opening := ",\n  "
		if e.count == 1 {
			opening = "[\n  "
		}
		text, err := encodeJSON(value, "  ", "  ")
		return e.text(append([]byte(opening), bytes.TrimSuffix(text, []byte("\n"))...), err)
	}
}

func (e *elements) text(text []byte, err error) error {
	if err == nil {
		_, err = e.out.Write(text)
	}
	return err
}

// row writes the heading first. It flushes each time: whoever reads along sees the row, and
// a failure to write shows.
func (e *elements) row(cells []string) error {
	if e.count <= 1 {
		if err := e.csv.Write(e.heading); err != nil {
			return err
		}
	}
	if cells != nil {
		safe := make([]string, len(cells))
		for i, cell := range cells {
			safe[i] = safeCell(cell)
		}
		if err := e.csv.Write(safe); err != nil {
			return err
		}
	}
	e.csv.Flush()
	return e.csv.Error()
}

// end writes what stands at the end; without it a list is not complete.
func (e *elements) end() error {
	closing := ""
	switch {
	case e.format == formatCSV && e.count == 0:
		return e.row(nil)
	case e.format == formatYAML && e.count == 0:
		closing = "[]\n"
	case e.format == formatJSON && e.count == 0:
		closing = "[]\n"
	case e.format == formatJSON:
		closing = "\n]\n"
	}
	if _, err := io.WriteString(e.out, closing); err != nil {
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
