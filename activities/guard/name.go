package guard

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// SameName reports whether two names of people may be taken for one by somebody who reads
// them: they differ at most in case, spacing, what cannot be seen, how letters are encoded,
// and in letters of other scripts that look like Latin ones.
func SameName(a, b string) bool { return NamesOf(a).Has(b) }

// Names are names of people, among which another is looked for as SameName compares them.
type Names struct{ folded, skeletons map[string]bool }

// NamesOf holds the names.
func NamesOf(names ...string) *Names {
	n := &Names{folded: map[string]bool{}, skeletons: map[string]bool{}}
	for _, name := range names {
		n.Add(name)
	}
	return n
}

// Add adds a name.
func (n *Names) Add(name string) {
	folded, looks := forms(name)
	n.folded[folded], n.skeletons[looks] = true, true
}

// Has reports whether one of the names may be taken for this one.
func (n *Names) Has(name string) bool {
	folded, looks := forms(name)
	return n.folded[folded] || n.skeletons[looks]
}

// forms are what is compared of a name.
func forms(name string) (folded, looks string) {
	name = strings.Join(strings.Fields(visible(name)), " ")
	return fold(name), skeleton(name)
}

// skeleton is what a name looks like, in Latin letters as far as those of others look so. It
// comes before case is folded: a capital looks like another letter than its small form does.
func skeleton(name string) string { return fold(lookalikes.Replace(norm.NFKD.String(name))) }

// lookalikes are letters with the Latin ones that they are drawn like in most fonts: the
// Cyrillic, Greek and Armenian ones of Unicode's confusables, and the Latin ones without a
// decomposition. Digits that look like letters are left out: they are two for any reader.
var lookalikes = strings.NewReplacer(
	// Cyrillic
	"А", "A", "В", "B", "Е", "E", "Ѕ", "S", "І", "I", "Ј", "J", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C",
	"Т", "T", "У", "Y", "Ү", "Y", "Х", "X", "Ԁ", "D", "Ԍ", "G", "Ԛ", "Q", "Ԝ", "W", "Һ", "H", "Ӏ", "I", "Ь", "b", "Ѵ", "V",
	"а", "a", "в", "b", "е", "e", "ѕ", "s", "і", "i", "ј", "j", "к", "k", "м", "m", "н", "h", "о", "o", "р", "p", "с", "c",
	"т", "t", "у", "y", "ү", "y", "х", "x", "ԁ", "d", "ԛ", "q", "ԝ", "w", "һ", "h", "ӏ", "l", "ь", "b", "ѵ", "v", "г", "r", "ѡ", "w",
	// Greek
	"Α", "A", "Β", "B", "Ε", "E", "Ζ", "Z", "Η", "H", "Ι", "I", "Κ", "K", "Μ", "M", "Ν", "N", "Ο", "O", "Ρ", "P", "Τ", "T",
	"Υ", "Y", "Χ", "X", "Ϳ", "J",
	"α", "a", "γ", "y", "ε", "e", "η", "n", "ι", "i", "κ", "k", "ν", "v", "ο", "o", "ρ", "p", "σ", "o", "τ", "t", "υ", "u",
	"χ", "x", "ϳ", "j", "ω", "w",
	// Armenian
	"Օ", "O", "Ս", "U", "Տ", "S", "Լ", "L", "օ", "o", "ո", "n", "ս", "u", "հ", "h", "ց", "g", "զ", "q", "յ", "j",
	// Latin
	"ı", "i", "ɩ", "i", "ɑ", "a", "ɡ", "g", "ȷ", "j", "ʋ", "v", "ᴀ", "a", "ʙ", "b", "ᴄ", "c", "ᴅ", "d", "ᴇ", "e", "ɢ", "g", "ʜ", "h",
	"ɪ", "i", "ᴊ", "j", "ᴋ", "k", "ʟ", "l", "ᴍ", "m", "ɴ", "n", "ᴏ", "o", "ᴘ", "p", "ʀ", "r", "ꜱ", "s", "ᴛ", "t", "ᴜ", "u",
	"ᴠ", "v", "ᴡ", "w", "ʏ", "y", "ᴢ", "z",
)
