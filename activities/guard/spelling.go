package guard

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Invisible reports whether a text holds a character that cannot be seen: a control or format
// character, a line separator, or one that Unicode lets a program leave out when it draws.
func Invisible(text string) bool { return strings.ContainsFunc(text, invisible) }

// brailleBlank is a symbol that draws nothing.
const brailleBlank = '\u2800'

func invisible(r rune) bool {
	return r == brailleBlank || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, text)
}

// dots are what is left of the dotted and the dotless i when case is folded: a provider may
// take both for a plain one.
var dots = strings.NewReplacer("i\u0307", "i", "\u0131", "i")

// fold writes all spellings of a text alike that differ in case, in how an accent is encoded,
// or in the form of a letter, such as a wide one. An accent stays a character of its own, so
// that the beginning of a text is the beginning of what it is folded to.
func fold(text string) string {
	if ascii(text) {
		return strings.ToLower(text)
	}
	// Folding undoes the order of accents, and forms of letters hide capitals: Unicode's
	// compatibility caseless match takes both steps twice. The library turns the case of
	// Cherokee letters round; lower case settles it.
	folded := norm.NFD.String(text)
	for range 2 {
		folded = norm.NFKD.String(strings.ToLower(cases.Fold().String(folded)))
	}
	return dots.Replace(folded)
}

// foldVisible is fold without what cannot be seen.
func foldVisible(text string) string {
	if !Invisible(text) {
		return fold(text)
	}
	return fold(visible(text))
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
