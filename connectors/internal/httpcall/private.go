package httpcall

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// requestID is the provider's identifier of an exchange, where it looks like one and repeats
// nothing that was sent.
func (c *Caller) requestID(request Request, header http.Header, response *http.Response) string {
	for _, name := range c.Rules.RequestID {
		if id := presentable(response.Header.Get(name), identifier, private(request, header)); id != "" {
			return id
		}
	}
	return ""
}

// private lists what an error must not repeat: what the caller named, and the credential.
func private(request Request, header http.Header) []string {
	values := append(slices.Clone(request.Private), strings.Fields(header.Get("Authorization"))...)
	return slices.DeleteFunc(values, func(value string) bool { return value == "" || value == "Bearer" || value == "Basic" })
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
