package httpcall

import (
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what a provider may ask us to wait.
const maxRetryAfter = 24 * time.Hour

var (
	seconds    = regexp.MustCompile(`^[0-9]+$`)
	identifier = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)
	code       = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// retryAfter reads the Retry-After header, in seconds or as a date: RFC 9110, section
// 10.2.3. It is between 0 and 24 hours; what cannot be read counts as 0.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	var wait time.Duration
	if seconds.MatchString(value) {
		// RFC 9111, section 1.2.2: what is too great to be read is very long.
		count, err := strconv.ParseInt(value, 10, 32)
		if wait = time.Duration(count) * time.Second; err != nil {
			wait = maxRetryAfter
		}
	} else if until, err := http.ParseTime(value); err == nil {
		// The date is the provider's: its own clock, where it tells it, cancels any skew.
		if date := dateOf(header); !date.IsZero() {
			now = date
		}
		wait = until.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

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
