package jumpcloud

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/httpcall"
)

// TestFieldsAreThoseOfTheAction: the labels are those of the output table of JumpCloud's
// Unlock user action, in its order; its first row names the email in a sentence.
func TestFieldsAreThoseOfTheAction(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/output_labels.txt")
	require.NoError(t, err)
	labels := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(string(raw), " ", "_"), "\n", " "))
	require.Len(t, labels, 57)
	for i, label := range labels {
		require.Equal(t, strings.ReplaceAll(label, "_", " "), fields[i].Label)
	}
	requireDocumented(t, fields)
}

func requireDocumented(t *testing.T, fields []connectors.Field) {
	t.Helper()
	keys := map[string]bool{}
	for _, field := range fields {
		require.NotEmpty(t, field.Label)
		require.NotEmpty(t, field.Type, field.Key)
		require.True(t, strings.HasSuffix(field.Meaning, "."), field.Key)
		require.False(t, keys[field.Key], field.Key)
		keys[field.Key] = true
		requireDocumented(t, field.Fields)
	}
}

// readUser reads a user as a look-up does.
func readUser(raw []byte) (*user, error) {
	var read user
	return &read, httpcall.Decode(raw, &read)
}

func TestUserIsComplete(t *testing.T) {
	t.Parallel()
	raw := []byte(`{"_id":"` + testID + `","account_locked":false,"suspended":false,"extra":{"a":1.50}}`)
	read, err := readUser(raw)
	require.NoError(t, err)
	account, err := (&driver{}).whole(t.Context(), raw, read, time.Time{})
	require.NoError(t, err)
	var whole map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(account.User, &whole))
	for _, field := range fields {
		require.Contains(t, whole, field.Key)
	}
	require.JSONEq(t, `{"a":1.50}`, string(whole["extra"]))
	require.Equal(t, connectors.Unknown, account.State.Privileged)
	require.True(t, account.State.Clear())
}

func TestStates(t *testing.T) {
	t.Parallel()
	unlocked := connectors.State{Locks: []connectors.Lock{}, Privileged: connectors.No, CanSignIn: connectors.Yes}
	with := func(change func(*connectors.State)) connectors.State {
		state := unlocked
		change(&state)
		return state
	}
	cases := map[string]struct {
		changes map[string]any
		want    connectors.State
		fault   string
	}{
		"unlocked":           {want: unlocked},
		"suspended":          {changes: map[string]any{"suspended": true}, want: with(func(s *connectors.State) { s.Suspended, s.CanSignIn = true, connectors.No })},
		"suspended by state": {changes: map[string]any{"state": "SUSPENDED"}, want: with(func(s *connectors.State) { s.Suspended, s.CanSignIn = true, connectors.No })},
		"state alone":        {changes: map[string]any{"suspended": nil}, want: unlocked},
		"new state word":     {changes: map[string]any{"state": "NEW"}, want: unlocked},
		"staged":             {changes: map[string]any{"state": "STAGED"}, want: with(func(s *connectors.State) { s.CanSignIn = connectors.No })},
		"not activated":      {changes: map[string]any{"activated": false}, want: with(func(s *connectors.State) { s.CanSignIn = connectors.No })},
		"expired":            {changes: map[string]any{"password_expired": true}, want: with(func(s *connectors.State) { s.PasswordExpired, s.CanSignIn = true, connectors.No })},
		"sudo":               {changes: map[string]any{"sudo": true}, want: with(func(s *connectors.State) { s.Privileged = connectors.Yes })},
		"administrator":      {changes: map[string]any{"admin": map[string]any{"id": "x"}}, want: with(func(s *connectors.State) { s.Privileged = connectors.Yes })},

		"no lock told":       {changes: map[string]any{"account_locked": nil}, fault: "account_locked"},
		"lock as text":       {changes: map[string]any{"account_locked": "false"}, fault: "account_locked"},
		"lock as null":       {changes: map[string]any{"account_locked": json.RawMessage("null")}, fault: "account_locked"},
		"lock in other case": {changes: map[string]any{"account_locked": nil, "Account_Locked": false}, fault: "account_locked"},
		"no suspension told": {changes: map[string]any{"suspended": nil, "state": nil}, fault: "neither"},
		"only a new word":    {changes: map[string]any{"suspended": nil, "state": "NEW"}, fault: "neither"},
		"suspended as text":  {changes: map[string]any{"suspended": "no"}, fault: "suspended"},
		"bad id":             {changes: map[string]any{"_id": "../../x"}, fault: "_id"},
		"username as number": {changes: map[string]any{"username": 1}, fault: "username"},
		"sudo as text":       {changes: map[string]any{"sudo": "yes"}, fault: "sudo"},
		"expired as number":  {changes: map[string]any{"password_expired": 1}, fault: "password_expired"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := map[string]any{"account_locked": false}
			for key, value := range test.changes {
				changes[key] = value
			}
			read, err := readUser([]byte(fixture(t, changes)))
			if test.fault != "" {
				require.ErrorContains(t, err, test.fault)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, read.account(policy{}, time.Time{}).State)
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		organization, configured string
		bad                      any
		want                     connectors.Reason
		calls                    int
	}{
		"reached":         {organization: orgOf3, bad: 3, want: connectors.ReasonFailedSignIn, calls: 2},
		"not reached":     {organization: orgOf3, bad: 2, want: connectors.ReasonUnknown, calls: 2},
		"none":            {organization: orgOf3, bad: 0, want: connectors.ReasonUnknown, calls: 2},
		"not told":        {organization: orgOf3, want: connectors.ReasonUnknown, calls: 2},
		"as text":         {organization: orgOf3, bad: "3", want: connectors.ReasonUnknown, calls: 2},
		"no limit":        {organization: `{"settings":{"passwordPolicy":{"enableMaxLoginAttempts":false,"maxLoginAttempts":3}}}`, bad: 9, want: connectors.ReasonUnknown, calls: 2},
		"no settings":     {organization: `{}`, bad: 9, want: connectors.ReasonUnknown, calls: 2},
		"cannot be read":  {bad: 9, want: connectors.ReasonUnknown, calls: 2},
		"configured":      {configured: "5", bad: 5, want: connectors.ReasonFailedSignIn, calls: 2},
		"configured more": {configured: "6", bad: 5, want: connectors.ReasonUnknown, calls: 2},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, map[string]string{getUser: fixture(t, map[string]any{"badLoginAttempts": test.bad})})
			if test.organization != "" {
				fake.answers[getOrg] = test.organization
			}
			config := &Config{APIKey: testKey, Region: "us", BaseURL: fake.URL + "/api", MaxLoginAttempts: test.configured}
			connector, err := connectors.Open(Provider(), config, connectors.Options{})
			require.NoError(t, err)
			account, err := connector.Lookup(t.Context(), connectors.UserRef{ID: testID})
			require.NoError(t, err)
			require.Equal(t, test.want, account.State.Locks[0].Reason)
			require.Equal(t, test.want == connectors.ReasonFailedSignIn, account.State.Locks[0].ReasonInferred)
			require.Len(t, fake.log, test.calls)
		})
	}
}

func TestReadPolicy(t *testing.T) {
	t.Parallel()
	six := int64(6)
	for told, want := range map[string]policy{
		`{}`:                              {},
		`{"enableMaxLoginAttempts":true}`: {},
		`{"maxLoginAttempts":6}`:          {},
		`{"enableMaxLoginAttempts":"true","maxLoginAttempts":6}`:                    {},
		`{"enableMaxLoginAttempts":true,"maxLoginAttempts":0}`:                      {},
		`{"enableMaxLoginAttempts":true,"maxLoginAttempts":6}`:                      {attempts: &six},
		`{"enableMaxLoginAttempts":false,"maxLoginAttempts":6}`:                     {attempts: new(int64)},
		`{"enableLockoutTimeInSeconds":false,"lockoutTimeInSeconds":300}`:           {permanent: true},
		`{"enableLockoutTimeInSeconds":true,"lockoutTimeInSeconds":300}`:            {lockout: 5 * time.Minute},
		`{"enableLockoutTimeInSeconds":true}`:                                       {},
		`{"enableLockoutTimeInSeconds":true,"lockoutTimeInSeconds":0}`:              {},
		`{"enableLockoutTimeInSeconds":true,"lockoutTimeInSeconds":-1}`:             {},
		`{"enableLockoutTimeInSeconds":true,"lockoutTimeInSeconds":"300"}`:          {},
		`{"enableLockoutTimeInSeconds":true,"lockoutTimeInSeconds":99999999999999}`: {},
		`{"lockoutTimeInSeconds":300}`:                                              {},
	} {
		var read organization
		require.NoError(t, httpcall.Decode([]byte(`{"settings":{"passwordPolicy":`+told+`}}`), &read))
		require.Equal(t, want, read.policy(), told)
	}
}

func TestOrganizationIsReadAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	fake := newFake(t, map[string]string{getUser: fixture(t, nil), getOrg: orgOf3})
	config := &Config{APIKey: testKey, Region: "us", BaseURL: fake.URL + "/api"}
	connector, err := connectors.Open(Provider(), config, connectors.Options{Now: func() time.Time { return now }})
	require.NoError(t, err)
	for _, wait := range []time.Duration{0, policyKept - time.Second, time.Second} {
		now = now.Add(wait)
		_, err := connector.Lookup(t.Context(), connectors.UserRef{ID: testID})
		require.NoError(t, err)
	}
	require.Equal(t, []string{getUser, getOrg, getUser, getUser, getOrg}, fake.log)
}

func FuzzReadUser(f *testing.F) {
	f.Add([]byte(fixture(f, nil)))
	f.Add([]byte(`{"_id":"` + testID + `","account_locked":true,"state":"STAGED","account_locked_date":"9999-12-31T23:59:59-23:00"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		read, err := readUser(raw)
		if err != nil {
			return
		}
		account := read.account(policy{}, time.Time{})
		if account.User, err = connectors.Complete(raw, fields); err != nil {
			return
		}
		require.NoError(t, connectors.ValidateID(account.ID))
		_, err = json.Marshal(account)
		require.NoError(t, err)
		var whole map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &whole))
		require.Equal(t, string(whole["account_locked"]) == "true", account.State.Locked())
	})
}
