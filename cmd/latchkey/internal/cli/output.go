package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// format is how stdout is written.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
	formatCSV   format = "csv"
	// formatLines is JSON, one element a line.
	formatLines format = "jsonl"
)

// structured reports whether stdout is for machines.
func (f format) structured() bool { return f != formatTable }

// formatFlag chooses one of the formats that a command knows.
type formatFlag struct {
	chosen *format
	known  []string
}

// String implements pflag.Value.
func (f *formatFlag) String() string {
	if f.chosen == nil {
		return ""
	}
	return string(*f.chosen)
}

// Type implements pflag.Value.
func (f *formatFlag) Type() string { return "format" }

// Set implements pflag.Value.
func (f *formatFlag) Set(text string) error {
	if !slices.Contains(f.known, text) {
		return fmt.Errorf("must be %s", f.words())
	}
	*f.chosen = format(text)
	return nil
}

// words lists the formats as a sentence does.
func (f *formatFlag) words() string {
	last := len(f.known) - 1
	return strings.Join(f.known[:last], ", ") + " or " + f.known[last]
}

func addOutput(cmd *cobra.Command, output *format) {
	addFormats(cmd, output, formatTable, formatJSON, formatYAML)
}

// addFormats lets the caller choose among formats, of which the first is the default.
func addFormats(cmd *cobra.Command, output *format, known ...format) {
	*output = known[0]
	flag := &formatFlag{chosen: output}
	for _, each := range known {
		flag.known = append(flag.known, string(each))
	}
	cmd.Flags().VarP(flag, "output", "o", "how to write stdout: "+flag.words())
	complete(cmd, "output", flag.known...)
}

// complete lets the shell complete a flag's value with these words, and with no file.
func complete(cmd *cobra.Command, flag string, words ...string) {
	completeWith(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func completeWith(cmd *cobra.Command, flag string, function cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, function); err != nil {
		panic(err) // The flag does not exist: a fault that every test of the command meets.
	}
}

// encode writes a value for machines. Every number keeps its digits.
func (a *app) encode(output format, value any) error {
	text, err := encodeJSON(value, "", "  ")
	if err != nil {
		return err
	}
	if output == formatYAML {
		return writeYAML(a.env.Stdout, bytes.NewReader(text))
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

// failureView is a failure on stdout.
type failureView struct {
	Type       string `json:"type"`
	Message    string `json:"message"`
	WorkflowID string `json:"workflowId,omitempty"`
	RunID      string `json:"runId,omitempty"`
}

// failedView stands on stdout in the place of a result, for machines: why there is none,
// and what was done before.
type failedView struct {
	Failure failureView       `json:"failure"`
	Result  *workflows.Result `json:"result"`
}

// failedBulkView is the same of a run over many users.
type failedBulkView struct {
	Failure failureView           `json:"failure"`
	Result  *workflows.BulkResult `json:"result"`
}

// viewFailure returns what is said of an error on stdout.
func viewFailure(err error) failureView {
	said := explain(err)
	view := failureView{Type: said.kind, Message: said.message}
	var failure *client.Failure
	if errors.As(err, &failure) {
		view.Message = failure.Message
		view.WorkflowID, view.RunID = failure.WorkflowID, failure.RunID
	}
	var interrupted *interruptedError
	if errors.As(err, &interrupted) {
		view.WorkflowID, view.RunID = interrupted.workflowID, interrupted.runID
	}
	return view
}

// resultSoFar is what was done before a failure; both are nil when nothing is known.
func resultSoFar(err error) (*workflows.Result, *workflows.BulkResult) {
	var failure *client.Failure
	if !errors.As(err, &failure) {
		return nil, nil
	}
	return failure.Result, failure.Bulk
}

// writeYAML writes JSON as YAML, key by key in the same order.
func writeYAML(out io.Writer, from io.Reader) error {
	decoder := json.NewDecoder(from)
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
		element, err := yamlNode(decoder)
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, element)
		if opened == '{' {
			value, err := yamlNode(decoder)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, value)
		}
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
