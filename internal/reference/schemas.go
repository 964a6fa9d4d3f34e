package reference

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// module is the path under which the sources' comments are found.
const module = "github.com/latchkey-iam/latchkey"

// Schemas returns the JSON Schemas of the input and the result by their paths below the
// repository's root. It reads the comments of the sources, so it runs at the root.
func Schemas() (map[string][]byte, error) {
	schemas := map[string][]byte{}
	for name, of := range map[string]any{"input": &workflows.Input{}, "result": &workflows.Result{}} {
		reflector := &jsonschema.Reflector{Mapper: special, DoNotReference: true}
		for _, folder := range []string{"./workflows", "./connectors", "./internal/guard"} {
			if err := reflector.AddGoComments(module, folder, jsonschema.WithFullComment()); err != nil {
				return nil, fmt.Errorf("read the comments in %s: %w", folder, err)
			}
		}
		schema := reflector.Reflect(of)
		schema.ID = ""
		if name == "input" {
			oneReference(schema)
		} else {
			schema.Required = nil
		}
		text, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			return nil, err
		}
		schemas["internal/schemas/"+name+".schema.json"] = append(text, '\n')
	}
	return schemas, nil
}

// oneReference says what the Go type cannot: exactly one reference is given.
func oneReference(schema *jsonschema.Schema) {
	for _, field := range []string{"userId", "username", "email"} {
		schema.OneOf = append(schema.OneOf, &jsonschema.Schema{Required: []string{field}})
	}
}

// special describes the types that are written differently from how Go sees them.
func special(of reflect.Type) *jsonschema.Schema {
	switch of {
	case reflect.TypeFor[workflows.Duration]():
		return &jsonschema.Schema{Type: "string", Description: "A duration such as 90s, 15m or 72h.", Examples: []any{"15m"}}
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return &jsonschema.Schema{Type: "object", Description: "The provider's whole object; see the reference of the provider."}
	case reflect.TypeFor[connectors.Answer]():
		return words(connectors.Yes, connectors.No, connectors.Unknown)
	case reflect.TypeFor[connectors.Reason]():
		return words(connectors.Reasons()...)
	case reflect.TypeFor[connectors.Layer]():
		return words(connectors.LayerAccount, connectors.LayerPassword, connectors.LayerMFA, connectors.LayerUnknown)
	case reflect.TypeFor[connectors.Kind]():
		return words(connectors.Kinds()...)
	case reflect.TypeFor[workflows.Outcome]():
		return words(workflows.Outcomes()...)
	case reflect.TypeFor[workflows.Emit]():
		return words(workflows.EmitFull, workflows.EmitSummary)
	case reflect.TypeFor[workflows.RefusalCode]():
		schema := &jsonschema.Schema{Type: "string"}
		for _, word := range workflows.RefusalWords() {
			schema.Enum = append(schema.Enum, word.Word)
		}
		return schema
	}
	return nil
}

func words[W ~string](each ...W) *jsonschema.Schema {
	schema := &jsonschema.Schema{Type: "string"}
	for _, word := range each {
		schema.Enum = append(schema.Enum, string(word))
	}
	return schema
}
