package httpcall

import (
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"
)

var (
	identifier = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)
	code       = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// dateOf returns the moment of the answer by the provider's clock, or zero.
func dateOf(header http.Header) time.Time {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return date.UTC()
}

// isJSON reports whether the content type is application/json or any +json.
func isJSON(header http.Header) bool {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

// presentable returns text if it has the shape and repeats nothing private: a server
// can send back what it was sent in any field.
func presentable(text string, shape *regexp.Regexp, private []string) string {
	if !shape.MatchString(text) {
		return ""
	}
	for _, value := range private {
		if repeats(text, value) {
			return ""
		}
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
