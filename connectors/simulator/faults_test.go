package simulator

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func text(s string) *string { return &s }

func TestWholeAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   Fault
		status  int
		header  [2]string
		body    string
		effects int
	}{
		"none":            {Fault{Kind: KindStatus, Status: 500, Operation: "write"}, 200, [2]string{"Content-Type", "application/test+json"}, `{"ok":true}`, 1},
		"status":          {Fault{Kind: KindStatus, Status: 503}, 503, [2]string{"Content-Type", "application/test+json"}, `{"status":503}`, 0},
		"after effect":    {Fault{Kind: KindStatus, Status: 503, AfterEffect: true}, 503, [2]string{"X-Always", "yes"}, `{"status":503}`, 1},
		"raw body":        {Fault{Kind: KindStatus, Status: 400, Body: text("nope"), Headers: map[string]string{"Content-Type": "text/plain"}}, 400, [2]string{"Content-Type", "text/plain"}, "nope", 0},
		"429":             {Fault{Kind: KindStatus, Status: 429}, 429, [2]string{"Retry-After", ""}, `{"status":429}`, 0},
		"429 and seconds": {Fault{Kind: KindStatus, Status: 429, RetryAfter: Duration(1500 * time.Millisecond)}, 429, [2]string{"Retry-After", "2"}, `{"status":429}`, 0},
		"429 and date":    {Fault{Kind: KindStatus, Status: 429, RetryAfter: Duration(time.Minute), RetryAfterDate: true}, 429, [2]string{"Retry-After", "Sun, 01 Mar 2026 12:01:00 GMT"}, `{"status":429}`, 0},
		"html":            {Fault{Kind: KindHTML}, 200, [2]string{"Content-Type", "text/html; charset=utf-8"}, webPage, 0},
		"html 502":        {Fault{Kind: KindHTML, Status: 502}, 502, [2]string{"Content-Type", "text/html; charset=utf-8"}, webPage, 0},
		"empty":           {Fault{Kind: KindEmpty}, 200, [2]string{"Content-Type", ""}, "", 0},
		"empty, effect":   {Fault{Kind: KindEmpty, AfterEffect: true}, 200, [2]string{"Content-Length", "0"}, "", 1},
		"redirect":        {Fault{Kind: KindRedirect, Location: "https://evil.example/"}, 302, [2]string{"Location", "https://evil.example/"}, "", 0},
		"deep":            {Fault{Kind: KindDeepJSON, Depth: 3}, 200, [2]string{"Content-Type", "application/test+json"}, `{"a":{"a":{"a":1}}}`, 0},
		"slow":            {Fault{Kind: KindSlow, Delay: Duration(time.Microsecond)}, 200, [2]string{"Content-Length", "11"}, `{"ok":true}`, 1},
		"latency":         {Fault{Kind: KindLatency, Delay: Duration(time.Microsecond)}, 200, [2]string{"Content-Length", "11"}, `{"ok":true}`, 1},
		"late":            {Fault{Kind: KindLatency, Delay: Duration(time.Microsecond), AfterEffect: true}, 200, [2]string{"X-Always", "yes"}, `{"ok":true}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.server.Faults.MustAdd(test.fault)
			response, body := b.do("GET", "/a", "")
			require.Equal(t, test.status, response.StatusCode)
			require.Equal(t, test.header[1], response.Header.Get(test.header[0]))
			require.Equal(t, test.body, body)
			require.Equal(t, test.effects, b.tenant.count())
			require.Equal(t, test.status, b.server.Calls.All()[0].Status)
		})
	}
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault    Fault
		path     string
		status   int // 0: no answer at all
		received int
		effects  int
	}{
		"drop before":    {Fault{Kind: KindDrop}, "/a", 0, 0, 0},
		"drop after":     {Fault{Kind: KindDrop, AfterEffect: true}, "/a", 0, 0, 1},
		"half":           {Fault{Kind: KindHalf}, "/a", 200, 5, 1},
		"half by bytes":  {Fault{Kind: KindHalf, Bytes: 2}, "/a", 200, 2, 1},
		"half, chunked":  {Fault{Kind: KindHalf, Chunked: true}, "/big", 200, (bigAnswer + 8) / 2, 1},
		"half of an 500": {Fault{Kind: KindHalf, Status: 500}, "/a", 500, 5, 1},
		"endless":        {Fault{Kind: KindEndless, Bytes: 100_000}, "/a", 200, 6 + 4*32<<10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.server.Faults.MustAdd(test.fault)
			response, body, err := b.try("GET", test.path, "")
			require.Error(t, err)
			if test.status != 0 {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				require.Equal(t, test.status, response.StatusCode)
			}
			require.Len(t, body, test.received)
			require.Equal(t, test.effects, b.tenant.count())
			call := b.server.Calls.All()[0]
			require.Equal(t, test.status, call.Status)
			require.True(t, call.Cut)
			require.Zero(t, b.server.Calls.Summary().InFlight)
		})
	}
}

func TestGzipBomb(t *testing.T) {
	t.Parallel()
	packed := gzipBomb(8 << 20)
	require.Less(t, len(packed), 64<<10)
	reader, err := gzip.NewReader(strings.NewReader(string(packed)))
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, reader)
	require.NoError(t, err)
	require.Equal(t, int64(8<<20+8), n)

	b := newBench(t)
	b.server.Faults.MustAdd(Fault{Kind: KindGzipBomb, Bytes: 1 << 20})
	response, body := b.do("GET", "/a", "")
	require.True(t, response.Uncompressed, "the client unpacked it by itself")
	require.Len(t, body, 1<<20+8)
}

func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   Fault
		effects int
	}{
		"before the effect": {Fault{Kind: KindLatency, Delay: Duration(time.Hour)}, 0},
		"after the effect":  {Fault{Kind: KindLatency, Delay: Duration(time.Hour), AfterEffect: true}, 1},
		"slow":              {Fault{Kind: KindSlow, Delay: Duration(time.Hour)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			ctx, cancel := context.WithCancel(context.Background())
			// The hook is called when the call is under way, so the client leaves only then.
			b.server.Faults.MustAdd(Fault{Kind: KindChange, Hook: func(*http.Request) { cancel() }})
			b.server.Faults.MustAdd(test.fault)
			request := httptest.NewRequestWithContext(ctx, "GET", "/a", nil)
			require.PanicsWithValue(t, http.ErrAbortHandler, func() { b.server.ServeHTTP(httptest.NewRecorder(), request) })
			require.Equal(t, test.effects, b.tenant.count())
		})
	}
}

func TestMatching(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault Fault
		want  []int // statuses of GET /a/1, POST /a/2, GET /b/1, GET /a/1
	}{
		"all":       {Fault{}, []int{500, 500, 500, 500}},
		"operation": {Fault{Operation: "write"}, []int{200, 500, 200, 200}},
		"method":    {Fault{Method: "get"}, []int{500, 200, 500, 500}},
		"prefix":    {Fault{PathPrefix: "/a/"}, []int{500, 500, 200, 500}},
		"path":      {Fault{Path: "/1$"}, []int{500, 200, 500, 500}},
		"both":      {Fault{Path: "/1$", PathPrefix: "/b"}, []int{200, 200, 500, 200}},
		"times":     {Fault{Times: 2}, []int{500, 500, 200, 200}},
		"skip":      {Fault{Skip: 3}, []int{200, 200, 200, 500}},
		"skip one":  {Fault{Path: "/1$", Skip: 1, Times: 1}, []int{200, 200, 500, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			test.fault.Kind, test.fault.Status = KindStatus, 500
			b.server.Faults.MustAdd(test.fault)
			for i, call := range [][2]string{{"GET", "/a/1"}, {"POST", "/a/2"}, {"GET", "/b/1"}, {"GET", "/a/1"}} {
				response, _ := b.do(call[0], call[1], "")
				require.Equal(t, test.want[i], response.StatusCode, call)
			}
		})
	}
}

func TestFaultsAddUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seen := make(chan string, 3)
	hook := func(name string) func(*http.Request) { return func(*http.Request) { seen <- name } }
	b.tenant.MustCreateUser(map[string]any{"username": "bob"})
	b.server.Faults.MustAdd(Fault{Kind: KindChange, Hook: hook("first")})
	b.server.Faults.MustAdd(Fault{Kind: KindChange, Change: &StateChange{User: "bob", Action: "note", Args: JSON(map[string]int{"a": 1})}})
	b.server.Faults.MustAdd(Fault{Kind: KindStatus, Status: 500, Times: 1})
	b.server.Faults.MustAdd(Fault{Kind: KindChange, Hook: hook("last")})
	response, _ := b.do("GET", "/a", "")
	require.Equal(t, 500, response.StatusCode)
	response, _ = b.do("GET", "/a", "")
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, []string{"bob note {\"a\":1}", "bob note {\"a\":1}"}, b.tenant.acts)
	require.Equal(t, []string{"first", "first", "last"}, []string{<-seen, <-seen, <-seen})
	require.Equal(t, []int{1, 2, 3}, b.server.Calls.All()[0].Faults)
	faults := b.server.Faults.List()
	require.Equal(t, [2]int{2, 1}, [2]int{faults[2].Matched, faults[2].Applied})
	require.Equal(t, 1, faults[3].Applied)
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.Faults.MustAdd(Fault{Kind: KindRateLimit, PerSecond: 2, RetryAfter: Duration(time.Second)})
	statuses := func(n int) (out []int) {
		for range n {
			response, _ := b.do("GET", "/a", "")
			out = append(out, response.StatusCode)
			if response.StatusCode == 429 {
				require.Equal(t, "1", response.Header.Get("Retry-After"))
			}
		}
		return out
	}
	require.Equal(t, []int{200, 200, 429, 429}, statuses(4))
	require.NoError(t, b.server.Clock.Advance(500*time.Millisecond))
	require.Equal(t, []int{200, 429}, statuses(2))
	require.Equal(t, int64(3), b.server.Calls.Summary().Throttled)
	require.Equal(t, 3, b.server.Faults.List()[0].Applied)
	require.Equal(t, 6, b.server.Faults.List()[0].Matched)
	require.Equal(t, 3, b.tenant.count())
}

func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	server := newCounter(nil).Server
	root, stop, err := server.Start("127.0.0.1:0")
	require.NoError(t, err)
	arrived := make(chan struct{})
	server.Faults.MustAdd(Fault{Kind: KindChange, Hook: func(*http.Request) { close(arrived) }})
	server.Faults.MustAdd(Fault{Kind: KindLatency, Delay: Duration(time.Hour)})
	failed := make(chan error, 1)
	go func() {
		response, err := http.Get(root + "/a")
		if err == nil {
			err = errors.Join(errors.New("answered"), response.Body.Close())
		}
		failed <- err
	}()
	<-arrived
	stop()
	require.Error(t, <-failed)
	_, _, err = server.Start("not an address")
	require.Error(t, err)
}
