package simulator

import (
	"encoding/json"
	"slices"
	"strings"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// maxDepth bounds how deep a filter may nest.
const maxDepth = 32

// filterable are the attributes that a filter may name; account.status only if
// a setting says so.
var filterable = []string{
	"id", "username", "email", "externalId", "enabled", "population.id", "name.given", "name.family", "name.middle",
	"name.formatted", "locale", "nickname", "mobilePhone", "primaryPhone", "preferredLanguage", "timezone", "title",
	"type", "mfaEnabled", "emailVerified",
}

type getter func(path string) json.RawMessage

// filter is a parsed filter.
type filter struct {
	matches    func(get getter) bool
	attributes []string
	// name is an id, username or email that every match has, "" if none is known:
	// it saves walking over everybody.
	name string
}

// parser reads the part of SCIM's filter grammar that PingOne documents: eq,
// sw, and, or, parentheses.
type parser struct {
	tokens     []string
	ignoreCase bool
	attributes []string
	depth      int
}

// clause is a part of a filter.
type clause struct {
	matches func(get getter) bool
	name    string
}

// parseFilter reads a filter; "" matches everybody.
func parseFilter(text string, ignoreCase bool) (*filter, error) {
	if strings.TrimSpace(text) == "" {
		return &filter{matches: func(getter) bool { return true }}, nil
	}
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, ignoreCase: ignoreCase}
	whole, err := p.either()
	if err != nil {
		return nil, err
	}
	if len(p.tokens) > 0 {
		return nil, kit.Bad("The filter goes on where it should end.")
	}
	return &filter{matches: whole.matches, attributes: p.attributes, name: whole.name}, nil
}

// refused is the first attribute that may not be filtered by, "" if all may.
func (f *filter) refused(statusToo bool) string {
	for _, attribute := range f.attributes {
		if !slices.Contains(filterable, attribute) && (attribute != "account.status" || !statusToo) {
			return attribute
		}
	}
	return ""
}

// tokenize splits into parentheses, JSON strings and words.
func tokenize(text string) ([]string, error) {
	var tokens []string
	for text = strings.TrimLeft(text, " \t"); text != ""; text = strings.TrimLeft(text, " \t") {
		end := 1
		switch text[0] {
		case '(', ')':
		case '"':
			if end = stringEnd(text); end < 0 {
				return nil, kit.Bad("The filter has a string without an end.")
			}
		default:
			if end = strings.IndexAny(text, " \t()\""); end < 0 {
				end = len(text)
			}
		}
		tokens = append(tokens, text[:end])
		text = text[end:]
	}
	return tokens, nil
}

// stringEnd is where the string that text begins with ends; -1 if it does not.
func stringEnd(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func (p *parser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token
}

// accept takes the next token if it is the word, whatever its case.
func (p *parser) accept(word string) bool {
	if len(p.tokens) == 0 || !strings.EqualFold(p.tokens[0], word) {
		return false
	}
	p.next()
	return true
}

// either reads clauses joined by or, which binds weaker than and.
func (p *parser) either() (clause, error) {
	left, err := p.both()
	for err == nil && p.accept("or") {
		var right clause
		right, err = p.both()
		a, b := left.matches, right.matches
		left = clause{matches: func(get getter) bool { return a(get) || b(get) }}
	}
	return left, err
}

func (p *parser) both() (clause, error) {
	left, err := p.one()
	for err == nil && p.accept("and") {
		var right clause
		right, err = p.one()
		a, b, name := left.matches, right.matches, left.name
		if name == "" {
			name = right.name
		}
		left = clause{matches: func(get getter) bool { return a(get) && b(get) }, name: name}
	}
	return left, err
}

func (p *parser) one() (clause, error) {
	if !p.accept("(") {
		return p.comparison()
	}
	if p.depth++; p.depth > maxDepth {
		return clause{}, kit.Bad("The filter is nested too deep.")
	}
	inner, err := p.either()
	p.depth--
	if err == nil && !p.accept(")") {
		err = kit.Bad("The filter lacks a closing parenthesis.")
	}
	return inner, err
}

func (p *parser) comparison() (clause, error) {
	attribute, operator, literal := p.next(), strings.ToLower(p.next()), p.next()
	if attribute == "" || strings.ContainsAny(attribute, "\"()") {
		return clause{}, kit.Bad("The filter lacks an attribute.")
	}
	if operator != "eq" && operator != "sw" {
		return clause{}, kit.Bad("The filter has an operator that is not supported.")
	}
	var value any
	if err := json.Unmarshal([]byte(literal), &value); err != nil || !strings.ContainsAny(literal[:1], "\"tf0123456789-") {
		return clause{}, kit.Bad("The filter has a value that is neither a string in quotes, a number, true nor false.")
	}
	text, isText := value.(string)
	if operator == "sw" && !isText {
		return clause{}, kit.Bad("The filter's operator sw wants a string.")
	}
	p.attributes = append(p.attributes, attribute)
	out := clause{matches: p.compare(attribute, operator, value)}
	if operator == "eq" && slices.Contains([]string{"id", "username", "email"}, attribute) {
		out.name = text
	}
	return out, nil
}

// compare decides about one attribute; one that is absent matches nothing.
func (p *parser) compare(attribute, operator string, want any) func(get getter) bool {
	fold := func(text string) string { return text }
	if p.ignoreCase {
		fold = strings.ToLower
	}
	return func(get getter) bool {
		var have any
		if raw := get(attribute); len(raw) == 0 || json.Unmarshal(raw, &have) != nil || have == nil {
			return false
		}
		text, isText := have.(string)
		wanted, wantsText := want.(string)
		switch {
		case isText != wantsText:
			return false
		case !isText:
			// Lists and objects are no literals, so they are equal to none.
			switch have.(type) {
			case bool, float64:
				return have == want
			}
			return false
		case operator == "sw":
			return strings.HasPrefix(fold(text), fold(wanted))
		default:
			return fold(text) == fold(wanted)
		}
	}
}
