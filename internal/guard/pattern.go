package guard

import (
	"regexp"
	"strings"
)

// Matches reports whether the pattern, with * for any text and without regard to case,
// covers the whole of the value. A pattern that cannot be read covers everything: what it
// was to protect is not known.
func Matches(pattern, value string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`)
	matched, err := regexp.MatchString(`(?is)^`+quoted+`$`, value)
	return err != nil || matched
}

func matches(patterns []string, values ...string) bool {
	for _, pattern := range patterns {
		for _, value := range values {
			if value != "" && Matches(pattern, value) {
				return true
			}
		}
	}
	return false
}
