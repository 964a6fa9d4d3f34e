package cli

import (
	"encoding/json"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/registry"
	"github.com/latchkey-iam/latchkey/workflows/schemas"
)

// jsonSchemas are the schemas that are no provider's.
var jsonSchemas = []struct {
	name   string
	schema []byte
}{
	{"input", schemas.Input},
	{"result", schemas.Result},
	{"policy", schemas.Policy},
	{"bulk-input", schemas.BulkInput},
	{"bulk-result", schemas.BulkResult},
}

func (a *app) schemaCommand() *cobra.Command {
	var output format
	cmd := &cobra.Command{
		Use:   "schema PROVIDER | input | result | policy | bulk-input | bulk-result",
		Short: "Describe a provider's user object, or print the JSON Schema of an input, a result or a policy",
		Long: "Describes each field of the user object that a provider's unlock returns: its label, JSON key,\n" +
			"type and meaning. With input or result it prints the JSON Schema of UnlockUser's, with bulk-input\n" +
			"or bulk-result that of UnlockLockedUsers', and with policy that of a policy's file.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("give one of: %s", strings.Join(schemaNames(), ", "))
			}
			return nil
		},
		ValidArgs: schemaNames(),
		RunE:      func(_ *cobra.Command, args []string) error { return a.showSchema(output, args[0]) },
	}
	addFormats(cmd, &output)
	return cmd
}

func schemaNames() []string {
	var names []string
	for _, each := range jsonSchemas {
		names = append(names, each.name)
	}
	for _, provider := range registry.Providers() {
		names = append(names, provider.Name)
	}
	return names
}

func (a *app) showSchema(output format, name string) error {
	for _, each := range jsonSchemas {
		if each.name == name {
			if !output.structured() {
				output = formatJSON // A table of a JSON Schema would say less.
			}
			return a.encode(output, json.RawMessage(each.schema))
		}
	}
	provider, found := registry.Find(name)
	if !found {
		return unknownWord("there is no schema", name, "the schemas are", schemaNames())
	}
	views := viewFields("", provider.Fields)
	rows := make([]table.Row, len(views))
	for i, view := range views {
		rows[i] = table.Row{view.Label, view.Key, view.Type, view.Meaning}
	}
	return a.show(output, views, func() { a.drawTable(table.Row{"Label", "JSON key", "Type", "Meaning"}, rows) })
}

// fieldView is one field of a user object; the key of a nested one has its parents' before it.
type fieldView struct {
	Label   string `json:"label"`
	Key     string `json:"key"`
	Type    string `json:"type"`
	Meaning string `json:"meaning"`
}

func viewFields(prefix string, fields []connectors.Field) []fieldView {
	var views []fieldView
	for _, field := range fields {
		views = append(views, fieldView{Label: field.Label, Key: prefix + field.Key, Type: field.Type, Meaning: field.Meaning})
		views = append(views, viewFields(field.Within(prefix), field.Fields)...)
	}
	return views
}
