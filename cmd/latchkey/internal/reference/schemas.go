package reference

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// module is the path under which the sources' comments are found.
const module = "github.com/latchkey-iam/latchkey"

// document is a type that has a schema, with what Go's type cannot say of it.
type document struct {
	name, title string
	of          any
	also        func(*jsonschema.Schema)
}

// described are the types that have a schema.
var described = []document{
	{"input", "Input of UnlockUser", &workflows.Input{}, oneReference},
	{"result", "Result of UnlockUser", &workflows.Result{}, nothingRequired},
	{"bulk-input", "Input of UnlockLockedUsers", &workflows.BulkInput{}, givenList},
	{"policy", "Policy of UnlockLockedUsers", &workflows.Policy{}, func(*jsonschema.Schema) {}},
	{"bulk-result", "Result of UnlockLockedUsers", &workflows.BulkResult{}, nothingRequired},
}

// path is where a schema is written, below the repository's root.
func path(name string) string { return "workflows/schemas/" + name + ".schema.json" }

// Schemas returns the JSON Schemas of the workflows' inputs and results by their paths below
// the repository's root. It reads the comments of the sources, so it runs at the root.
func Schemas() (map[string][]byte, error) {
	schemas := map[string][]byte{}
	for _, each := range described {
		schema, err := reflected(each)
		if err != nil {
			return nil, err
		}
		text, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			return nil, err
		}
		schemas[path(each.name)] = append(text, '\n')
	}
	return schemas, nil
}

func reflected(each document) (*jsonschema.Schema, error) {
	reflector := &jsonschema.Reflector{Mapper: special, DoNotReference: true}
	for _, folder := range []string{"./workflows", "./connectors", "./activities/guard"} {
		if err := reflector.AddGoComments(module, folder, jsonschema.WithFullComment()); err != nil {
			return nil, fmt.Errorf("read the comments in %s: %w", folder, err)
		}
	}
	schema := reflector.Reflect(each.of)
	schema.ID = ""
	each.also(schema)
	nullable(reflect.TypeOf(each.of), schema)
	jsonNames(schema)
	return schema, nil
}

// nullable says of the fields that are null where nothing is known that they may be.
func nullable(of reflect.Type, schema *jsonschema.Schema) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		if of.Kind() == reflect.Slice && schema.Items != nil {
			schema = schema.Items
		}
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || schema.Properties == nil {
		return
	}
	for _, field := range reflect.VisibleFields(of) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, shown := schema.Properties.Get(name)
		if !shown {
			continue
		}
		nullable(field.Type, property)
		if field.Type.Kind() == reflect.Pointer && options == "" {
			property.Extras = map[string]any{"type": []string{property.Type, null}}
			property.Type = ""
		}
	}
}

const null = "null"

// jsonNames puts the names of JSON in place of Go's into what is said of an object's fields. Go
// explains fields that belong together above the first; the others refer to that.
func jsonNames(of *jsonschema.Schema) {
	if of.Items != nil {
		jsonNames(of.Items)
	}
	if of.Properties == nil {
		return
	}
	keys := map[string]string{}
	for pair := of.Properties.Oldest(); pair != nil; pair = pair.Next() {
		keys[strings.ToLower(pair.Key)] = pair.Key
	}
	explains := "" // the last field that is explained
	for pair := of.Properties.Oldest(); pair != nil; pair = pair.Next() {
		key, schema := pair.Key, pair.Value
		if schema.Description != "" {
			schema.Description = goName.ReplaceAllStringFunc(strings.ReplaceAll(schema.Description, "\n", " "), func(word string) string {
				if key, is := keys[strings.ToLower(word)]; is {
					return code(key)
				}
				return word
			})
			explains = key
		} else if before, is := of.Properties.Get(explains); is && strings.Contains(before.Description, code(key)) {
			schema.Description = "See " + code(explains) + "."
		}
		jsonNames(schema)
	}
}

// goName is what may be the name of a field in Go.
var goName = regexp.MustCompile(`\b[A-Z]\w+\b`)

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

// durations is what guard.ParseDuration takes; an empty text is zero.
const durations = `^(\+?0|[0-9]{1,5}d|([0-9]{1,5}d|\+)?([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)?$`

// special describes the types that are written differently from how Go sees them.
func special(of reflect.Type) *jsonschema.Schema {
	switch of {
	case reflect.TypeFor[workflows.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durations, Description: "A duration such as 90s, 15m or 30d.", Examples: []any{"15m"}}
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

// fieldsOf writes a page of the fields that requests and results have.
func fieldsOf() ([]byte, error) {
	p := newPage("Inputs and results", "Every input and result is one JSON object. An input with a field that is not listed is refused, by the field's name. Each table has a JSON Schema.")
	for _, each := range described {
		schema, err := reflected(each)
		if err != nil {
			return nil, err
		}
		p.printf("\n## %s\n\n[JSON Schema](../../%s)\n", each.title, path(each.name))
		p.heading("field", "type", "meaning")
		properties(p, "", schema)
	}
	return p.Bytes(), nil
}

// properties writes a row for each field, those of objects and of lists of objects below it.
func properties(p *page, prefix string, of *jsonschema.Schema) {
	for pair := of.Properties.Oldest(); pair != nil; pair = pair.Next() {
		name, schema := prefix+pair.Key, pair.Value
		p.row(code(name), typeOf(schema), schema.Description)
		inner := schema
		if schema.Items != nil {
			inner, name = schema.Items, name+"[]"
		}
		if inner.Properties != nil {
			properties(p, name+".", inner)
		}
	}
}

// typeOf is what a field holds: its words where these are few, or JSON's type.
func typeOf(schema *jsonschema.Schema) string {
	const few = 6
	switch {
	case schema.Items != nil:
		return "list of " + typeOf(schema.Items)
	case len(schema.Enum) > 0 && len(schema.Enum) <= few:
		var words []string
		for _, word := range schema.Enum {
			words = append(words, code(fmt.Sprint(word)))
		}
		return strings.Join(words, ", ")
	case schema.Pattern == durations:
		return "duration"
	case schema.Format == "date-time" && schema.Type == "":
		return "time or null"
	case schema.Format == "date-time":
		return "time"
	case schema.Extras["type"] != nil:
		return strings.Join(schema.Extras["type"].([]string), " or ")
	default:
		return schema.Type
	}
}
