package pingone

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// always answers every call but that for a token with the same JSON.
type always []byte

func (a always) RoundTrip(request *http.Request) (*http.Response, error) {
	body := []byte(a)
	if strings.HasSuffix(request.URL.Path, "/as/token") {
		body = []byte(`{"access_token":"T"}`)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/hal+json"}}, Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// FuzzConnector: whatever the provider answers, nobody is found but who was asked for,
// and a list comes to an end, is sorted, and holds locked accounts only.
func FuzzConnector(f *testing.F) {
	locked := object{"account": object{"status": "LOCKED"}}
	f.Add([]byte(fixture(f, nil)))
	f.Add([]byte(fixture(f, object{"status": "OK"})))
	f.Add([]byte(pageOf("", fixture(f, locked))))
	f.Add([]byte(pageOf("https://api.pingone.eu/v1/environments/"+testEnvironment+"/users?cursor=x", fixture(f, locked))))
	f.Add([]byte(`{"_embedded":null,"size":0}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		config := NewConfig()
		config.EnvironmentID, config.ClientID, config.ClientSecret, config.Region = testEnvironment, "client", testSecret, "eu"
		connector, err := connectors.Open(Provider(), config, connectors.Options{Transport: always(raw)})
		require.NoError(t, err)
		for _, ref := range []connectors.UserRef{{ID: testID}, {Username: "jane.doe"}, {Email: "jane.doe@example.com"}} {
			account, err := connector.Lookup(t.Context(), ref)
			if err != nil {
				require.Contains(t, connectors.Kinds(), connectors.KindOf(err))
				continue
			}
			require.True(t, ref.ID == "" || account.ID == ref.ID)
			require.True(t, ref.ID != "" || account.ID != "")
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
