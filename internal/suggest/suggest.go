// Package suggest finds the word that was probably meant.
package suggest

import (
	"strings"

	"github.com/agext/levenshtein"
)

// maxTypos is how far a word may be from the one that was meant; a short one not so far.
const maxTypos = 3

// Closest returns the one of the known words that a word was probably meant to be, or nothing.
func Closest(word string, known []string) string {
	best, distance := "", min(maxTypos, len(word)/2)+1
	for _, each := range known {
		lower := strings.ToLower(each)
		typos := levenshtein.Distance(strings.ToLower(word), lower, nil)
		// A word that is cut short, such as user for user-id, is near too.
		if strings.HasPrefix(lower, strings.ToLower(word)+"-") {
			typos = 1
		}
		if typos < distance {
			best, distance = each, typos
		}
	}
	return best
}
