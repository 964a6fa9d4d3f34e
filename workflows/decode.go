package workflows

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/internal/suggest"
)

// input is what a workflow takes.
type input[T any] interface {
	*T
	// Normalise fills the defaults in, then validates.
	Normalise() error
}

// Decode reads the input of a workflow strictly: unknown, repeated and wrongly typed fields are
// errors that name the field. It returns the normalised input.
func Decode[T any, P input[T]](raw converter.RawValue) (*T, error) {
	payload := raw.Payload()
	if payload == nil || len(payload.GetData()) == 0 {
		return nil, errors.New("the input is missing: give one JSON object with " + requiredOf[T]())
	}
	if encoding := string(payload.GetMetadata()[converter.MetadataEncoding]); encoding != converter.MetadataEncodingJSON {
		return nil, errors.New("the input must be a JSON object (payload encoding json/plain)")
	}
	return Parse[T, P](payload.GetData())
}

// requiredOf are the fields that an input must have.
func requiredOf[T any]() string {
	if reflect.TypeFor[T]() == reflect.TypeFor[Input]() {
		return "connection and one of userId, username and email"
	}
	return "connection"
}

// Parse reads an input from JSON, as strictly as Decode.
func Parse[T any, P input[T]](data []byte) (*T, error) {
	in := new(T)
	if err := decode(data, in); err != nil {
		return nil, err
	}
	if err := P(in).Normalise(); err != nil {
		return nil, err
	}
	return in, nil
}

// decode reads JSON strictly. Its error says what is wrong by the field's name; the
// decoder's own text may repeat values.
func decode(data []byte, into any) error {
	err := json.Unmarshal(data, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return errors.New("the input gives one field twice")
		}
		return errors.New("the input is not one valid JSON object")
	}
	path := pathOf(semantic.JSONPointer)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return unknownField(semantic.JSONPointer, reflect.TypeOf(into))
	case path == "":
		return errors.New("the input must be one JSON object")
	case semantic.GoType == reflect.TypeFor[Duration]():
		return Fault{Field: path, Message: `must be a duration such as "90s", "15m" or "30d"`}
	default:
		return Fault{Field: path, Message: "has the wrong type: it must be " + describe(semantic.GoType)}
	}
}

// fieldShape is what the names of fields look like. Another, such as a pasted address or
// token, is not repeated: failures are stored in the clear.
var fieldShape = regexp.MustCompile(`^[A-Za-z_]{1,40}$`)

// unknownField names the field that is not known and the known one that it resembles.
func unknownField(at jsontext.Pointer, root reflect.Type) error {
	name, parent := at.LastToken(), pathOf(at.Parent())
	known := fieldNames(typeAt(root, at.Parent()))
	if !fieldShape.MatchString(name) {
		return Fault{Field: parent, Message: "holds a field that is not known, and not shown: the fields are " + strings.Join(known, ", ")}
	}
	fault := Fault{Field: strings.TrimPrefix(parent+"."+name, "."), Message: "is no field: the fields are " + strings.Join(known, ", ")}
	if likely := suggest.Closest(name, known); likely != "" {
		fault.Message = fmt.Sprintf("is no field: did you mean %q?", likely)
	}
	return fault
}

// pathOf writes a pointer as a field's path.
func pathOf(at jsontext.Pointer) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(at), "/"), "/", ".")
}

// typeAt returns the struct that the pointer leads to.
func typeAt(root reflect.Type, pointer jsontext.Pointer) reflect.Type {
	at := element(root)
	for token := range pointer.Tokens() {
		for _, field := range reflect.VisibleFields(at) {
			if jsonName(field) == token {
				at = element(field.Type)
				break
			}
		}
	}
	return at
}

// element is what pointers and arrays hold.
func element(of reflect.Type) reflect.Type {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	return of
}

func fieldNames(of reflect.Type) []string {
	var names []string
	for _, field := range reflect.VisibleFields(of) {
		if !field.Anonymous {
			names = append(names, jsonName(field))
		}
	}
	return names
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

func describe(of reflect.Type) string {
	if of == nil {
		return "something else"
	}
	switch of.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Int:
		return "a whole number"
	case reflect.Pointer:
		return describe(of.Elem())
	case reflect.Slice:
		return "an array of strings"
	default:
		return "an object"
	}
}
