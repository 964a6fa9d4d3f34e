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

// described are the types that have a schema, with what Go's type cannot say of each.
var described = map[string]struct {
	of   any
	also func(*jsonschema.Schema)
}{
	"input":       {&workflows.Input{}, oneReference},
	"result":      {&workflows.Result{}, nothingRequired},
	"policy":      {&workflows.Policy{}, func(*jsonschema.Schema) {}},
	"bulk-input":  {&workflows.BulkInput{}, givenList},
	"bulk-result": {&workflows.BulkResult{}, nothingRequired},
}

// Schemas returns the JSON Schemas of the workflows' inputs and results by their paths below
// the repository's root. It reads the comments of the sources, so it runs at the root.
func Schemas() (map[string][]byte, error) {
	schemas := map[string][]byte{}
	for name, each := range described {
		reflector := &jsonschema.Reflector{Mapper: special, DoNotReference: true}
		for _, folder := range []string{"./workflows", "./connectors", "./activities/guard"} {
			if err := reflector.AddGoComments(module, folder, jsonschema.WithFullComment()); err != nil {
				return nil, fmt.Errorf("read the comments in %s: %w", folder, err)
			}
		}
		schema := reflector.Reflect(each.of)
		schema.ID = ""
		each.also(schema)
		text, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			return nil, err
		}
		schemas["workflows/schemas/"+name+".schema.json"] = append(text, '\n')
	}
	return schemas, nil
}

// nothingRequired: of a result a failure's details may hold a part.
func nothingRequired(schema *jsonschema.Schema) { schema.Required = nil }

// givenList hides what only a run itself gives to the next, and bounds the list.
func givenList(schema *jsonschema.Schema) {
	schema.Properties.Delete("carried")
	users, _ := schema.Properties.Get("users")
	users.MinItems, users.MaxItems = ptr(uint64(1)), ptr(uint64(workflows.MaxUsers))
	oneReference(users.Items)
}

func ptr[T any](value T) *T { return &value }

// oneReference says what the Go type cannot: exactly one reference is given.
func oneReference(schema *jsonschema.Schema) {
	for _, field := range []string{"userId", "username", "email"} {
		schema.OneOf = append(schema.OneOf, &jsonschema.Schema{Required: []string{field}})
	}
}

// durations is what Go's time.ParseDuration takes, without a minus; an empty text is zero.
const durations = `^(\+?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+))?$`

// special describes the types that are written differently from how Go sees them.
func special(of reflect.Type) *jsonschema.Schema {
	switch of {
	case reflect.TypeFor[workflows.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durations, Description: "A duration such as 90s, 15m or 72h.", Examples: []any{"15m"}}
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
	case reflect.TypeFor[workflows.BulkOutcome]():
		return words(workflows.BulkOutcomes()...)
	case reflect.TypeFor[workflows.Decided]():
		return explained(workflows.DecisionWords())
	case reflect.TypeFor[workflows.Emit]():
		return words(workflows.EmitFull, workflows.EmitSummary)
	case reflect.TypeFor[workflows.RefusalCode]():
		return explained(workflows.Words(workflows.OfRefusals))
	}
	return nil
}

func explained(each []workflows.Word) *jsonschema.Schema {
	schema := &jsonschema.Schema{Type: "string"}
	for _, word := range each {
		schema.Enum = append(schema.Enum, word.Word)
	}
	return schema
}

func words[W ~string](each ...W) *jsonschema.Schema {
	schema := &jsonschema.Schema{Type: "string"}
	for _, word := range each {
		schema.Enum = append(schema.Enum, string(word))
	}
	return schema
}
