package simulator

import (
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// grammar reads filters. What it does not understand is an error, unless it
// ignores that.
type grammar struct {
	model   *kit.Model
	ignores bool
}

// doubt is what becomes of a part that is not understood.
func (g grammar) doubt(format string, args ...any) (kit.Filter, error) {
	if g.ignores {
		return kit.Filter{}, nil
	}
	return kit.Filter{}, kit.Bad("invalid filter: "+format, args...)
}

// What follows "filter" in a parameter's name.
var (
	andIndex = regexp.MustCompile(`^(\[and\])?(\[\d*\])?$`)
	orIndex  = regexp.MustCompile(`^\[or\]\[\d*\]$`)
)

// filterOf is what filter=, filter[0]= and filter[and][0]=, of which all must hold, and
// filter[or][0]=, of which one must, are as the filter of a search.
func filterOf(query url.Values) any {
	var all, choices []any
	for name, texts := range query {
		index, named := strings.CutPrefix(name, "filter")
		for _, text := range texts {
			switch {
			case !named:
			case orIndex.MatchString(index):
				choices = append(choices, text)
			case andIndex.MatchString(index):
				all = append(all, text)
			default:
				all = append(all, name) // which is no expression
			}
		}
	}
	if len(choices) > 0 {
		all = append(all, map[string]any{"or": choices})
	}
	return all
}

// textOf is what search=, or search[searchTerm]= and search[fields][]=, are as the
// searchFilter of a search; nil for none.
func textOf(query url.Values) any {
	var order map[string]any
	if query.Has("search") {
		if json.Unmarshal([]byte(query.Get("search")), &order) != nil {
			return "no object"
		}
		return order // also of null, which is no search that is understood
	}
	for name, texts := range query {
		key, named := strings.CutPrefix(name, "search[")
		if !named {
			continue
		}
		if order == nil {
			order = map[string]any{}
		}
		key, _, _ = strings.Cut(key, "]")
		list, _ := order[key].([]any)
		for _, text := range texts {
			list = append(list, text)
		}
		order[key] = list
	}
	if order == nil {
		return nil
	}
	return order
}

// expression reads field:$op:value, in which values are text.
func (g grammar) expression(expression string) (kit.Filter, error) {
	field, rest, _ := strings.Cut(expression, ":")
	op, value, complete := strings.Cut(rest, ":")
	if !complete || op == "$regex" {
		return g.doubt("want field:$operator:value")
	}
	if op != "$in" && op != "$nin" {
		return g.compare(field, op, value, asText)
	}
	wants := []any{}
	for _, want := range strings.FieldsFunc(value, func(r rune) bool { return r == '|' || r == ',' }) {
		wants = append(wants, want)
	}
	return g.compare(field, op, wants, asText)
}

// json reads the filter of a search: an expression, an object, or a list of which
// all must hold. In objects values have types: the text "true" is not true.
func (g grammar) json(filter any) (kit.Filter, error) {
	switch filter := filter.(type) {
	case nil:
		return kit.Filter{}, nil
	case string:
		return g.expression(filter)
	case []any:
		all, err := g.list(filter)
		return kit.All(all...), err
	case map[string]any:
		var all kit.Filter
		for key, value := range filter {
			one, err := g.field(key, value)
			if err != nil {
				return one, err
			}
			all = all.And(one)
		}
		return all, nil
	}
	return g.doubt("want an object, a list or an expression")
}

func (g grammar) list(list []any) (all []kit.Filter, err error) {
	for _, item := range list {
		one, err := g.json(item)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (g grammar) field(key string, value any) (kit.Filter, error) {
	if join := strings.TrimPrefix(key, "$"); join == "and" || join == "or" {
		choices, _ := value.([]any)
		all, err := g.list(choices)
		switch {
		case err != nil:
			return kit.Filter{}, err
		case len(all) == 0:
			return g.doubt("%s wants a list", key)
		case join == "or":
			return kit.Either(all...), nil
		}
		return kit.All(all...), nil
	}
	ops, several := value.(map[string]any)
	if !several {
		ops = map[string]any{"$eq": value}
	}
	if len(ops) == 0 {
		return g.doubt("%s wants an operator", key)
	}
	var all kit.Filter
	for op, want := range ops {
		one, err := g.compare(key, op, want, asIs)
		if err != nil {
			return one, err
		}
		all = all.And(one)
	}
	return all, nil
}

// compare is a filter of one comparison with what as makes of a user's value.
func (g grammar) compare(field, op string, want any, as func(have any) any) (kit.Filter, error) {
	holds := comparison(op, want)
	if holds == nil || !g.model.Knows(field) {
		return g.doubt("there is no field %q, or it cannot be compared by %s with that", field, op)
	}
	if field == "account_locked" && op == "$eq" && as(true) == want {
		return kit.Filter{Locked: true}, nil
	}
	f := kit.Filter{Holds: func(u *kit.User) bool { return holds(as(g.have(u, field))) }}
	if name, is := want.(string); is && op == "$eq" && slices.Contains([]string{"_id", "id", "username", "email"}, field) {
		f.Name = name
	}
	return f, nil
}

// have is what a user has under a key; nil for nothing.
func (g grammar) have(u *kit.User, key string) (have any) {
	_ = json.Unmarshal(g.model.Value(u, key), &have)
	return have
}

// ordered are the operators that ask for an order.
var ordered = map[string]func(order int) bool{
	"$lt":  func(order int) bool { return order < 0 },
	"$lte": func(order int) bool { return order <= 0 },
	"$gt":  func(order int) bool { return order > 0 },
	"$gte": func(order int) bool { return order >= 0 },
}

// comparison decides by an operator; nil where there is none for what is wanted.
func comparison(op string, want any) func(have any) bool {
	wants := []any{want}
	if op == "$in" || op == "$nin" {
		wants, _ = want.([]any)
	}
	among := func(have any) bool {
		return slices.ContainsFunc(wants, func(want any) bool { return reflect.DeepEqual(have, want) })
	}
	bound, scalar := plain(want)
	inOrder := ordered[op]
	switch {
	case wants == nil:
		return nil
	case op == "$eq" || op == "$in":
		return among
	case op == "$ne" || op == "$nin":
		return func(have any) bool { return !among(have) }
	case inOrder != nil:
		return func(have any) bool { value, present := plain(have); return present && inOrder(compare(value, bound)) }
	case op == "$sw":
		bound = "^" + regexp.QuoteMeta(bound)
	case op != "$regex":
		return nil
	}
	pattern, err := regexp.Compile(bound)
	if err != nil || !scalar {
		return nil
	}
	return func(have any) bool { value, present := plain(have); return present && pattern.MatchString(value) }
}

func asIs(have any) any { return have }

func asText(have any) any {
	if text, scalar := plain(have); scalar {
		return text
	}
	return nil
}

// plain is a scalar as text; false for null, lists and objects.
func plain(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case bool:
		return strconv.FormatBool(value), true
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), true
	}
	return "", false
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

// text reads {"searchTerm":…,"fields":[…]}: a term, or one of several, stands
// anywhere in one of the fields, whatever its case.
func (g grammar) text(order any) (kit.Filter, error) {
	search, _ := order.(map[string]any)
	terms, fields := texts(search["searchTerm"]), texts(search["fields"])
	unknown := slices.ContainsFunc(fields, func(field string) bool { return !g.model.Knows(field) })
	if unknown || len(terms) == 0 || len(fields) == 0 || len(search) > 2 {
		return g.doubt("a search wants a searchTerm and fields that there are, and nothing else")
	}
	for i, term := range terms {
		terms[i] = regexp.QuoteMeta(term)
	}
	pattern := regexp.MustCompile("(?i)" + strings.Join(terms, "|"))
	return kit.Filter{Holds: func(u *kit.User) bool {
		return slices.ContainsFunc(fields, func(field string) bool {
			text, present := plain(g.have(u, field))
			return present && pattern.MatchString(text)
		})
	}}, nil
}

// texts are a scalar, or those of a list.
func texts(value any) (out []string) {
	list, several := value.([]any)
	if !several {
		list = []any{value}
	}
	for _, each := range list {
		if text, scalar := plain(each); scalar {
			out = append(out, text)
		}
	}
	return out
}
