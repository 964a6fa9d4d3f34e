package simulator

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// values tells what a user has under a key.
type values func(key string) json.RawMessage

// condition decides about one user.
type condition func(have values) bool

// filter is what all matches have; the zero value asks for everybody.
type filter struct {
	conditions []condition
	// name is an id, username or address that every match has, "" if none is
	// known: it saves walking over everybody.
	name string
	// locked says that every match is locked, asksLocked that account_locked is named.
	locked, asksLocked bool
}

func (f filter) everybody() bool { return len(f.conditions) == 0 && !f.locked }

func (f filter) and(g filter) filter {
	out := filter{
		conditions: slices.Concat(f.conditions, g.conditions), name: f.name,
		locked: f.locked || g.locked, asksLocked: f.asksLocked || g.asksLocked,
	}
	if out.name == "" {
		out.name = g.name
	}
	return out
}

func (f filter) holds(have values) bool {
	return (!f.locked || string(have("account_locked")) == "true") &&
		!slices.ContainsFunc(f.conditions, func(holds condition) bool { return !holds(have) })
}

// query asks the model for the matches.
func (f filter) query(value func(u *kit.User, key string) json.RawMessage) kit.Query {
	query := kit.Query{Name: f.name, Locked: f.locked}
	if rest := (filter{conditions: f.conditions}); len(f.conditions) > 0 {
		query.Match = func(u *kit.User) bool {
			return rest.holds(func(key string) json.RawMessage { return value(u, key) })
		}
	}
	return query
}

// either is a filter of which one choice must hold; of none, nobody is a match.
func either(choices []filter) filter {
	if len(choices) == 1 {
		return choices[0]
	}
	return filter{
		asksLocked: slices.ContainsFunc(choices, func(f filter) bool { return f.asksLocked }),
		conditions: []condition{func(have values) bool {
			return slices.ContainsFunc(choices, func(f filter) bool { return f.holds(have) })
		}},
	}
}

// operators of both grammars; $regex is for the search alone.
var operators = []string{"$eq", "$ne", "$in", "$nin", "$lt", "$lte", "$gt", "$gte", "$sw"}

// grammar reads filters. What it does not understand is an error, unless it
// ignores that.
type grammar struct {
	knows   func(field string) bool
	ignores bool
}

// doubt is what becomes of a part that is not understood.
func (g *grammar) doubt(format string, args ...any) (filter, error) {
	if g.ignores {
		return filter{}, nil
	}
	return filter{}, kit.Bad("invalid filter: "+format, args...)
}

// query reads filter=, filter[0]= and filter[and][0]=, of which all must hold,
// filter[or][0]=, of which one must, and search.
func (g *grammar) query(query url.Values) (filter, error) {
	var all filter
	var choices []filter
	for name, texts := range query {
		index := strings.TrimPrefix(name, "filter")
		if index == name {
			continue
		}
		or := orIndex.MatchString(index)
		if !or && !andIndex.MatchString(index) {
			if _, err := g.doubt("unknown parameter %s", name); err != nil {
				return all, err
			}
			continue
		}
		for _, text := range texts {
			one, err := g.expression(text)
			if err != nil {
				return all, err
			}
			if or {
				choices = append(choices, one)
			} else {
				all = all.and(one)
			}
		}
	}
	if len(choices) > 0 {
		all = all.and(either(choices))
	}
	return all, g.textQuery(query, &all)
}

// What follows "filter" in a parameter's name.
var (
	andIndex = regexp.MustCompile(`^(\[and\])?(\[\d*\])?$`)
	orIndex  = regexp.MustCompile(`^\[or\]\[\d*\]$`)
)

// expression reads field:$op:value, in which values are text.
func (g *grammar) expression(text string) (filter, error) {
	field, rest, _ := strings.Cut(text, ":")
	op, value, complete := strings.Cut(rest, ":")
	if !complete || !g.knows(field) || !slices.Contains(operators, op) {
		return g.doubt("want field:$operator:value, of a field and an operator that there are")
	}
	wants := []string{value}
	if op == "$in" || op == "$nin" {
		wants = strings.FieldsFunc(value, func(r rune) bool { return r == '|' || r == ',' })
	}
	return comparison(field, op, value, func(have values) bool {
		text, present := plain(have(field))
		return decide(op, present && slices.Contains(wants, text), present, text, value)
	}), nil
}

// comparison is a filter of one condition, and what it tells about all matches.
func comparison(field, op, value string, holds condition) filter {
	f := filter{conditions: []condition{holds}, asksLocked: field == "account_locked"}
	if op == "$eq" && slices.Contains([]string{"_id", "id", "username", "email"}, field) {
		f.name = value
	}
	return f
}

// decide applies an operator; same says whether the value is one of those asked for.
func decide(op string, same, present bool, have, want string) bool {
	switch op {
	case "$eq", "$in":
		return same
	case "$ne", "$nin":
		return !same
	case "$sw":
		return present && strings.HasPrefix(have, want)
	case "$lt":
		return present && compare(have, want) < 0
	case "$lte":
		return present && compare(have, want) <= 0
	case "$gt":
		return present && compare(have, want) > 0
	default:
		return present && compare(have, want) >= 0
	}
}

// compare orders numbers by value and everything else, dates too, as text.
func compare(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	switch {
	case errX != nil || errY != nil:
		return strings.Compare(a, b)
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
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

// json reads the filter of a search: an expression, an object, or a list of which
// all must hold. In objects values have types: the text "true" is not true.
func (g *grammar) json(raw json.RawMessage) (filter, error) {
	switch raw[0] {
	case 'n': // null
		return filter{}, nil
	case '"':
		text, _ := plain(raw)
		return g.expression(text)
	case '[':
		all, err := g.list(raw)
		return filter{}.all(all), err
	}
	fields, err := kit.ParseFields(raw, "filter")
	if err != nil {
		return g.doubt("want an object, a list or an expression")
	}
	var all filter
	for _, field := range fields {
		one, err := g.field(field)
		if err != nil {
			return all, err
		}
		all = all.and(one)
	}
	return all, nil
}

func (f filter) all(others []filter) filter {
	for _, other := range others {
		f = f.and(other)
	}
	return f
}

func (g *grammar) list(raw json.RawMessage) ([]filter, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, kit.Bad("invalid filter: want a list")
	}
	out := make([]filter, 0, len(list))
	for _, item := range list {
		one, err := g.json(item)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (g *grammar) field(field kit.Field) (filter, error) {
	switch key := strings.TrimPrefix(field.Key, "$"); {
	case key == "and":
		all, err := g.list(field.Value)
		return filter{}.all(all), err
	case key == "or":
		choices, err := g.list(field.Value)
		if err != nil || len(choices) == 0 {
			return g.doubt("or wants a list")
		}
		return either(choices), nil
	case !g.knows(field.Key):
		return g.doubt("there is no field %q", field.Key)
	case field.Value[0] != '{':
		return g.typed(field.Key, "$eq", field.Value)
	}
	ops, err := kit.ParseFields(field.Value, "filter")
	if err != nil || len(ops) == 0 {
		return g.doubt("%s wants an operator", field.Key)
	}
	var all filter
	for _, op := range ops {
		one, err := g.typed(field.Key, op.Key, op.Value)
		if err != nil {
			return all, err
		}
		all = all.and(one)
	}
	return all, nil
}

func (g *grammar) typed(field, op string, want json.RawMessage) (filter, error) {
	text, scalar := plain(want)
	if field == "account_locked" && op == "$eq" && string(want) == "true" {
		return filter{locked: true, asksLocked: true}, nil
	}
	wants := []json.RawMessage{want}
	switch {
	case op == "$regex":
		pattern, err := regexp.Compile(text)
		if err != nil || !scalar {
			return g.doubt("$regex is not a regular expression")
		}
		return comparison(field, op, text, func(have values) bool {
			raw := have(field)
			value, present := plain(raw)
			return present && raw[0] == '"' && pattern.MatchString(value)
		}), nil
	case !slices.Contains(operators, op):
		return g.doubt("unknown operator %s", op)
	case (op == "$in" || op == "$nin") && json.Unmarshal(want, &wants) != nil:
		return g.doubt("%s wants a list", op)
	}
	return comparison(field, op, text, func(have values) bool {
		raw := have(field)
		value, present := plain(raw)
		same := slices.ContainsFunc(wants, func(want json.RawMessage) bool {
			return bytes.Equal(want, raw) || kit.IsNull(want) && kit.IsNull(raw)
		})
		return decide(op, same, present, value, text)
	}), nil
}

// text reads {"searchTerm":…,"fields":[…]}: a term, or one of several, stands
// anywhere in one of the fields, whatever its case.
func (g *grammar) text(raw json.RawMessage, into *filter) error {
	var order struct {
		SearchTerm json.RawMessage `json:"searchTerm"`
		Fields     []string        `json:"fields"`
	}
	if err := kit.Decode(raw, "search", &order); err != nil && !g.ignores {
		return err
	}
	var terms []string
	if term, scalar := plain(order.SearchTerm); scalar {
		terms = []string{term}
	} else if err := json.Unmarshal(order.SearchTerm, &terms); err != nil && !g.ignores {
		return kit.Bad("searchTerm must be a string or a list of strings")
	}
	return g.contains(terms, order.Fields, into)
}

// textQuery reads search={"searchTerm":…,"fields":[…]}, or search[searchTerm]=
// and search[fields][]=.
func (g *grammar) textQuery(query url.Values, into *filter) error {
	if query.Has("search") {
		return g.text(json.RawMessage(query.Get("search")), into)
	}
	var terms, fields []string
	for name, texts := range query {
		switch {
		case strings.HasPrefix(name, "search[searchTerm]"):
			terms = append(terms, texts...)
		case strings.HasPrefix(name, "search[fields]"):
			fields = append(fields, texts...)
		case strings.HasPrefix(name, "search[") && !g.ignores:
			return kit.Bad("unknown parameter %s", name)
		}
	}
	if terms == nil && fields == nil {
		return nil
	}
	return g.contains(terms, fields, into)
}

func (g *grammar) contains(terms, fields []string, into *filter) error {
	unknown := slices.ContainsFunc(fields, func(field string) bool { return !g.knows(field) })
	if unknown || len(terms) == 0 || len(fields) == 0 {
		_, err := g.doubt("a search wants a searchTerm and fields that there are")
		return err
	}
	pattern := regexp.MustCompile("(?i)" + strings.Join(quoted(terms), "|"))
	into.conditions = append(into.conditions, func(have values) bool {
		return slices.ContainsFunc(fields, func(field string) bool {
			text, present := plain(have(field))
			return present && pattern.MatchString(text)
		})
	})
	return nil
}

func quoted(terms []string) []string {
	out := make([]string, len(terms))
	for i, term := range terms {
		out[i] = regexp.QuoteMeta(term)
	}
	return out
}
