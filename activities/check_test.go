package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/jumpcloud"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/pingone"
	pingonesimulator "github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

// check runs a check of the bench's connection.
func check(b *bench) (*activities.CheckResult, error) {
	b.environment.RegisterActivity(b.steps.Check)
	value, err := b.environment.ExecuteActivity(b.steps.Check)
	if err != nil {
		return nil, err
	}
	var result activities.CheckResult
	return &result, value.Get(&result)
}

// granted says what each kind of failure to do something to nobody proves.
func granted() map[connectors.Kind]connectors.Answer {
	return map[connectors.Kind]connectors.Answer{
		connectors.NotFound:         connectors.Yes,
		connectors.Unauthenticated:  connectors.No,
		connectors.PermissionDenied: connectors.No,
		connectors.Ambiguous:        connectors.Unknown, connectors.RejectedByProvider: connectors.Unknown,
		connectors.Conflict: connectors.Unknown, connectors.RateLimited: connectors.Unknown, connectors.Unavailable: connectors.Unknown,
		connectors.Untrusted: connectors.Unknown, connectors.MalformedResponse: connectors.Unknown, connectors.Unsupported: connectors.Unknown,
	}
}

// reached are the kinds of a failed search that show that the provider's API was asked:
// without one, what is not there proves nothing.
var reached = []connectors.Kind{connectors.NotFound, connectors.Ambiguous, connectors.PermissionDenied, connectors.Unsupported}

// TestCheckEveryKind fails each of the three questions in each way; the answer to one
// right says nothing of the others, but that a search must show that the API is there.
func TestCheckEveryKind(t *testing.T) {
	t.Parallel()
	require.Len(t, granted(), len(connectors.Kinds()))
	for kind, want := range granted() {
		for asked, name := range []string{activities.RightRead, activities.RightFind, activities.RightUnlock} {
			t.Run(fmt.Sprint(kind, " ", name), func(t *testing.T) {
				t.Parallel()
				b := newBench(locked())
				failure := latchkeytest.Fail(kind)
				b.OnLookup = func(_ context.Context, n int) (*connectors.Account, error) {
					if n == asked+1 {
						return nil, failure
					}
					return nil, nil
				}
				b.OnUnlock = func(context.Context, int) error {
					if name == activities.RightUnlock {
						return failure
					}
					return nil
				}
				result, err := check(b)
				require.NoError(t, err)
				require.Equal(t, []string{connection, latchkeytest.Provider}, []string{result.Connection, result.Provider})
				require.Len(t, result.Rights, 3)
				for i, right := range result.Rights {
					expected := activities.Right{Right: []string{"read", "find", "unlock"}[i], Granted: connectors.Yes}
					switch {
					case i == asked && want != connectors.Yes:
						expected.Granted, expected.Kind, expected.Advice = want, kind, failure.Error()
					case i != asked && name == activities.RightFind && !slices.Contains(reached, kind):
						require.Contains(t, right.Advice, "the address may be wrong")
						expected.Granted, expected.Kind, expected.Advice = connectors.Unknown, connectors.NotFound, right.Advice
					}
					require.Equal(t, expected, right)
				}
				require.True(t, b.Account().State.Locked(), "a check changes nothing")
			})
		}
	}
}

// TestCheckIsNotFooled: what answers everything, and what has nothing at the address, shows
// no right, at whatever provider: an open portal, one that redirects, an address whose path
// is wrong, and another organization or environment.
func TestCheckIsNotFooled(t *testing.T) {
	t.Parallel()
	portal := func(answer http.HandlerFunc) string {
		server := httptest.NewServer(answer)
		t.Cleanup(server.Close)
		return server.URL
	}
	page := portal(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Sign in to the network</html>"))
	})
	text := portal(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) })
	redirect := portal(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) })
	jumpcloudTenant, pingoneTenant := jumpcloudsimulator.New(jumpcloudsimulator.Options{}), pingonesimulator.New(pingonesimulator.Options{})
	jumpcloudURL, stopJumpCloud, err := jumpcloudTenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stopJumpCloud)
	pingoneURL, stopPingOne, err := pingoneTenant.Start("")
	require.NoError(t, err)
	t.Cleanup(stopPingOne)
	jumpCloud := func(base string) *jumpcloud.Config {
		config := jumpcloud.NewConfig()
		config.BaseURL, config.APIKey = base, jumpcloudsimulator.DefaultAPIKey
		return config
	}
	pingOne := func(api string) *pingone.Config {
		config := pingone.NewConfig()
		config.ApiURL, config.AuthURL, config.EnvironmentID = api, pingoneURL, pingonesimulator.DefaultEnvironmentID
		config.ClientID, config.ClientSecret = pingonesimulator.DefaultClientID, pingonesimulator.DefaultClientSecret
		return config
	}
	otherOrganization := jumpCloud(jumpcloudsimulator.APIURL(jumpcloudURL))
	otherOrganization.OrgID = strings.Repeat("0", 24)
	for name, test := range map[string]struct {
		provider connectors.Provider
		config   connectors.Config
		granted  bool
	}{
		"JumpCloud":                       {jumpcloud.Provider(), jumpCloud(jumpcloudsimulator.APIURL(jumpcloudURL)), true},
		"JumpCloud, a portal":             {jumpcloud.Provider(), jumpCloud(page), false},
		"JumpCloud, a portal of text":     {jumpcloud.Provider(), jumpCloud(text), false},
		"JumpCloud, a redirect":           {jumpcloud.Provider(), jumpCloud(redirect), false},
		"JumpCloud, a wrong path":         {jumpcloud.Provider(), jumpCloud(jumpcloudsimulator.APIURL(jumpcloudURL) + "/v9"), false},
		"JumpCloud, another organization": {jumpcloud.Provider(), otherOrganization, false},
		"PingOne":                         {pingone.Provider(), pingOne(pingoneURL + "/v1"), true},
		"PingOne, a portal":               {pingone.Provider(), pingOne(page), false},
		"PingOne, a portal of text":       {pingone.Provider(), pingOne(text), false},
		"PingOne, a redirect":             {pingone.Provider(), pingOne(redirect), false},
		"PingOne, a wrong path":           {pingone.Provider(), pingOne(pingoneURL + "/v9"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			connector, err := connectors.Open(test.provider, test.config, connectors.Options{})
			require.NoError(t, err)
			b.steps.Connector = connector
			b.steps.AbsentID = test.provider.ID.Absent
			result, err := check(b)
			require.NoError(t, err)
			require.Len(t, result.Rights, 3)
			for _, right := range result.Rights {
				require.Equal(t, test.granted, right.Granted == connectors.Yes, "%+v", right)
				require.Equal(t, test.granted, right.Advice == "", "%+v", right)
			}
		})
	}
}

// TestCheckAsksForNobody: what a check asks for exists nowhere.
func TestCheckAsksForNobody(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	witness := &witness{Connector: b.Connector}
	b.steps.Connector = witness
	result, err := check(b)
	require.NoError(t, err)
	require.Equal(t, []connectors.UserRef{{ID: latchkeytest.AbsentID}, {Username: "latchkey-connection-check-nobody"}}, witness.asked)
	require.Equal(t, []string{latchkeytest.AbsentID}, witness.unlocked)
	require.False(t, result.Lists)
	b.steps.Connector = lister{witness}
	result, err = check(b)
	require.NoError(t, err)
	require.True(t, result.Lists)
}

// witness notes what a connector is asked for.
type witness struct {
	*latchkeytest.Connector
	asked    []connectors.UserRef
	unlocked []string
}

func (w *witness) Lookup(ctx context.Context, ref connectors.UserRef) (*connectors.Account, error) {
	w.asked = append(w.asked, ref)
	return w.Connector.Lookup(ctx, ref)
}

func (w *witness) Unlock(ctx context.Context, account *connectors.Account) (connectors.Unlocked, error) {
	w.unlocked = append(w.unlocked, account.ID)
	return w.Connector.Unlock(ctx, account)
}

// lister can list who is locked.
type lister struct{ activities.Connector }

func (lister) Lists() bool { return true }

// TestCheckUnclassified: what a broken connector says is not repeated.
func TestCheckUnclassified(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	broken := errors.New("secret token of " + latchkeytest.Email)
	b.OnLookup = func(context.Context, int) (*connectors.Account, error) { return nil, broken }
	b.OnUnlock = func(context.Context, int) error { return broken }
	result, err := check(b)
	require.NoError(t, err)
	for _, right := range result.Rights {
		require.Equal(t, connectors.Unknown, right.Granted)
		require.Empty(t, right.Kind)
		require.Contains(t, right.Advice, "fault in Latchkey")
	}
	stored, err := json.Marshal(result)
	require.NoError(t, err)
	for _, private := range append(latchkeytest.Personal(), "secret") {
		require.NotContains(t, string(stored), private)
	}
}

func TestCheckPanics(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	b.OnUnlock = func(context.Context, int) error { panic("secret token of " + latchkeytest.Email) }
	_, err := check(b)
	failure, _ := requireFailure(t, err, activities.TypeInternal)
	require.True(t, failure.NonRetryable())
	require.NotContains(t, failure.Error(), "secret")
	for _, entry := range b.logs.All() {
		require.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), "secret")
	}
}
