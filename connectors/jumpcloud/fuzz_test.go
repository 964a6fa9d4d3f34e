package jumpcloud

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// always answers every call with the same JSON.
type always []byte

func (a always) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(a)),
	}, nil
}

// FuzzConnector: whatever the provider answers, nobody is found but who was asked for,
// and a list comes to an end, is sorted, and holds locked accounts only.
func FuzzConnector(f *testing.F) {
	f.Add([]byte(fixture(f, nil)))
	f.Add([]byte(listOf(fixture(f, nil))))
	f.Add([]byte(listOf(fixture(f, nil), fixture(f, map[string]any{"_id": "5f1b1bb2c2d3e4f5a6b7c8da", "account_locked": true}))))
	f.Add([]byte(`{"results":[]}`))
	f.Add([]byte(`{"settings":{"passwordPolicy":{"enableMaxLoginAttempts":true,"maxLoginAttempts":-1}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		config := NewConfig()
		config.APIKey = testKey
		connector, err := connectors.Open(Provider(), config, connectors.Options{Transport: always(raw)})
		require.NoError(t, err)
		for _, ref := range []connectors.UserRef{{ID: testID}, {Username: "jane.doe"}, {Email: "jane.doe@example.com"}} {
			account, err := connector.Lookup(t.Context(), ref)
			if err != nil {
				require.Contains(t, connectors.Kinds(), connectors.KindOf(err))
				continue
			}
			require.True(t, ref.ID == "" || account.ID == ref.ID)
			require.True(t, ref.Username == "" || connectors.SameName(account.Username, ref.Username))
			require.True(t, ref.Email == "" || connectors.SameName(account.Email, ref.Email))
		}
		page, err := connector.ListLocked(t.Context(), "", 10)
		if err != nil {
			require.Contains(t, connectors.Kinds(), connectors.KindOf(err))
			return
		}
		last := ""
		for _, account := range page.Accounts {
			require.True(t, account.State.Locked())
			require.Greater(t, account.ID, last)
			last = account.ID
		}
	})
}
