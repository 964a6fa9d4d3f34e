package userlist

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLists reads the lists that tools and people write. What is read of each stands beside it.
func TestLists(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/lists/*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			file, err := os.Open(name)
			require.NoError(t, err)
			defer func() { _ = file.Close() }()
			want, err := os.ReadFile(filepath.Join("testdata", "read", filepath.Base(name)+".txt"))
			require.NoError(t, err)
			list, err := Read(file, Options{As: Auto, Most: most})
			require.Equal(t, string(want), told(list, err))
		})
	}
}

// TestColumn reads the column that the caller names.
func TestColumn(t *testing.T) {
	t.Parallel()
	const kennung = "Kennung;Kontakt;Kontakt;Mail 2\nada;ada@example.com;;A@x\ngrace;x;;\n"
	tests := []struct{ name, text, column, want string }{
		{"an unknown name", kennung, "username=Kennung", "read 2 users from CSV divided by semicolons, UTF-8, by username (column \"Kennung\", 2 rows), of 4 columns\nusername ada\nusername grace\n"},
		{"as people write it", "user id,x\n4711,y\n", "user-id=USER_ID", "read 1 user from CSV divided by commas, UTF-8, by user-id (column \"user id\", 1 row), of 2 columns\nuser-id 4711\n"},
		{"a key of JSON", `[{"who":{"login":"ada"}}]`, "username=who.login", "read 1 user from JSON, UTF-8, by username (column \"who.login\", 1 row), of 1 column\nusername ada\n"},
		{"an attribute", "dn: cn=ada\ncn: ada\n", "username=CN", "read 1 user from LDIF, UTF-8, by username (column \"cn\", 1 row), of 1 column\nusername ada\n"},
		{"one of one", "Kennung\nada\n", "username=kennung", "read 1 user from CSV divided by commas, UTF-8, by username (column \"Kennung\", 1 row), of 1 column\nusername ada\n"},
		{"which is empty", kennung, "email=Mail 2", "refused: line 3: names nobody: fill the user ID, the username or the email\n"},
		{"which is not there", kennung, "email=E-Mail", "refused: the list has no column \"E-Mail\". Its columns are \"Kennung\", \"Kontakt\", \"Kontakt\", \"Mail 2\": say which to read, such as --column email=NAME\n"},
		{"two of a name", kennung, "email=Kontakt", "refused: the columns \"Kontakt\", \"Kontakt\" have the same name: rename one\n"},
		{"in lines", "ada\ngrace\n", "username=Kennung", "refused: the list has no column \"Kennung\". Its columns are \"ada\": say which to read, such as --column email=NAME\n"},
		{"of no kind", kennung, "name=Kennung", "refused: --column must be user-id=NAME, username=NAME or email=NAME, with the name of the column\n"},
		{"without a name", kennung, "email", "refused: --column must be user-id=NAME, username=NAME or email=NAME, with the name of the column\n"},
		{"left to what it looks like", kennung, "auto=Kennung", "refused: --column must be user-id=NAME, username=NAME or email=NAME, with the name of the column\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			list, err := Read(strings.NewReader(test.text), Options{As: Auto, Column: test.column, Most: most})
			require.Equal(t, test.want, told(list, err))
		})
	}
}

// TestLDIFReadsNoFile: LDIF may name files, and a list is no reason to read any.
func TestLDIFReadsNoFile(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("stolen"), 0o600))
	for _, value := range []string{":< file://", ":<file://", ":\n < file://", ": < file://", ":<\n  file://", "::< file://"} {
		for _, begin := range []string{"dn: uid=ada\nuid", "dn: uid=ada\n u\n id", " dn: uid=ada\nuid", "dn: uid=ada\n# x\nuid", "dn: uid=ada\n\n uid"} {
			list, err := Read(strings.NewReader(begin+value+secret+"\nmail: a@x\n"), Options{As: Auto, Most: most})
			require.NotContains(t, told(list, err), "stolen", begin+value)
		}
	}
}

// FuzzHeader: whatever the names of the columns are, no user is asked for by one.
func FuzzHeader(f *testing.F) {
	for _, header := range []string{"username,email", "Kennung,Kontakt", "id,login", "User name [userPrincipalName] Required,x", "a@x,b@x", "\uFEFFsep=;,x",
		"caller_id.email,user.email", "#TYPE x,id", "dn: uid=ada,x", "{\"email\",1}", "ada\nbob,x", "\"x,y", "---,---", "Example: ada,user id", someID + ",x", "mail,", "version:v1,x"} {
		first, second, _ := strings.Cut(header, ",")
		f.Add(first, second, "ada", "a@x", uint8(0))
		f.Add(first, second, someID, "", uint8(1))
	}
	f.Fuzz(func(t *testing.T, first, second, one, other string, divider uint8) {
		var text strings.Builder
		writer := csv.NewWriter(&text)
		writer.Comma = []rune{',', ';', '\t'}[divider%3]
		if writer.Write([]string{first, second}) != nil || writer.Write([]string{one, other}) != nil {
			return
		}
		writer.Flush()
		list, err := Read(strings.NewReader(text.String()), Options{As: Auto, Most: most})
		if err != nil {
			return
		}
		for _, ref := range list.Users {
			value := ref.ID + ref.Username + ref.Email
			if value != trim(one) && value != trim(other) {
				require.NotContains(t, []string{trim(first), trim(second)}, value)
			}
		}
	})
}

// told is what somebody sees of a list.
func told(list *List, err error) string {
	if err != nil {
		return "refused: " + err.Error() + "\n"
	}
	var text strings.Builder
	fmt.Fprintln(&text, list.Summary())
	for _, ref := range list.Users {
		switch {
		case ref.ID != "":
			fmt.Fprintln(&text, "user-id", ref.ID)
		case ref.Email != "":
			fmt.Fprintln(&text, "email", ref.Email)
		default:
			fmt.Fprintln(&text, "username", ref.Username)
		}
	}
	return text.String()
}
