package userlist

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var errNoObject = errors.New(`is not one JSON object, such as {"email":"ada@example.com"}`)

// located is a JSON value and the line on which it begins.
type located struct {
	name  string
	value jsontext.Value
	line  int
}

// readJSON reads objects: one a line, in an array, or in the array that an answer of an API holds.
func (l *List) readJSON(lines []string) (*table, error) {
	for i, line := range lines {
		if silent(line) {
			lines[i] = ""
		}
	}
	first := slices.IndexFunc(lines, func(line string) bool { return line != "" })
	var values []located
	l.Format = "JSON"
	if start := jsontext.Value(lines[first]); start.IsValid() && slices.ContainsFunc(lines[first+1:], func(line string) bool { return line != "" }) {
		l.Format = "JSON lines"
		for i, line := range lines {
			if line != "" {
				values = append(values, located{value: jsontext.Value(line), line: i + 1})
			}
		}
	} else {
		var fault *located
		if values, fault = valuesIn(located{value: jsontext.Value(strings.Join(lines, "\n")), line: 1}); fault != nil {
			l.fault(fault.line, errors.New("is no JSON, or does not go on as such"))
			return &table{}, nil
		}
		if len(values) == 1 {
			var err error
			if values, err = usersIn(values[0]); err != nil {
				return nil, err
			}
		}
	}
	return l.readObjects(values), nil
}

// readObjects makes a table of objects, a column for each of their keys.
func (l *List) readObjects(values []located) *table {
	read := &table{places: map[string]int{}}
	for _, value := range values {
		l.Rows++
		if value.value.Kind() != '{' || !value.value.IsValid() {
			l.fault(value.line, errNoObject)
			continue
		}
		object := row{line: value.line}
		eachText(value, "", func(key, text string) { read.fill(&object, key, trim(text)) })
		read.rows = append(read.rows, object)
	}
	return read
}

// eachText visits what an object holds that is no list, objects within by their path.
func eachText(object located, path string, visit func(key, text string)) {
	for _, member := range within(object) {
		switch member.value.Kind() {
		case '"':
			text, _ := jsontext.AppendUnquote(nil, member.value)
			visit(path+member.name, string(text))
		case '0', 't', 'f':
			visit(path+member.name, string(member.value))
		case '{':
			eachText(member, path+member.name+".", visit)
		default:
		}
	}
}

// usersIn returns the objects of an array, or of the one array of objects within an object that
// is no user itself.
func usersIn(value located) ([]located, error) {
	if value.value.Kind() == '[' {
		return within(value), nil
	}
	known := words()
	var lists [][]located
	var look func(object located) (user bool)
	look = func(object located) bool {
		user := false
		for _, member := range within(object) {
			switch inner := within(member); {
			case member.value.Kind() == '"':
				user = user || slices.ContainsFunc(known, func(word word) bool { return word.name == folded(member.name) })
			case member.value.Kind() == '{':
				look(member)
			case member.value.Kind() == '[' && !slices.ContainsFunc(inner, func(each located) bool { return each.value.Kind() != '{' }):
				lists = append(lists, inner)
			}
		}
		return user
	}
	switch user := look(value); {
	case user, len(lists) == 0:
		return []located{value}, nil
	case len(lists) > 1:
		return nil, errors.New("the list is a JSON object that holds several lists: give one of them alone")
	default:
		return lists[0], nil
	}
}

// within returns the elements of an array, or the members of an object.
func within(value located) []located {
	if kind := value.value.Kind(); kind != '[' && kind != '{' || !value.value.IsValid() {
		return nil
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(value.value))
	_, _ = decoder.ReadToken()
	var found []located
	line, seen := value.line, int64(0)
	for decoder.PeekKind() != ']' && decoder.PeekKind() != '}' {
		name := ""
		if value.value.Kind() == '{' {
			token, _ := decoder.ReadToken()
			name = token.String()
		}
		each, _ := decoder.ReadValue()
		begin := decoder.InputOffset() - int64(len(each))
		line += bytes.Count(value.value[seen:begin], []byte("\n"))
		seen = begin
		found = append(found, located{name, each.Clone(), line})
	}
	return found
}

// valuesIn returns the values that a text holds one after the other, or where it is no JSON.
func valuesIn(text located) ([]located, *located) {
	decoder := jsontext.NewDecoder(bytes.NewReader(text.value))
	var found []located
	line, seen := text.line, int64(0)
	at := func(offset int64) int {
		line, seen = line+bytes.Count(text.value[seen:offset], []byte("\n")), offset
		return line
	}
	for {
		each, err := decoder.ReadValue()
		var wrong *jsontext.SyntacticError
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case errors.As(err, &wrong):
			return nil, &located{line: at(wrong.ByteOffset)}
		case err != nil:
			return nil, &located{line: at(decoder.InputOffset())}
		}
		found = append(found, located{value: each.Clone(), line: at(decoder.InputOffset() - int64(len(each)))})
	}
}
