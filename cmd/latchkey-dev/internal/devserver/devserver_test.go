package devserver

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/port"
)

func TestRunsWorkflows(t *testing.T) {
	t.Parallel()
	server := start(t, Options{})
	c := dial(t, server)
	defer serve(t, c)()
	require.Equal(t, "hello one", runGreet(t, c, "one"))
}

func TestServersRunBesideEachOther(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "b", "c"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, Options{UIAddress: freePort})
			c := dial(t, server)
			defer serve(t, c)()
			// The same ID on each: they share nothing.
			require.Equal(t, "hello same", runGreet(t, c, "same"))
		})
	}
}

func TestListensOnAllInterfacesWhenAsked(t *testing.T) {
	t.Parallel()
	server := start(t, Options{Address: "0.0.0.0:0", UIAddress: "0.0.0.0:0"})
	for _, address := range []string{server.Address(), server.HTTPAddress(), server.UIAddress()} {
		require.True(t, strings.HasPrefix(address, "127.0.0.1:"), address)
	}
	c := dial(t, server)
	defer serve(t, c)()
	require.Equal(t, "hello all", runGreet(t, c, "all"))
	require.Equal(t, http.StatusOK, get(t, "http://"+server.UIAddress()+"/").StatusCode)
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", freePort)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	taken := listener.Addr().String()

	for name, tt := range map[string]struct {
		options Options
		what    string
	}{
		"grpc": {Options{Address: taken}, whatGRPC},
		"http": {Options{Address: freePort, HTTPAddress: taken}, whatHTTP},
		"ui":   {Options{Address: freePort, UIAddress: taken}, whatUI},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(t.Context(), tt.options)
			var inUse *port.InUseError
			require.ErrorAs(t, err, &inUse)
			require.Equal(t, &port.InUseError{Address: taken, What: tt.what}, inUse)
			require.ErrorContains(t, err, taken)
		})
	}
}

func TestTwoRolesCannotShareAPort(t *testing.T) {
	t.Parallel()
	server := start(t, Options{})
	address := server.HTTPAddress()
	require.NoError(t, server.Stop())

	_, err := Start(t.Context(), Options{Address: address, HTTPAddress: address})
	var inUse *port.InUseError
	require.ErrorAs(t, err, &inUse)
}

func TestRefusesWrongAddresses(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]Options{
		"no port":         {Address: "127.0.0.1"},
		"a host name":     {Address: "example.com:7233"},
		"a port too high": {Address: "127.0.0.1:70000"},
		"a wrong HTTP":    {Address: freePort, HTTPAddress: "example.com:7243"},
		"a wrong UI":      {Address: freePort, UIAddress: "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(t.Context(), options)
			require.ErrorContains(t, err, "address")
		})
	}
}

func TestAbandonsTheBootWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Options{Address: freePort})
	require.ErrorIs(t, err, context.Canceled)
}

// leftByTemporal are the goroutines that Temporal leaves behind with each server
// and that cannot be reached: a SQLite pool's, which it keeps on purpose, and
// the four of its system client's connection, which it forgets.
const leftByTemporal = 5

// TestStopFreesEverything is not parallel: it counts goroutines.
func TestStopFreesEverything(t *testing.T) { //nolint:paralleltest // see above
	warmUp := start(t, Options{UIAddress: freePort})
	require.NoError(t, warmUp.Stop())
	before := runtime.NumGoroutine()

	server := start(t, Options{UIAddress: freePort})
	ui := get(t, "http://"+server.UIAddress()+"/api/v1/namespaces/default")
	require.Equal(t, http.StatusOK, ui.StatusCode)
	require.NoError(t, server.Stop())
	require.NoError(t, server.Stop())

	for _, address := range []string{server.Address(), server.HTTPAddress(), server.ports.ui.String()} {
		listener, err := net.Listen("tcp", address)
		require.NoError(t, err)
		require.NoError(t, listener.Close())
	}
	settled := func() bool { return runtime.NumGoroutine() <= before+leftByTemporal }
	if !waitFor(settled) {
		require.Failf(t, "goroutines are left", "%d before, %d after:\n%s", before, runtime.NumGoroutine(), stacks())
	}
}

func TestLogsOnlyToItsLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	server := start(t, Options{Logger: slog.New(slog.NewJSONHandler(&out, nil))})
	require.NoError(t, server.Stop())
	require.Contains(t, out.String(), "frontend stopped")
}

// get makes a request that leaves no connection behind.
func get(t testing.TB, url string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	return do(t, request)
}

func do(t testing.TB, request *http.Request) *http.Response {
	t.Helper()
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}
