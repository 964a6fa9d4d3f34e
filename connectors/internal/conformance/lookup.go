package conformance

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

func lookupByEachReference(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	for name, ref := range map[string]connectors.UserRef{
		"id":       user.Ref(),
		"username": {Username: user.Username},
		"email":    {Email: user.Email},
	} {
		account, err := h.Connector().Lookup(t.Context(), ref)
		require.NoError(t, err, name)
		require.Equal(t, user.ID, account.ID, name)
		require.Equal(t, user.Username, account.Username, name)
		require.Equal(t, user.Email, account.Email, name)
		require.NoError(t, connectors.ValidateID(account.ID))
		require.True(t, account.State.Clear(), name)
		require.Equal(t, connectors.Yes, account.State.CanSignIn, name)
		_, several := optional[Several](h)
		_, clockless := optional[Clockless](h)
		require.Equal(t, several || clockless, account.AsOf.IsZero(), "one server reports its time, several have none in common")
	}
}

// idsInAnotherCase: where upper and lower case mean the same, an ID is found in either, under
// its one spelling; elsewhere another spelling is another ID.
func idsInAnotherCase(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	for _, other := range []string{strings.ToUpper(user.ID), strings.ToLower(user.ID)} {
		account, err := h.Connector().Lookup(t.Context(), connectors.UserRef{ID: other})
		if other == user.ID || h.Provider().ID.FoldCase {
			require.NoError(t, err)
			require.Equal(t, user.ID, account.ID)
			continue
		}
		require.Contains(t, []connectors.Kind{connectors.NotFound, connectors.RejectedByProvider}, connectors.KindOf(err))
	}
}

// lookupFindsOneOfMany: a name that is part of others, or holds what a filter language
// gives a meaning to, finds its own user and no other.
func lookupFindsOneOfMany(t *testing.T, h Harness) {
	var users []User
	for _, name := range []string{"smith", "smith2", "asmith", "o'smith", "smith.j", "smithxj", "smith+j"} {
		users = append(users, h.MakeUser(t, name, name+"@example.com"))
	}
	for _, user := range users {
		for _, ref := range []connectors.UserRef{{Username: user.Username}, {Email: user.Email}} {
			account, err := h.Connector().Lookup(t.Context(), ref)
			require.NoError(t, err, ref)
			require.Equal(t, user.ID, account.ID, ref)
		}
	}
}

func notFound(t *testing.T, h Harness) {
	h.MakeUser(t, "", "")
	for _, ref := range []connectors.UserRef{
		{ID: h.UnknownID()}, {Username: "nobody"}, {Email: "nobody@example.com"},
		{Username: `x" or username sw "`}, {Username: `*`}, {Email: `a)(mail=*`}, {Username: `\`}, {Username: `nobody:$ne:x`},
	} {
		_, err := h.Connector().Lookup(t.Context(), ref)
		requireKind(t, err, connectors.NotFound)
	}
}

func ambiguous(t *testing.T, h Harness) {
	h.MakeUser(t, "first.twin", "twins@example.com")
	h.MakeUser(t, "second.twin", "twins@example.com")
	_, err := h.Connector().Lookup(t.Context(), connectors.UserRef{Email: "twins@example.com"})
	requireKind(t, err, connectors.Ambiguous)
}

// userIsComplete: every documented key is there, at every level of what was sent.
func userIsComplete(t *testing.T, h Harness) {
	account := lookup(t, h, h.MakeUser(t, "", ""))
	var user map[string]any
	require.NoError(t, json.Unmarshal(account.User, &user))
	require.NotEmpty(t, h.Provider().Fields)
	requireFields(t, h.Provider().Fields, user)
	require.NotContains(t, user, "password")
}

func requireFields(t *testing.T, fields []connectors.Field, object map[string]any) {
	t.Helper()
	for _, field := range fields {
		require.Contains(t, object, field.Key)
		switch value := object[field.Key].(type) {
		case map[string]any:
			requireFields(t, field.Fields, value)
		case []any:
			for _, element := range value {
				if inner, ok := element.(map[string]any); ok {
					requireFields(t, field.Fields, inner)
				}
			}
		}
	}
}

// groupsByIDAndName: a rule may name a group by either, so that an account's groups are reported
// with both, or not at all.
func groupsByIDAndName(t *testing.T, h Harness) {
	user := h.MakeUser(t, "", "")
	grouper, tells := optional[Grouper](h)
	require.Equal(t, h.Capabilities().ReadsGroups, tells)
	if !tells {
		require.Nil(t, lookup(t, h, user).Groups)
		return
	}
	var want []string
	for _, known := range [][2]string{{"7c1f5b7e-0000-4000-8000-00000000000a", "Executives"}, {"7c1f5b7e-0000-4000-8000-00000000000b", "Staff"}} {
		grouper.JoinGroup(t, user, known[0], known[1])
		want = append(want, known[0], known[1])
	}
	if id, name := grouper.Population(); id != "" {
		want = append(want, id, name)
	}
	for _, ref := range []connectors.UserRef{user.Ref(), {Username: user.Username}, {Email: user.Email}} {
		account, err := h.Connector().Lookup(t.Context(), ref)
		require.NoError(t, err)
		require.ElementsMatch(t, want, account.Groups, ref)
	}
}
