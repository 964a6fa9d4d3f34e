package connectors_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

const (
	jumpCloudID = "5f0c1a2b3c4d5e6f7a8b9c0d"
	uuid        = "8376e0bc-4ef2-4e3a-9d6f-0c2f6f0f2b11"
	nsUniqueID  = "66446001-1dd211b2-88d7a1b0-4e1c0000"
)

func TestUserRefValidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ref connectors.UserRef
		// want is in the error; empty: there is none.
		want string
	}{
		"a JumpCloud id":       {ref: connectors.UserRef{ID: jumpCloudID}},
		"a UUID":               {ref: connectors.UserRef{ID: uuid}},
		"a UUID in upper case": {ref: connectors.UserRef{ID: strings.ToUpper(uuid)}},
		"an nsUniqueId":        {ref: connectors.UserRef{ID: nsUniqueID}},
		"a username":           {ref: connectors.UserRef{Username: "jane.doe"}},
		"a foreign username":   {ref: connectors.UserRef{Username: "Jürgen Ünal"}},
		"an email":             {ref: connectors.UserRef{Email: "jane+x@example.org"}},
		"the longest":          {ref: connectors.UserRef{Username: strings.Repeat("a", connectors.MaxReferenceLength)}},
		"none":                 {want: "exactly one of userId, username and email; 0 were given"},
		"two":                  {ref: connectors.UserRef{ID: uuid, Email: "jane@example.org"}, want: "2 were given"},
		"three":                {ref: connectors.UserRef{ID: uuid, Email: "jane@example.org", Username: "jane"}, want: "3 were given"},
		"too long":             {ref: connectors.UserRef{Username: strings.Repeat("a", connectors.MaxReferenceLength+1)}, want: "username is 513 bytes long"},
		"white space before":   {ref: connectors.UserRef{Email: " jane@example.org"}, want: "email begins or ends with white space"},
		"white space after":    {ref: connectors.UserRef{Username: "jane\n"}, want: "username begins or ends with white space"},
		"only white space":     {ref: connectors.UserRef{Username: "  "}, want: "username begins or ends with white space"},
		"a control character":  {ref: connectors.UserRef{Username: "jane\x00doe"}, want: "username holds a control character"},
		"a line break":         {ref: connectors.UserRef{Email: "jane\r\nX: y@example.org"}, want: "email holds a control character"},
		"invalid UTF-8":        {ref: connectors.UserRef{Email: "jane\xff@example.org"}, want: "email is not valid UTF-8"},
		"an Okta id":           {ref: connectors.UserRef{ID: "00uQ1w2E3r4T5y6U7i8o"}},
		"an Auth0 id":          {ref: connectors.UserRef{ID: "auth0|5f7c8ec7c33c6c004bbafe82"}},
		"a OneLogin id":        {ref: connectors.UserRef{ID: "4711"}},
		"a name with a space":  {ref: connectors.UserRef{ID: "jane doe"}, want: "userId must be the provider's own identifier"},
		"an address as id":     {ref: connectors.UserRef{ID: "jane@example.org"}, want: "userId must be"},
		"a DN as id":           {ref: connectors.UserRef{ID: "uid=jane,ou=people,dc=example,dc=org"}, want: "userId must be"},
		"an id with more":      {ref: connectors.UserRef{ID: uuid + "\n"}, want: "userId must be"},
		"an id with a path":    {ref: connectors.UserRef{ID: uuid + "/../" + uuid}, want: "userId must be"},
		"an id too long":       {ref: connectors.UserRef{ID: strings.Repeat("a", connectors.MaxIDLength+1)}, want: "userId must be"},
		"an id with a quote":   {ref: connectors.UserRef{ID: "x' OR 'a"}, want: "userId must be"},
		"digits of elsewhere":  {ref: connectors.UserRef{ID: strings.Repeat("٣", 24)}, want: "userId must be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.ref.Validate()
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "jane", "no error repeats a value")
		})
	}
}

func FuzzUserRef(f *testing.F) {
	for _, seed := range []string{"", jumpCloudID, uuid, nsUniqueID, "jane", "\xff", "a\x00", "K" + jumpCloudID[1:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if connectors.ValidateID(value) == nil {
			require.False(t, strings.ContainsAny(value, "@=,'\"\\/ \t\r\n"), "an id is stored in the clear")
			require.LessOrEqual(t, len(value), connectors.MaxIDLength)
			require.NoError(t, connectors.UserRef{ID: value}.Validate())
		}
		byName, byEmail := connectors.UserRef{Username: value}.Validate(), connectors.UserRef{Email: value}.Validate()
		require.Equal(t, byName == nil, byEmail == nil)
		if byName == nil {
			require.NotContains(t, value, "\n")
			require.NotEmpty(t, strings.TrimSpace(value))
		}
	})
}

func TestSameName(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{
		{"jane.doe", "Jane.DOE"}, {"\u00e9lodie", "\u00c9lodie"}, {"o'smith@example.com", "O'Smith@Example.COM"}, {"\u03c3\u03c0", "\u03a3\u03a0"}, {"", ""},
	} {
		require.True(t, connectors.SameName(same[0], same[1]), same)
		require.True(t, connectors.AlikeNames(same[0], same[1]), same)
	}
	for _, alike := range [][2]string{
		{"kate", "\u212aate"}, {"smith", "\u017fmith"}, {"\u00e5sa", "\u212bsa"}, {"fibre", "F\u0130BRE"}, {"FIBRE", "f\u0131bre"},
		{"jane", "jane "}, {"jos\u00e9", "jose\u0301"}, {"u0100", "\uff550100"},
	} {
		require.False(t, connectors.SameName(alike[0], alike[1]), alike)
		require.False(t, connectors.SameName(alike[1], alike[0]), alike)
		require.True(t, connectors.AlikeNames(alike[0], alike[1]), alike)
	}
	for _, other := range [][2]string{{"jane", "jan"}, {"jose", "jos\u00e9"}, {"a", ""}} {
		require.False(t, connectors.SameName(other[0], other[1]), other)
		require.False(t, connectors.AlikeNames(other[0], other[1]), other)
	}
}

func FuzzSameName(f *testing.F) {
	f.Add("kate", "\u212aate")
	f.Add("\xff", "\xfe")
	f.Fuzz(func(t *testing.T, a, b string) {
		require.True(t, connectors.SameName(a, a))
		require.Equal(t, connectors.SameName(a, b), connectors.SameName(b, a))
		require.Equal(t, connectors.AlikeNames(a, b), connectors.AlikeNames(b, a))
		if connectors.SameName(a, b) {
			require.True(t, connectors.AlikeNames(a, b))
		}
	})
}
