package simulator

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// condition decides about one user; get returns one of its fields.
type condition func(get func(key string) json.RawMessage) bool

// filter is a parsed filter: all conditions must hold.
type filter struct {
	conditions []condition
	// name is an id, username or address that every match has, "" if none is
	// known: it saves walking over everybody.
	name string
	// asksLocked says that the filter names account_locked.
	asksLocked bool
	// locked is what account_locked must be, nil if it may be either: among many users
	// this is told before a field is written as JSON.
	locked *bool
}

func (f *filter) matches(get func(string) json.RawMessage) bool {
	if f.locked != nil && !bytes.Equal(get("account_locked"), kit.JSON(*f.locked)) {
		return false
	}
	return f.holds(get)
}

// wantsLocked says that the filter asks for the locked users, and for nothing else.
func (f *filter) wantsLocked() bool {
	return f.locked != nil && *f.locked && len(f.conditions) == 0
}

// holds is matches without a look at locked.
func (f *filter) holds(get func(string) json.RawMessage) bool {
	for _, holds := range f.conditions {
		if !holds(get) {
			return false
		}
	}
	return true
}

// operators of both grammars; $regex is for the search alone.
var operators = []string{"$eq", "$ne", "$in", "$nin", "$lt", "$lte", "$gt", "$gte", "$sw"}

// parseQuery reads the filters of GET /systemusers, field:$op:value each.
func parseQuery(texts []string) (*filter, error) {
	f := &filter{}
	for _, text := range texts {
		field, rest, found := strings.Cut(text, ":")
		op, value, foundToo := strings.Cut(rest, ":")
		if !found || !foundToo || field == "" || !slices.Contains(operators, op) {
			return nil, kit.Bad("invalid filter: want field:$operator:value")
		}
		f.note(field, op, value)
		f.conditions = append(f.conditions, textCondition(field, op, value))
	}
	return f, nil
}

// note takes from a condition that must hold what it tells about all matches.
func (f *filter) note(field, op, value string) {
	if field == "account_locked" {
		f.asksLocked = true
	}
	if op == "$eq" && among(field, "_id", "id", "username", "email") {
		f.name = value
	}
}

// textCondition compares values as text, since a query has no types.
func textCondition(field, op, value string) condition {
	values := []string{value}
	if op == "$in" || op == "$nin" {
		values = strings.FieldsFunc(value, func(r rune) bool { return r == '|' || r == ',' })
	}
	return func(get func(string) json.RawMessage) bool {
		text, present := plain(get(field))
		return decide(op, present, values, text)
	}
}

func decide(op string, present bool, values []string, text string) bool {
	among := present && slices.Contains(values, text)
	switch op {
	case "$eq", "$in":
		return among
	case "$ne", "$nin":
		return !among
	case "$sw":
		return present && strings.HasPrefix(text, values[0])
	}
	if !present {
		return false
	}
	order := compare(text, values[0])
	switch op {
	case "$lt":
		return order < 0
	case "$lte":
		return order <= 0
	case "$gt":
		return order > 0
	default:
		return order >= 0
	}
}

// compare orders numbers by value and everything else, dates too, as text.
func compare(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return strings.Compare(a, b)
}

// plain is a scalar as text; false for null, lists and objects.
func plain(raw json.RawMessage) (string, bool) {
	if kit.IsNull(raw) || raw[0] == '[' || raw[0] == '{' {
		return "", false
	}
	if raw[0] != '"' {
		return string(raw), true
	}
	if inner := raw[1 : len(raw)-1]; !bytes.ContainsRune(inner, '\\') {
		return string(inner), true
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}

// parseSearch reads the filter of POST /search/systemusers: an object, or a
// list of objects that must all hold. Values are typed: the text "true" is not true.
func parseSearch(raw json.RawMessage) (*filter, error) {
	f := &filter{}
	if kit.IsNull(raw) {
		return f, nil
	}
	return f, f.addSearch(raw)
}

func (f *filter) addSearch(raw json.RawMessage) error {
	if raw[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return kit.Bad("invalid filter")
		}
		for _, item := range list {
			if err := f.addSearch(item); err != nil {
				return err
			}
		}
		return nil
	}
	fields, err := kit.ParseFields(raw, "filter")
	if err != nil {
		return err
	}
	for _, field := range fields {
		if err := f.addField(field); err != nil {
			return err
		}
	}
	return nil
}

func (f *filter) addField(field kit.Field) error {
	switch field.Key {
	case "and", "$and":
		return f.addSearch(field.Value)
	case "or", "$or":
		return f.addOr(field.Value)
	}
	if strings.HasPrefix(field.Key, "$") {
		return kit.Bad("invalid filter: unknown operator %s", field.Key)
	}
	if field.Value[0] != '{' {
		return f.addTyped(field.Key, "$eq", field.Value)
	}
	ops, err := kit.ParseFields(field.Value, "filter")
	if err != nil {
		return err
	}
	for _, op := range ops {
		if err := f.addTyped(field.Key, op.Key, op.Value); err != nil {
			return err
		}
	}
	return nil
}

func (f *filter) addOr(raw json.RawMessage) error {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 {
		return kit.Bad("invalid filter: or wants a list")
	}
	choices := make([]*filter, 0, len(list))
	for _, item := range list {
		choice := &filter{}
		if err := choice.addSearch(item); err != nil {
			return err
		}
		f.asksLocked = f.asksLocked || choice.asksLocked
		choices = append(choices, choice)
	}
	f.conditions = append(f.conditions, func(get func(string) json.RawMessage) bool {
		return slices.ContainsFunc(choices, func(choice *filter) bool { return choice.matches(get) })
	})
	return nil
}

func (f *filter) addTyped(field, op string, want json.RawMessage) error {
	text, scalar := plain(want)
	f.note(field, op, text)
	if field == "account_locked" && op == "$eq" && f.locked == nil && (string(want) == "true" || string(want) == "false") {
		locked := string(want) == "true"
		f.locked = &locked
		return nil
	}
	if op == "$regex" {
		return f.addRegexp(field, text, scalar)
	}
	if !slices.Contains(operators, op) {
		return kit.Bad("invalid filter: unknown operator %s", op)
	}
	wants := []json.RawMessage{want}
	if op == "$in" || op == "$nin" {
		if err := json.Unmarshal(want, &wants); err != nil {
			return kit.Bad("invalid filter: %s wants a list", op)
		}
	}
	f.conditions = append(f.conditions, func(get func(string) json.RawMessage) bool {
		return decideTyped(op, wants, text, get(field))
	})
	return nil
}

func decideTyped(op string, wants []json.RawMessage, text string, have json.RawMessage) bool {
	same := slices.ContainsFunc(wants, func(want json.RawMessage) bool {
		return bytes.Equal(want, have) || (kit.IsNull(want) && kit.IsNull(have))
	})
	switch op {
	case "$eq", "$in":
		return same
	case "$ne", "$nin":
		return !same
	}
	value, present := plain(have)
	return decide(op, present, []string{text}, value)
}

func (f *filter) addRegexp(field, text string, scalar bool) error {
	pattern, err := regexp.Compile(text)
	if err != nil || !scalar {
		return kit.Bad("invalid filter: $regex is not a regular expression")
	}
	f.conditions = append(f.conditions, func(get func(string) json.RawMessage) bool {
		raw := get(field)
		value, present := plain(raw)
		return present && raw[0] == '"' && pattern.MatchString(value)
	})
	return nil
}
