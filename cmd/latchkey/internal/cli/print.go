package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"go.yaml.in/yaml/v3"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// show writes a value for machines, or draws it for people.
func (a *app) show(output format, value any, draw func()) error {
	if output.structured() {
		return a.encode(output, value)
	}
	draw()
	return nil
}

// println writes a line to stdout; see checkedWriter.
func (a *app) println(line string) { _, _ = fmt.Fprintln(a.env.Stdout, line) }

// row is a label and its value, which may have several lines.
type row struct{ label, value string }

// rowsOf are those of the rows that have a value.
func rowsOf(rows ...row) []row {
	var filled []row
	for _, each := range rows {
		if each.value != "" {
			filled = append(filled, each)
		}
	}
	return filled
}

// minWrap is the width below which wrapping would make a value unreadable.
const minWrap = 24

// drawRows draws labels and values side by side; on a terminal long values are wrapped.
func (a *app) drawRows(rows ...row) {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleDefault)
	writer.Style().Options = table.OptionsNoBordersAndSeparators
	writer.Style().Box.PaddingLeft = ""
	writer.Style().Box.PaddingRight = "  "
	writer.SuppressTrailingSpaces()
	labels := 0
	for _, r := range rows {
		labels = max(labels, text.StringWidthWithoutEscSequences(r.label))
		writer.AppendRow(table.Row{r.label, printableLines(r.value)})
	}
	if a.env.StdoutTerminal {
		writer.SetColumnConfigs([]table.ColumnConfig{{
			Number: 2, WidthMax: max(a.env.Width()-labels-4, minWrap), WidthMaxEnforcer: wrap,
		}})
	}
	a.println(writer.Render())
}

// wrap breaks each line between words, and keeps the breaks that are there.
func wrap(value string, width int) string {
	broken := strings.Split(value, "\n")
	for i, line := range broken {
		broken[i] = text.WrapSoft(line, width)
	}
	return strings.Join(broken, "\n")
}

// drawTable draws rows below a heading; without rows it draws nothing.
func (a *app) drawTable(heading table.Row, rows []table.Row) {
	if len(rows) == 0 {
		return
	}
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.AppendHeader(heading)
	for _, cells := range rows {
		for i, cell := range cells {
			if words, is := cell.(string); is {
				cells[i] = printableLines(words)
			}
		}
		writer.AppendRow(cells)
	}
	if a.env.StdoutTerminal {
		writer.SetAllowedRowLength(a.env.Width())
	}
	a.println(writer.Render())
}

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

// encode writes a value for machines. Every number keeps its digits.
func (a *app) encode(output format, value any) error {
	text, err := encodeJSON(value, "", "  ")
	if err != nil {
		return err
	}
	if output == formatYAML {
		return writeYAML(a.env.Stdout, text)
	}
	_, err = a.env.Stdout.Write(text)
	return err
}

// encodeJSON writes a value as JSON with a line break at its end.
func encodeJSON(value any, prefix, indent string) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, indent)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("write the output: %w", err)
	}
	return text.Bytes(), nil
}

// writeYAML writes JSON as YAML, key by key in the same order.
func writeYAML(out io.Writer, data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	node, err := yamlNode(decoder)
	if err != nil {
		return fmt.Errorf("write the output as YAML: %w", err)
	}
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return fmt.Errorf("write the output as YAML: %w", err)
	}
	return encoder.Close()
}

// yamlNode reads one value. It goes by way of nodes since a float would lose digits.
func yamlNode(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch value := token.(type) {
	case json.Delim:
		return yamlCollection(decoder, value)
	case string:
		// Encode quotes what an older parser would take for a boolean: yes and no.
		node := &yaml.Node{}
		return node, node.Encode(value)
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: "null"}, nil
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(value)}, nil
	}
}

func yamlCollection(decoder *json.Decoder, opened json.Delim) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.SequenceNode}
	if opened == '{' {
		node.Kind = yaml.MappingNode
	}
	for decoder.More() {
		// Of an object the keys are values here too.
		element, err := yamlNode(decoder)
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, element)
	}
	if len(node.Content) == 0 {
		node.Style = yaml.FlowStyle
	}
	_, err := decoder.Token()
	return node, err
}

// printable escapes what a terminal could take for a command: texts come from providers.
func printable(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	var safe strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsPrint(r):
			safe.WriteRune(r)
		case r == '\n':
			safe.WriteString(`\n`)
		case r == '\t':
			safe.WriteString(`\t`)
		default:
			fmt.Fprintf(&safe, `\u%04x`, r)
		}
	}
	return safe.String()
}

// printableLines is printable that keeps the breaks between lines.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// instant writes a time as everywhere in Latchkey; no time is written as nothing.
func instant(at *time.Time) string {
	if at == nil || at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// took writes a duration as exactly as people want to know it.
func took(started, finished time.Time) string {
	switch d := finished.Sub(started); {
	case finished.IsZero():
		return ""
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return guard.Round(d)
	}
}

func yesNo(truth bool) string { return string(connectors.AnswerOf(truth)) }

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
