package guard

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Patterns are texts with * for any text. They are read once, however many values they are
// asked about.
type Patterns struct {
	each []pattern
	// spelling writes both sides alike before they are compared.
	spelling func(string) string
}

// pattern is a text as it was cut at each *; nil covers everything.
type pattern []string

// Protecting reads patterns whose cover refuses something: they cover a value whatever its
// spelling. One that cannot be read covers everything, since what it was to protect is not
// known.
func Protecting(texts []string) Patterns {
	return read(texts, foldVisible)
}

// Permitting reads patterns whose cover allows something: what is in a value and cannot be
// seen keeps it from being covered. One that cannot be read covers nothing.
func Permitting(texts []string) Patterns { return read(readable(texts), fold) }

// permittingIDs is Permitting for IDs: at some providers two that differ in case are two
// accounts, so that they are compared as they are spelt.
func permittingIDs(texts []string) Patterns {
	return read(readable(texts), func(text string) string { return text })
}

func readable(texts []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return !utf8.ValidString(text) })
}

func read(texts []string, spelling func(string) string) Patterns {
	patterns := Patterns{spelling: spelling}
	for _, text := range texts {
		var pieces pattern
		if utf8.ValidString(text) {
			pieces = strings.Split(text, "*")
		}
		for i, piece := range pieces {
			pieces[i] = spelling(piece)
		}
		patterns.each = append(patterns.each, pieces)
	}
	return patterns
}

// Cover reports whether a pattern covers the whole of one of the values. What is empty is no
// value.
func (p Patterns) Cover(values ...string) bool {
	if len(p.each) == 0 {
		return false
	}
	return slices.ContainsFunc(values, func(value string) bool {
		if value == "" {
			return false
		}
		spelt := p.spelling(value)
		return slices.ContainsFunc(p.each, func(each pattern) bool { return each.covers(spelt) })
	})
}

func (p Patterns) empty() bool { return len(p.each) == 0 }

func (p pattern) covers(value string) bool {
	if len(p) == 0 {
		return true
	}
	first, last := p[0], p[len(p)-1]
	if len(p) == 1 {
		return value == first
	}
	if len(value) < len(first)+len(last) || !strings.HasPrefix(value, first) || !strings.HasSuffix(value, last) {
		return false
	}
	value = value[len(first) : len(value)-len(last)]
	for _, piece := range p[1 : len(p)-1] {
		_, after, found := strings.Cut(value, piece)
		if !found {
			return false
		}
		value = after
	}
	return true
}
