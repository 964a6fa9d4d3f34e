package worker

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/internal/temporalclient"
)

// temporal is a client whose server answers health checks or does not.
type temporalHealth struct {
	client.Client
	err error
}

func (t temporalHealth) CheckHealth(ctx context.Context, _ *client.CheckHealthRequest) (*client.CheckHealthResponse, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return nil, errors.New("a probe must not wait for ever")
	}
	return &client.CheckHealthResponse{}, t.err
}

// probe asks a worker how it is.
func probe(t *testing.T, address, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(read)
}

// freeAddress returns an address where nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestHealth(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ready    bool
		temporal error
		status   int
		body     string
	}{
		"serving":              {ready: true, status: http.StatusOK, body: "ok\n"},
		"starting or draining": {status: http.StatusServiceUnavailable, body: "not serving: starting or draining\n"},
		"Temporal is gone":     {ready: true, temporal: errors.New("connection to 10.0.0.1 refused"), status: http.StatusServiceUnavailable, body: "Temporal does not answer\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			h, err := startHealth(address, temporalHealth{err: test.temporal}, nil, nil)
			require.NoError(t, err)
			defer h.stop()
			h.ready.Store(test.ready)
			status, body := probe(t, address, "/readyz")
			require.Equal(t, test.status, status)
			require.Equal(t, test.body, body)
			status, body = probe(t, address, "/healthz")
			require.Equal(t, http.StatusOK, status, "alive all the same")
			require.Equal(t, "ok\n", body)
			status, _ = probe(t, address, "/metrics")
			require.Equal(t, http.StatusNotFound, status)
		})
	}
}

// TestHealthConnections: whoever opens connections and leaves them, or is slow at will, takes
// none away from the probes for long.
func TestHealthConnections(t *testing.T) {
	t.Parallel()
	h, err := startHealth(freeAddress(t), temporalHealth{}, nil, nil)
	require.NoError(t, err)
	defer h.stop()
	for name, timeout := range map[string]time.Duration{
		"a header": h.server.ReadHeaderTimeout, "a request": h.server.ReadTimeout, "an answer": h.server.WriteTimeout, "idle": h.server.IdleTimeout,
	} {
		require.Positive(t, timeout, name)
		require.LessOrEqual(t, timeout, 30*time.Second, name)
	}
	require.Greater(t, h.server.WriteTimeout, checkTimeout, "a probe gets its answer")
}

func TestHealthNowhere(t *testing.T) {
	t.Parallel()
	h, err := startHealth("", temporalHealth{}, nil, nil)
	require.NoError(t, err)
	h.stop()
}

func TestHealthPortInUse(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, err = startHealth(listener.Addr().String(), temporalHealth{}, nil, nil)
	require.EqualError(t, err, "health checks cannot be answered at "+listener.Addr().String()+
		": the port is in use; choose another with LATCHKEY_HEALTH_ADDRESS, or off")
	_, err = startHealth("192.0.2.1:80", temporalHealth{}, nil, nil)
	require.ErrorContains(t, err, "LATCHKEY_HEALTH_ADDRESS", "an address of another machine")
}

// TestKeysInHealth: a keyset that can no longer be read, and a payload whose key is missing,
// are in the answers and in the metrics.
func TestKeysInHealth(t *testing.T) {
	t.Parallel()
	content, err := temporalclient.CreateKeyset()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	keys, err := temporalclient.OpenKeys(path)
	require.NoError(t, err)
	measured, err := newMetrics()
	require.NoError(t, err)
	measured.countFailed(keys)
	address := freeAddress(t)
	h, err := startHealth(address, temporalHealth{}, measured.page, keys)
	require.NoError(t, err)
	t.Cleanup(h.stop)
	h.ready.Store(true)
	status, _ := probe(t, address, "/readyz")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, measured.read(), "latchkey_encryption_failures_total 0\n")

	data, _ := temporalclient.Encrypted(keys, "identity")
	other, _ := temporalclient.Encrypted(keys, "other")
	payload, err := other.ToPayload("x")
	require.NoError(t, err)
	var read string
	require.Error(t, data.FromPayload(payload, &read))
	status, body := probe(t, address, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "does not open this")
	require.Contains(t, measured.read(), "latchkey_encryption_failures_total 1\n")

	require.NoError(t, os.Remove(path))
	require.Eventually(t, func() bool {
		_, body := probe(t, address, "/readyz")
		return strings.Contains(body, "read the keyset")
	}, time.Minute, 10*time.Millisecond)
}
