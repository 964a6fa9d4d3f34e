package simulator

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

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
		"locale", "nickname", "mobilePhone", "primaryPhone", "preferredLanguage", "timezone", "title", "type", statusAttribute,
	}
)

// groupIDsAttribute is what memberOfGroups[id eq "…"] decides by.
const groupIDsAttribute = "memberOfGroupIDs"

// values tells what a user has under a path.
type values func(path string) json.RawMessage

// filter is a parsed filter; the zero value asks for everybody.
type filter struct {
	matches    func(have values, fold func(string) string) bool
	attributes []string
	// name is an id, username or email that every match has, "" if none is known:
	// it saves walking over everybody.
	name       string
	ignoreCase bool
}

// filterOf reads a filter as the settings want it read.
func (s *Simulator) filterOf(text string, settings Settings) (filter, error) {
	f, err := parseFilter(text)
	if err == nil && !settings.AccountStatusFilterable && slices.Contains(f.attributes, statusAttribute) {
		err = kit.Bad("The attribute %s cannot be filtered by.", statusAttribute)
	}
	if err != nil && settings.IgnoresUnknown {
		return filter{}, nil
	}
	f.ignoreCase = settings.FilterIgnoresCase
	return f, err
}

func (f filter) query(value func(u *kit.User, path string) json.RawMessage, after uint64, limit int) kit.Query {
	query := kit.Query{Name: f.name, After: after, Limit: limit}
	fold := func(text string) string { return text }
	if f.ignoreCase {
		fold = strings.ToLower
	}
	if f.matches != nil {
		query.Match = func(u *kit.User) bool {
			return f.matches(func(path string) json.RawMessage { return value(u, path) }, fold)
		}
	}
	return query
}

// escapes are those of a string; the parser wants their digits in upper case.
var escapes = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|.)`)

// parseFilter reads SCIM's grammar, and of it what PingOne documents: eq, sw, ew, co,
// and, or, parentheses, memberOfGroups[…].
func parseFilter(text string) (filter, error) {
	if text = strings.TrimSpace(text); text == "" {
		return filter{}, nil
	}
	if strings.Count(text, "(") > maxDepth || strings.Count(text, "[") > maxDepth {
		return filter{}, kit.Bad("The filter is nested too deep.")
	}
	text = escapes.ReplaceAllStringFunc(text, func(escape string) string {
		return escape[:2] + strings.ToUpper(escape[2:])
	})
	parsed, err := scim.ParseFilter([]byte(text))
	if err != nil {
		return filter{}, kit.Bad("The filter is not one: %s.", err)
	}
	return compile(parsed, "")
}

// compile makes a filter of an expression; within a value path the path goes before
// the attributes.
func compile(expression scim.Expression, within string) (filter, error) {
	switch e := expression.(type) {
	case *scim.LogicalExpression:
		return compileBoth(e, within)
	case *scim.AttributeExpression:
		return compileOne(*e, within)
	case *scim.ValuePath:
		if within == "" && e.AttributePath.String() == "memberOfGroups" {
			return compile(e.ValueFilter, "memberOfGroups.")
		}
	}
	return filter{}, kit.Bad("The filter has a part that is not supported.")
}

func compileBoth(e *scim.LogicalExpression, within string) (filter, error) {
	left, err := compile(e.Left, within)
	if err != nil {
		return left, err
	}
	right, err := compile(e.Right, within)
	f := filter{attributes: slices.Concat(left.attributes, right.attributes)}
	if e.Operator == scim.OR {
		f.matches = func(have values, fold func(string) string) bool {
			return left.matches(have, fold) || right.matches(have, fold)
		}
		return f, err
	}
	if f.name = left.name; f.name == "" {
		f.name = right.name
	}
	f.matches = func(have values, fold func(string) string) bool {
		return left.matches(have, fold) && right.matches(have, fold)
	}
	return f, err
}

// namedBy is a name that every match has, or empty.
func namedBy(attribute string, operator scim.CompareOperator, want string) string {
	if operator == scim.EQ && slices.Contains([]string{"id", "username", "email"}, attribute) {
		return want
	}
	return ""
}

// compileOne compares one attribute; one that is absent matches nothing.
func compileOne(e scim.AttributeExpression, within string) (filter, error) {
	attribute := within + e.AttributePath.String()
	compare := map[scim.CompareOperator]func(have, want string) bool{
		scim.EQ: func(have, want string) bool { return have == want },
		scim.SW: strings.HasPrefix, scim.EW: strings.HasSuffix, scim.CO: strings.Contains,
	}[e.Operator]
	if compare == nil {
		return filter{}, kit.Bad("The operator %s is not supported.", e.Operator)
	}
	f := filter{attributes: []string{attribute}}
	switch want, err := literal(e.CompareValue); {
	case err != nil:
		return f, err
	case attribute == "memberOfGroups.id" && e.Operator == scim.EQ && want != nil:
		f.matches = func(have values, _ func(string) string) bool {
			return slices.Contains(texts(have(groupIDsAttribute)), *want)
		}
	case slices.Contains(filterableTexts, attribute) && want != nil:
		f.name = namedBy(attribute, e.Operator, *want)
		f.matches = func(have values, fold func(string) string) bool {
			var text string
			raw := have(attribute)
			return !kit.IsNull(raw) && json.Unmarshal(raw, &text) == nil && compare(fold(text), fold(*want))
		}
	case slices.Contains(filterableBools, attribute) && e.Operator == scim.EQ && isBool(e.CompareValue):
		f.matches = func(have values, _ func(string) string) bool {
			return string(have(attribute)) == string(kit.JSON(e.CompareValue))
		}
	default:
		return f, kit.Bad("The attribute %s cannot be filtered by %s and a value of this type.", attribute, e.Operator)
	}
	return f, nil
}

func isBool(value any) bool {
	_, is := value.(bool)
	return is
}

// literal is a string that is compared with, without its escapes; nil for another value.
func literal(value any) (*string, error) {
	escaped, isText := value.(string)
	if !isText {
		return nil, nil
	}
	var text string
	if err := json.Unmarshal([]byte(`"`+escaped+`"`), &text); err != nil {
		return nil, kit.Bad("The filter has a string that is not one.")
	}
	return &text, nil
}
