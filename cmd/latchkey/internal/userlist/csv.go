package userlist

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// dividers are what divides cells.
var dividers = []struct {
	comma rune
	name  string
}{{',', "commas"}, {';', "semicolons"}, {'\t', "tabs"}, {'|', "bars"}}

var (
	// separator is the line that tells spreadsheets what divides the cells.
	separator = regexp.MustCompile(`^"?sep=([^"])"?\s*$`)
	// version stands above the header of templates.
	version = regexp.MustCompile(`^"?version:v[\d.]+"?[,;\t]*$`)
)

// delimiter returns what divides the cells of the lines, of which the first is the first that
// says something, and whether there is a header at all. It empties the lines above it.
func delimiter(lines []string, first int, options Options) (comma rune, header bool) {
	told, above := preamble(lines[first:])
	first += above
	switch {
	case told != 0:
		return told, true
	case first == len(lines):
		return ',', true
	}
	text := strings.Join(lines[first:], "\n")
	best, known := 0, 0
	for _, divider := range dividers {
		if divider.comma == '|' && options.As != Auto {
			continue // There are IDs with a bar in them.
		}
		cells := headerOf(text, divider.comma)
		if score := knownAmong(cells, options.Column); score > known || score == known && len(cells) > best {
			comma, best, known = divider.comma, len(cells), score
		}
	}
	return comma, known > 0 || best > 1 || options.Column != "" || above > 0
}

// preamble empties the lines above the header, says how many there are, and what they say
// divides the cells.
func preamble(lines []string) (comma rune, above int) {
	for i, line := range lines {
		if found := separator.FindStringSubmatch(line); found != nil {
			comma, _ = utf8.DecodeRuneInString(found[1])
		} else if !version.MatchString(line) && !silent(line) {
			return comma, i
		}
		lines[i] = ""
	}
	return comma, len(lines)
}

func headerOf(text string, comma rune) []string {
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma = comma
	cells, _ := reader.Read()
	return cells
}

// knownAmong counts the cells of a header that are known, or that the caller names.
func knownAmong(cells []string, column string) int {
	header := &table{header: cells}
	count := 0
	for _, known := range words() {
		count += len(header.named(known.name))
	}
	if column != "" {
		if _, err := header.said(column); err == nil {
			count++
		}
	}
	return count
}

func (l *List) readCSV(lines []string, comma rune) (*table, error) {
	l.Format = "CSV divided by " + string(comma)
	for _, divider := range dividers {
		if divider.comma == comma {
			l.Format = "CSV divided by " + divider.name
		}
	}
	if comma == '"' || comma == '#' {
		return nil, errors.New("the list says that a quote or a hash divides its cells: use a comma, a semicolon or a tab")
	}
	reader := csv.NewReader(strings.NewReader(strings.Join(lines, "\n")))
	reader.Comma, reader.Comment, reader.FieldsPerRecord = comma, '#', -1
	read := &table{}
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			l.fault(wrong.StartLine, errors.New(`is no CSV: a quote stands where none may, or is not closed; write one within a cell as ""`))
			continue
		}
		for i, cell := range cells {
			cells[i] = trim(cell)
		}
		line, _ := reader.FieldPos(0)
		switch {
		case blank(cells), read.header != nil && rule.MatchString(strings.Join(cells, "|")):
		case read.header == nil:
			read.header = cells
		default:
			l.addCells(read, line, cells)
		}
	}
}

// addCells takes a row, which may lack cells of columns without a name, and have more that are empty.
func (l *List) addCells(t *table, line int, cells []string) {
	l.Rows++
	named := len(t.header)
	for named > 0 && t.header[named-1] == "" {
		named--
	}
	if len(cells) < named || len(cells) > len(t.header) && !blank(cells[len(t.header):]) {
		l.fault(line, fmt.Errorf("has not as many cells as the header, which has %d", named))
		return
	}
	t.rows = append(t.rows, row{line, slices.Clip(cells[:min(len(cells), len(t.header))])})
}
