package conformance

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// hostileTexts mean something else to a path, a query, a header, a filter, a directory
// or a terminal.
func hostileTexts() []string {
	return []string{
		// paths
		"../x", "../../users", "..%2f..%2fusers", "%2e%2e", "%2e%2e%2f", "..", "./.", "/", "//", `..\x`, "a/b", "a%2fb", "%00", "%zz", ";x=1", "?x=1", "#x",
		"x?limit=200", "x&filter=", "x%26filter", "http://169.254.169.254/", "//example.com/x", "@example.com", "x/unlock", "x/password",
		// lines and control characters
		"x\n", "\nx", "x\ny", "x\r\nX-Injected: 1", "x\ty", "x\x00", "\x00", "x\x1b[2J", "x\u0085y", "x\u2028y", "x\x7f",
		// quotes and filters
		`"`, `'`, `""`, `x"`, `"x`, `x\`, `\"`, `x" or username sw "`, `" or "1" eq "1`, `x' or '1'='1`, "`x`", "$(x)", "${x}", "{{x}}", "%s%n", "$ne", `{"$ne":null}`, "[]",
		"username:$ne:x", ":$ne:", "x:$sw:", "$regex", ".*", ".+", "^", "(?i)", "(?s).*", `\Q`, `x\E.*\Q`, "a|b", "[a-z]*", "x{1,9999}",
		// LDAP
		"*", "x*", "*)(uid=*", "*)(|(uid=*", "x)(&", `\2a`, `\00`, "cn=admin,dc=example,dc=com", "uid=x+cn=y", "x,dc=example", "<GUID=x>",
		// numbers and words
		"null", "undefined", "true", "NaN", "-1", "1e400",
		// beyond ASCII
		"\u202egnp.exe", "\u200bx", "x\u200d", "\ufeffx", "ﬀ", "Å", "A\u030a", "\U0001f512", "ａｄｍｉｎ", "𝕒dmin", "\u0131", "\u017f", strings.Repeat("\u0301", 100),
		// not UTF-8
		"\xff", "x\xc0\xaf", "\xed\xa0\x80", "x\xe2\x82",
		// white space and length
		" ", " x", "x ", "\u00a0x", strings.Repeat("x", 513), strings.Repeat("x", 10<<10), strings.Repeat("../", 3000), strings.Repeat("é", 400),
	}
}

// hostileIDs nearly have the shape of an ID.
func hostileIDs(id string) []string {
	return []string{
		id + "/..", "../" + id, id + "\n", "\n" + id, id + "\x00", id + " ", " " + id, id + "/unlock", id + "?x=1", id + "?x", id + "#x", id + "&x", id + ";x", id + "%2e", id + "%23x", id + id, id[:len(id)-1], id + "0",
		"g" + id[1:], "\uff11" + id[1:], "٣" + id[1:], "{" + id + "}", `"` + id + `"`, "urn:uuid:" + id, id + "\u200b", strings.ReplaceAll(id, id[len(id)-1:], "\u0661"),
	}
}

// hostileReferences: whatever a reference holds, it finds nobody, and no call leads
// anywhere but to the search that was meant. Where nearly anything is an ID, it is called for
// as one, and nobody has it.
func hostileReferences(t *testing.T, fresh newFixture) {
	f := fresh(t)
	connector := f.open()
	var called []string
	for _, text := range hostileTexts() {
		for _, ref := range []connectors.UserRef{{Username: text}, {Email: text}} {
			requireNobody(t, connector, ref)
		}
	}
	for _, id := range append(hostileTexts(), hostileIDs(f.user.ID)...) {
		f.secrets.add(id) // no ID, so perhaps a name
		if _, err := f.Provider().ID.Canonical(id); err == nil {
			called = append(called, id)
			continue
		}
		requireNobody(t, connector, connectors.UserRef{ID: id})
		err := unlock(t, connector, &connectors.Account{ID: id})
		require.Equal(t, connectors.RejectedByProvider, connectors.KindOf(err), "%q", id)
		require.Equal(t, connectors.No, failureOf(t, err).Sent, "%q", id)
	}
	for _, ref := range []connectors.UserRef{{}, {ID: f.user.ID, Username: f.user.Username}, {Username: f.user.Username, Email: "x@example.com"}} {
		requireNobody(t, connector, ref)
	}
	for _, call := range f.Peer().Calls.All() {
		token := slices.ContainsFunc(f.Steps(), func(step Step) bool { return step.Token && step.Operation == call.Operation })
		require.True(t, token || call.Operation == f.first(LookupByName), call.Path)
		require.Less(t, call.Status, 300, "the provider found the search %s wrong", call.Path)
	}
	for _, id := range called {
		requireNobody(t, connector, connectors.UserRef{ID: id})
		err := unlock(t, connector, &connectors.Account{ID: id})
		require.Equal(t, connectors.NotFound, connectors.KindOf(err), "%q", id)
		require.Equal(t, connectors.No, failureOf(t, err).Sent, "%q", id)
	}
	require.Zero(t, f.Peer().Calls.Count("other"), "an ID leads to another call")
	require.Zero(t, f.unlocks())
}

func requireNobody(t *testing.T, connector Connector, ref connectors.UserRef) {
	t.Helper()
	account, err := connector.Lookup(t.Context(), ref)
	require.Nil(t, account, "%q", ref)
	require.Contains(t, []connectors.Kind{connectors.NotFound, connectors.RejectedByProvider}, connectors.KindOf(err), "%q: %v", ref, err)
}

func namesOfUsers(t *testing.T, fresh newFixture) {
	hostileNamesOfUsers(t, fresh)
	lookAlikes(t, fresh)
}

// hostileNamesOfUsers: users may be called so all the same. Each is found by its own
// name and address, and by no other.
func hostileNamesOfUsers(t *testing.T, fresh newFixture) {
	f := fresh(t)
	connector := f.open()
	users := map[string]User{}
	for _, text := range hostileTexts() {
		if len(text) > 200 || (connectors.UserRef{Username: text}).Validate() != nil {
			continue // no reference can name such a user
		}
		users[text] = f.makeUser("n" + text)
	}
	require.Greater(t, len(users), 60)
	for text, user := range users {
		for _, ref := range []connectors.UserRef{{Username: user.Username}, {Email: user.Email}} {
			if ref.Validate() != nil {
				continue
			}
			account, err := connector.Lookup(t.Context(), ref)
			require.NoError(t, err, "%q", text)
			require.Equal(t, user.ID, account.ID, "%q", text)
		}
	}
}

// lookAlikes: a name that only looks like another's, or that some foldings of case and
// some normal forms take for it, is not that name.
func lookAlikes(t *testing.T, fresh newFixture) {
	f := fresh(t)
	connector := f.open()
	for name, alikes := range map[string][]string{
		"kate.smith": {"\u212aate.smith", "kate.\u017fmith", "ka\u0442e.smith", "kate\uff0esmith", "kate.smith\u200b", "ｋate.smith", "kate.smith."},
		"jos\u00e9":  {"jose\u0301", "jose", "jos\u0435"},
		"strasse":    {"stra\u00dfe", "STRA\u1e9eE"},
		"fibre":      {"\ufb01bre", "f\u0131bre", "F\u0130BRE"},
		"\u00c5sa":   {"\u212bsa", "A\u030asa"},
	} {
		user := f.makeUser(name)
		account, err := connector.Lookup(t.Context(), connectors.UserRef{Username: name})
		require.NoError(t, err)
		require.Equal(t, user.ID, account.ID)
		for _, alike := range alikes {
			requireNobody(t, connector, connectors.UserRef{Username: alike})
		}
		twin := f.makeUser(alikes[0])
		for _, each := range []User{user, twin} {
			account, err := connector.Lookup(t.Context(), connectors.UserRef{Username: each.Username})
			if err != nil {
				// A provider that takes the two for one has made it so.
				require.Equal(t, connectors.Ambiguous, connectors.KindOf(err), "%q: %v", each.Username, err)
				continue
			}
			require.Equal(t, each.ID, account.ID, "%q", each.Username)
		}
	}
}
