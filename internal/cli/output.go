package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
)

func formats() []string {
	return []string{string(formatTable), string(formatJSON), string(formatYAML)}
}

// String implements pflag.Value.
func (f *format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *format) Type() string { return "format" }

// Set implements pflag.Value.
func (f *format) Set(text string) error {
	for _, known := range formats() {
		if text == known {
			*f = format(text)
			return nil
		}
	}
	return errors.New("must be table, json or yaml")
}

// structured reports whether stdout is for machines.
func (f *format) structured() bool { return *f != formatTable }

func addOutput(cmd *cobra.Command, output *format) {
	*output = formatTable
	cmd.Flags().VarP(output, "output", "o", "how to write stdout: table, json or yaml")
	complete(cmd, "output", formats()...)
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
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	if output == formatYAML {
		return writeYAML(a.env.Stdout, &text)
	}
	_, err := a.env.Stdout.Write(text.Bytes())
	return err
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

// viewFailure returns what is said of an error on stdout.
func viewFailure(err error) failedView {
	said := explain(err)
	view := failedView{Failure: failureView{Type: said.kind, Message: said.message}}
	var failure *client.Failure
	if errors.As(err, &failure) {
		view.Failure.Message = failure.Message
		view.Failure.WorkflowID, view.Failure.RunID = failure.WorkflowID, failure.RunID
		view.Result = failure.Result
	}
	var interrupted *interruptedError
	if errors.As(err, &interrupted) {
		view.Failure.WorkflowID, view.Failure.RunID = interrupted.workflowID, interrupted.runID
	}
	return view
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
