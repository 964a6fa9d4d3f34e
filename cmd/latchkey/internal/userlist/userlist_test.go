package userlist

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// most is how many users a list may name here.
const most = 5000

// someID is an ID as JumpCloud makes them.
const someID = "5f3c0e8b9a7d6c5e4f3a2b1c"

// someUUID is one as PingOne makes them.
const someUUID = "8376E0bc-4ef2-4e3a-9d6f-0c2f6f0f2b11"

func byID(id string) connectors.UserRef       { return connectors.UserRef{ID: id} }
func byName(name string) connectors.UserRef   { return connectors.UserRef{Username: name} }
func byEmail(email string) connectors.UserRef { return connectors.UserRef{Email: email} }

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		as         Kind
		want       []connectors.UserRef
		duplicates int
	}{
		{"lines", "ada\n\n# who left\n ada@example.com \n5F3C0E8B9A7D6C5E4F3A2B1C", Auto,
			[]connectors.UserRef{byName("ada"), byEmail("ada@example.com"), byID(strings.ToUpper(someID))}, 0},
		{"IDs of any provider, and what is none", someID + "\n" + someUUID + "\nauth0|5F7c8E\n" + someID[1:] + "\n4711", Auto,
			[]connectors.UserRef{byID(someID), byID(someUUID), byName("auth0|5F7c8E"), byName(someID[1:]), byName("4711")}, 0},
		{"IDs that somebody says are some", "auth0|5F7c8E\nauth0|5f7C8e\nauth0|5F7c8E\n4711\nada", UserID,
			[]connectors.UserRef{byID("auth0|5F7c8E"), byID("auth0|5f7C8e"), byID("4711"), byID("ada")}, 1},
		{"lines of Windows with a mark", "\uFEFFada\r\ngrace\r\n", Auto, []connectors.UserRef{byName("ada"), byName("grace")}, 0},
		{"names that are addresses", "ada@example.com\n" + someID, Username, []connectors.UserRef{byName("ada@example.com"), byName(someID)}, 0},
		{"addresses", "ada@example.com", Email, []connectors.UserRef{byEmail("ada@example.com")}, 0},
		{"IDs", someID, UserID, []connectors.UserRef{byID(someID)}, 0},
		{"duplicates", "ada\nADA\nada@x.org\nAda@X.org\n" + someID + "\n" + someID, Auto,
			[]connectors.UserRef{byName("ada"), byEmail("ada@x.org"), byID(someID)}, 3},
		{"two spellings of an ID", someID + "\n" + strings.ToUpper(someID), Auto, []connectors.UserRef{byID(someID), byID(strings.ToUpper(someID))}, 0},
		{"names that only look alike", "kim\n\u212Aim", Auto, []connectors.UserRef{byName("kim"), byName("\u212Aim")}, 0},
		{"CSV", "\uFEFFName,UserId,E-Mail,MAIL\r\n\"Ada, L.\"," + someID + ",x,ada@example.com\r\nGrace,,x,grace@example.com\r\n", Auto,
			[]connectors.UserRef{byID(someID), byEmail("grace@example.com")}, 0},
		{"CSV prefers the ID, then the name", "email,login,id\na@x,ada," + someID + "\nb@x,bob,\n", Auto, []connectors.UserRef{byID(someID), byName("bob")}, 0},
		{"CSV of a spreadsheet", "user_name;note\nada;=1\n# no\n\n;\ngrace;\n", Auto, []connectors.UserRef{byName("ada"), byName("grace")}, 0},
		{"CSV with tabs", "mail\tx\na@x\t1\n", Auto, []connectors.UserRef{byEmail("a@x")}, 0},
		{"CSV of one column", "# export\nusername\nada\n", Auto, []connectors.UserRef{byName("ada")}, 0},
		{"JSON lines", "{\"userId\":\"" + someID + "\"}\n\n# x\n{\"username\":\"ada\"}\r\n{\"email\":\"a@x\"}", Auto,
			[]connectors.UserRef{byID(someID), byName("ada"), byEmail("a@x")}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			list, err := Read(iotest.OneByteReader(strings.NewReader(test.text)), Options{As: test.as, Most: most})
			require.NoError(t, err)
			require.Equal(t, test.want, list.Users)
			require.Equal(t, test.duplicates, list.Duplicates)
		})
	}
}

// distinct is a list of n names.
func distinct(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "secret%d\n", i)
	}
	return text.String()
}

func TestReadFaults(t *testing.T) {
	t.Parallel()
	noID := connectors.ValidateID("a secret").Error()
	tests := []struct {
		name, text string
		as         Kind
		want       string
	}{
		{"nothing", "\n# nobody\n", Auto, "the list names nobody"},
		{"a header and nothing", "id,mail\n", Auto, "the list names nobody"},
		{"an array of nobody", "[{},\n{}]", Auto, "line 1: names nobody: fill the user ID, the username or the email\nline 2: names nobody: fill the user ID, the username or the email"},
		{"no ID", "ada@secret\nsecret one\n" + someID, UserID, "line 1: " + noID + "\nline 2: " + noID},
		{"a control character", "ada\n\nsec\x00ret", Auto, "line 3: username holds an invisible character (U+0000) as character 4: take it out"},
		{"a long name", strings.Repeat("x", 600), Auto, "line 1: username is 600 bytes long; at most 512 are allowed"},
		{"no text", "secret\xff", Auto, "the list is not UTF-8: convert it, for example with: iconv -f WINDOWS-1252 -t UTF-8"},
		{"JSON", "{\"email\":\"a@x\"}\n{\"emial\":\"secret\"}\n{\"email\":\"secret\",\"username\":\"secret\"}\n{\"email\":7}\n{\"email\":\"secret\"\nsecret\n{\"email\":\"a\",\"email\":\"secret\"}", Auto,
			"line 2: names nobody: fill the user ID, the username or the email\n" +
				"line 4: \"email\" has not the form of an email address\n" +
				"line 5: is not one JSON object, such as {\"email\":\"ada@example.com\"}\n" +
				"line 6: is not one JSON object, such as {\"email\":\"ada@example.com\"}\n" +
				"line 7: is not one JSON object, such as {\"email\":\"ada@example.com\"}"},
		{"CSV", "id,login,x\n,,secret\nsecret one,,\n,secret\n,a\"b,\n,ada,\n" + someID + ",,\nsecret1,,\n", Auto,
			"line 2: names nobody: fill the user ID, the username or the email\n" +
				"line 3: " + noID + "\n" +
				"line 4: has not as many cells as the header, which has 3\n" +
				"line 5: is no CSV: a quote stands where none may, or is not closed; write one within a cell as \"\"\n" +
				"line 8: \"id\" has not the form of a provider's user ID"},
		{"CSV as names", "id\nsecret", Username, "what references are is said only of lists of one reference a line: CSV, JSON and LDIF say themselves what a reference is"},
		{"many faults", "{}\n" + distinct(30), Auto, "and 11 more"},
		{"too many", distinct(most + 1), Auto,
			"the list names 5001 users; at most 5000 go in one start: split it"},
		{"too large", strings.Repeat("x", maxListBytes+1), Auto, "the list is larger than 16 MiB: split it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(strings.NewReader(test.text), Options{As: test.as, Most: most})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "secret")
			if test.name == "many faults" {
				require.Len(t, strings.Split(err.Error(), "\n"), maxFaults+1)
				require.Contains(t, err.Error(), test.want)
				return
			}
			require.EqualError(t, err, test.want)
		})
	}
	list, err := Read(strings.NewReader(distinct(most)+distinct(9)), Options{As: Auto, Most: most})
	require.NoError(t, err)
	require.Len(t, list.Users, most)
	require.Equal(t, 9, list.Duplicates)
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"ada\nada@example.com\n" + someID, "\uFEFFid;mail\r\n;a@x\r\n", "{\"email\":\"a@x\"}\n{}", "id,\"log\"\"in\"\n\"a\nb\",c", "[]", "#\n\n\"", "id\n\x00"} {
		for _, as := range Kinds() {
			f.Add(seed, as)
		}
	}
	f.Fuzz(func(t *testing.T, text, as string) {
		if !slices.Contains(Kinds(), as) {
			return
		}
		list, err := Read(strings.NewReader(text), Options{As: Kind(as), Most: most})
		if err != nil {
			require.LessOrEqual(t, len(strings.Split(err.Error(), "\n")), maxFaults+1)
			return
		}
		require.NotEmpty(t, list.Users)
		require.Equal(t, list.Rows, len(list.Users)+list.Duplicates+len(list.Skipped))
		require.NotEmpty(t, list.Summary())
		seen := map[connectors.UserRef]bool{}
		for _, ref := range list.Users {
			require.NoError(t, ref.Validate())
			require.False(t, seen[ref])
			seen[ref] = true
		}
	})
}
