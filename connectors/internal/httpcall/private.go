package httpcall

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// requestID is the provider's identifier of an exchange, where it looks like one and repeats
// nothing that was sent.
func (c *Caller) requestID(request Request, response *http.Response) string {
	for _, name := range c.Rules.RequestID {
		if id := presentable(response.Header.Get(name), identifier, request.Private); id != "" {
			return id
		}
	}
	return ""
}

// wordsOf lists what a credential's header holds beside the name of a scheme.
func wordsOf(credential http.Header) []string {
	var words []string
	for _, values := range credential {
		for _, value := range values {
			words = append(words, strings.Fields(value)...)
		}
	}
	return slices.DeleteFunc(words, func(word string) bool { return word == "Bearer" || word == "Basic" })
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)
	code       = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// presentable returns text if it has the shape and repeats nothing private: a server
// can send back what it was sent in any field.
func presentable(text string, shape *regexp.Regexp, private []string) string {
	if !shape.MatchString(text) || slices.ContainsFunc(private, func(value string) bool { return repeats(text, value) }) {
		return ""
	}
	return text
}

// shortest is the length from which a private value is looked for within a text too:
// a name of a letter or two would be found in every word.
const shortest = 5

func repeats(text, value string) bool {
	if len(value) < shortest {
		return strings.EqualFold(text, value)
	}
	return strings.Contains(strings.ToLower(text), strings.ToLower(value))
}
