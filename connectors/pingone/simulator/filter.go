package simulator

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	scim "github.com/scim2/filter-parser/v2"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// maxDepth bounds how deep a filter may nest.
const maxDepth = 32

// statusAttribute may be filtered by only if a setting says so.
const statusAttribute = "account.status"

// filterable are the attributes that a filter may name; those that are true or false,
// and those that are strings.
var (
	filterableBools = []string{"enabled", "mfaEnabled", "emailVerified"}
	filterableTexts = []string{
		"id", "username", "email", "externalId", "population.id", "name.given", "name.family", "name.middle", "name.formatted",
		"locale", "nickname", "mobilePhone", "primaryPhone", "preferredLanguage", "timezone", "title", "type",
	}
)

// compared are the operators that PingOne documents for strings.
var compared = map[scim.CompareOperator]func(have, want string) bool{
	scim.EQ: func(have, want string) bool { return have == want },
	scim.SW: strings.HasPrefix, scim.EW: strings.HasSuffix, scim.CO: strings.Contains,
}

// escapes are those of a string; the parser wants their digits in upper case.
var escapes = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|.)`)

// filter reads SCIM's grammar, and of it what PingOne documents: eq, sw, ew, co,
// and, or, parentheses, memberOfGroups[…].
func (s *Simulator) filter(text string) (kit.Filter, error) {
	if text = strings.TrimSpace(text); text == "" {
		return kit.Filter{}, nil
	}
	if strings.Count(text, "(") > maxDepth || strings.Count(text, "[") > maxDepth {
		return s.doubt("The filter is nested too deep.")
	}
	text = escapes.ReplaceAllStringFunc(text, func(escape string) string {
		return escape[:2] + strings.ToUpper(escape[2:])
	})
	parsed, err := scim.ParseFilter([]byte(text))
	if err != nil {
		return s.doubt("The filter is not one: %s.", err)
	}
	filter, err := s.compile(parsed, "")
	if err != nil {
		return s.doubt("%s", err)
	}
	return filter, nil
}

// doubt is what becomes of a filter that is not understood.
func (s *Simulator) doubt(format string, args ...any) (kit.Filter, error) {
	if s.Settings().IgnoresUnknown {
		return kit.Filter{}, nil
	}
	return kit.Filter{}, kit.Bad(format, args...)
}

// compile makes a filter of an expression; within a value path the path goes before
// the attributes.
func (s *Simulator) compile(expression scim.Expression, within string) (kit.Filter, error) {
	switch e := expression.(type) {
	case *scim.LogicalExpression:
		left, err := s.compile(e.Left, within)
		if err != nil {
			return left, err
		}
		right, err := s.compile(e.Right, within)
		if e.Operator == scim.OR {
			return kit.Either(left, right), err
		}
		return left.And(right), err
	case *scim.AttributeExpression:
		return s.compileOne(*e, within+e.AttributePath.String())
	case *scim.ValuePath:
		if within == "" && e.AttributePath.String() == "memberOfGroups" {
			return s.compile(e.ValueFilter, "memberOfGroups.")
		}
	}
	return kit.Filter{}, kit.Bad("The filter has a part that is not supported.")
}

// compileOne compares one attribute; one that is absent matches nothing.
func (s *Simulator) compileOne(e scim.AttributeExpression, attribute string) (kit.Filter, error) {
	want, isText := e.CompareValue.(string)
	truth, isBool := e.CompareValue.(bool)
	equal := e.Operator == scim.EQ
	switch {
	case isText && json.Unmarshal([]byte(`"`+want+`"`), &want) != nil:
		return kit.Filter{}, kit.Bad("The filter has a string that is not one.")
	case isText && equal && attribute == "memberOfGroups.id":
		return kit.Filter{Holds: func(u *kit.User) bool { return slices.Contains(groups(u, "memberOfGroupIDs"), want) }}, nil
	case isBool && equal && slices.Contains(filterableBools, attribute):
		return kit.Filter{Holds: func(u *kit.User) bool { return string(s.Model.Value(u, attribute)) == strconv.FormatBool(truth) }}, nil
	case isText && compared[e.Operator] != nil && s.isFilterable(attribute):
		f := s.textFilter(attribute, compared[e.Operator], want)
		if equal && slices.Contains([]string{"id", "username", "email"}, attribute) {
			f.Name = want
		}
		return f, nil
	}
	return kit.Filter{}, kit.Bad("The attribute %s cannot be filtered by %s and that value.", attribute, e.Operator)
}

func (s *Simulator) isFilterable(attribute string) bool {
	return slices.Contains(filterableTexts, attribute) || attribute == statusAttribute && s.Settings().AccountStatusFilterable
}

func (s *Simulator) textFilter(attribute string, compare func(have, want string) bool, want string) kit.Filter {
	fold := func(text string) string { return text }
	if s.Settings().FilterIgnoresCase {
		fold = strings.ToLower
	}
	want = fold(want)
	return kit.Filter{Holds: func(u *kit.User) bool {
		var have *string
		return json.Unmarshal(s.Model.Value(u, attribute), &have) == nil && have != nil && compare(fold(*have), want)
	}}
}
