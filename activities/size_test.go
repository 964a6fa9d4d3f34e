package activities_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

// payload is what the server takes at most, in bytes.
const payload = 2 << 20

// readers are the steps that hand an account to their workflow.
func readers(b *bench) map[string]func() (*connectors.Account, error) {
	now := time.Now()
	return map[string]func() (*connectors.Account, error){
		"look up": func() (*connectors.Account, error) {
			result, err := run[activities.LookupResult](b, b.steps.Lookup, activities.LookupInput{Ref: connectors.UserRef{ID: latchkeytest.UserID}})
			return accountOf(result, func() *connectors.Account { return result.Account }), err
		},
		"unlock": func() (*connectors.Account, error) {
			result, err := run[activities.UnlockResult](b, b.steps.Unlock, unlockInput(b, time.Hour))
			return accountOf(result, func() *connectors.Account { return result.Account }), err
		},
		"verify": func() (*connectors.Account, error) {
			result, err := run[activities.VerifyResult](b, b.steps.Verify, activities.VerifyInput{AccountID: latchkeytest.UserID, Deadline: now})
			return accountOf(result, func() *connectors.Account { return result.Account }), err
		},
		"watch": func() (*connectors.Account, error) {
			result, err := run[activities.VerifyResult](b, b.steps.Watch, activities.WatchInput{AccountID: latchkeytest.UserID, Until: now})
			return accountOf(result, func() *connectors.Account { return result.Account }), err
		},
	}
}

func accountOf[R any](result *R, account func() *connectors.Account) *connectors.Account {
	if result == nil {
		return nil
	}
	return account()
}

// TestLongAccounts: what is too long to be stored is left out, and said to be; the state is
// not, and neither is what is short.
func TestLongAccounts(t *testing.T) {
	t.Parallel()
	escaped := strings.Repeat("&<>", 400_000/3) // The SDK would write six bytes each.
	for name, test := range map[string]struct {
		change func(*connectors.Account)
		check  func(t *testing.T, got *connectors.Account)
	}{
		"a user": {func(a *connectors.Account) { a.User = userOf(escaped) }, func(t *testing.T, got *connectors.Account) {
			require.Nil(t, got.User)
			require.Contains(t, got.UserOmitted, "at most 262144 are kept")
		}},
		"groups": {func(a *connectors.Account) { a.Groups = []string{escaped, "staff"} }, func(t *testing.T, got *connectors.Account) {
			require.Nil(t, got.Groups, "unknown, not none")
		}},
		"a display name": {func(a *connectors.Account) { a.DisplayName = escaped }, func(t *testing.T, got *connectors.Account) {
			require.True(t, strings.HasPrefix(escaped, got.DisplayName))
			require.NotEmpty(t, got.DisplayName)
		}},
		"nothing": {func(a *connectors.Account) { a.User, a.Groups = userOf(escaped[:30_000]), []string{"staff"} }, func(t *testing.T, got *connectors.Account) {
			require.JSONEq(t, string(userOf(escaped[:30_000])), string(got.User))
			require.Empty(t, got.UserOmitted)
			require.Equal(t, []string{"staff"}, got.Groups)
		}},
	} {
		b := newBench(locked())
		for step := range readers(b) {
			t.Run(name+" at "+step, func(t *testing.T) {
				t.Parallel()
				b := newBench(locked())
				b.Change(test.change)
				got, err := readers(b)[step]()
				require.NoError(t, err)
				require.Less(t, activities.StoredSize(got), payload/2)
				require.Equal(t, latchkeytest.Username, got.Username)
				require.True(t, got.State.Locked())
				test.check(t, got)
			})
		}
	}
}

// TestLongNames: an account cannot be judged by a part of its name.
func TestLongNames(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	b.Change(func(a *connectors.Account) { a.Username = strings.Repeat("&", 400_000) })
	_, err := readers(b)["look up"]()
	failure, _ := requireFailure(t, err, string(connectors.Unsupported))
	require.True(t, failure.NonRetryable())
	require.Less(t, len(failure.Error()), 1000)
}

func userOf(text string) json.RawMessage {
	encoded, _ := json.Marshal(map[string]string{"jobTitle": text})
	return encoded
}

// TestLongPages: however long the names are, each page can be stored, and each account comes
// once and is counted once.
func TestLongPages(t *testing.T) {
	t.Parallel()
	const many = 700
	b, town := townOf()
	for n := 1; n <= many; n++ {
		member := latchkeytest.Member(n, made(time.Minute, connectors.ReasonFailedSignIn))
		member.DisplayName = strings.Repeat("<", 300)
		town.Add(member)
	}
	var got []string
	counted, after := 0, ""
	for {
		page, err := run[activities.ListLockedResult](b, b.steps.ListLocked, activities.ListLockedInput{After: after})
		require.NoError(t, err)
		require.Less(t, activities.StoredSize(page), payload/2)
		for _, account := range page.Accounts {
			got = append(got, account.ID)
		}
		counted += page.Locked
		if after = page.Next; after == "" {
			break
		}
	}
	require.Len(t, got, many)
	require.Equal(t, many, counted)
	require.IsIncreasing(t, got)
}

// TestLongSurveys: so does each page of users who are judged.
func TestLongSurveys(t *testing.T) {
	t.Parallel()
	const many = 2900
	b, town := townOf()
	for n := 1; n <= many; n++ {
		town.Add(latchkeytest.Member(n, made(time.Minute, connectors.ReasonAdmin)))
	}
	demands := guard.Guard{OnlyReasons: append(make([]connectors.Reason, 0, 30), connectors.ReasonFailedSignIn)}
	for len(demands.OnlyReasons) < 30 { // The explanation of a refusal names them.
		demands.OnlyReasons = append(demands.OnlyReasons, connectors.ReasonUnknown)
	}
	var got []string
	counted, after := activities.Tally{}, ""
	for {
		page, err := run[activities.SurveyResult](b, b.steps.Survey, activities.SurveyInput{After: after, Guard: demands, Window: time.Hour})
		require.NoError(t, err)
		require.Less(t, activities.StoredSize(page), payload/2)
		got = append(got, idsOf(page.Listed)...)
		counted.Locked += page.Locked
		if after = page.Next; after == "" {
			break
		}
	}
	require.Len(t, got, many)
	require.Equal(t, many, counted.Locked)
	require.IsIncreasing(t, got)
}
