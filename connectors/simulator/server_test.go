package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counter is a tenant that answers whatever is asked, and counts what takes effect.
type counter struct {
	*Tenant[paperSettings]
	mu      sync.Mutex
	effects int
	acts    []string
}

const bigAnswer = 3000

func newCounter(now func() time.Time) *counter {
	c := &counter{}
	vendor := newPaper().vendor
	vendor.Routes = []Route{
		{Pattern: "GET /big", Operation: "big", Serve: c.serve}, {Pattern: "GET /", Operation: "read", Serve: c.serve},
		{Pattern: "POST /", Operation: "write", Serve: c.serve},
	}
	vendor.Authenticate = func(*Request) Reply { return Reply{} }
	vendor.Type = func(*http.Request) string { return "application/test+json" }
	vendor.Error = func(status int, _ string) Reply {
		return Reply{Status: status, Body: JSON(map[string]int{"status": status})}
	}
	vendor.Headers = func() map[string]string { return map[string]string{"X-Always": "yes"} }
	vendor.Unlock = func(u *User, cause string) { c.Model.Unlock(u, LayerAccount, cause) }
	vendor.Actions = map[string]Action{"note": func(u *User, args []byte) error {
		c.acts = append(c.acts, u.Username+" note "+string(args))
		return nil
	}}
	c.Tenant = NewTenant(now, paperSettings{Limit: 3, Lenient: true}, vendor)
	return c
}

func (c *counter) serve(r *Request) Reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.effects++
	if r.Operation == "big" {
		return OK(map[string]string{"a": strings.Repeat("x", bigAnswer)})
	}
	return OK(map[string]bool{"ok": true})
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.effects
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type bench struct {
	t      *testing.T
	tenant *counter
	server *Server
	url    string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	tenant := newCounter(func() time.Time { return start })
	listener := httptest.NewServer(tenant)
	t.Cleanup(listener.Close)
	return &bench{t: t, tenant: tenant, server: tenant.Server, url: listener.URL}
}

// try sends a request on a connection of its own and reads the answer; body
// holds what came before an error.
func (b *bench) try(method, path, body string) (response *http.Response, text string, err error) {
	b.t.Helper()
	request, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	require.NoError(b.t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err = client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(io.LimitReader(response.Body, 1<<30))
	return response, string(read), err
}

func (b *bench) do(method, path, body string) (*http.Response, string) {
	b.t.Helper()
	response, text, err := b.try(method, path, body)
	require.NoError(b.t, err)
	return response, text
}

// control sends an order and expects a status.
func (b *bench) control(method, path, body string, status int) map[string]any {
	b.t.Helper()
	response, text := b.do(method, ControlPrefix+path, body)
	require.Equal(b.t, status, response.StatusCode, text)
	var object map[string]any
	require.NoError(b.t, json.Unmarshal([]byte(text), &object), text)
	return object
}

// TestWebPagesStayOut: a page of another site changes nothing, whatever its browser lets it
// send; neither by the control surface nor, with credentials that everybody knows, by the API.
func TestWebPagesStayOut(t *testing.T) {
	t.Parallel()
	server := newCounter(nil).Server
	server.AllowedHosts = []string{"dev.internal"}
	url, stop, err := server.Start("")
	require.NoError(t, err)
	t.Cleanup(stop)
	for name, test := range map[string]struct {
		host, kind, origin, path string
		want                     int
	}{
		"JSON":                  {kind: "application/json", path: ControlPrefix + "clock", want: 200},
		"by an allowed name":    {host: "dev.internal", kind: "application/json", path: ControlPrefix + "clock", want: 200},
		"text":                  {kind: "text/plain", path: ControlPrefix + "clock", want: 415},
		"a form":                {kind: "application/x-www-form-urlencoded", path: ControlPrefix + "clock", want: 415},
		"nothing said":          {path: ControlPrefix + "clock", want: 415},
		"another name":          {host: "evil.example", kind: "application/json", path: ControlPrefix + "clock", want: 403},
		"another name, the API": {host: "evil.example", kind: "application/json", path: "/api", want: 403},
		"another site":          {kind: "application/json", origin: "https://evil.example", path: ControlPrefix + "clock", want: 403},
		"another site, the API": {kind: "application/json", origin: "https://evil.example", path: "/api", want: 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequest(http.MethodPost, url+test.path, strings.NewReader(`{"advance":"1s"}`))
			require.NoError(t, err)
			request.Host = test.host
			for header, value := range map[string]string{"Content-Type": test.kind, "Origin": test.origin} {
				if value != "" {
					request.Header.Set(header, value)
				}
			}
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, test.want, response.StatusCode)
		})
	}
}

func TestControlSurface(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Contains(t, b.control("GET", "", "", 200)["routes"], "POST /_simulator/faults")
	b.control("GET", "health", "", 200)
	require.Equal(t, "x", b.control("POST", "users", `{"username":"x","password":"right"}`, 200)["username"])
	require.Equal(t, true, b.control("POST", "sign-in", `{"user":"x","password":"right"}`, 200)["ok"])
	require.Equal(t, true, b.control("POST", "users/x/lock", "", 200)["locked"])
	require.Equal(t, "x", b.control("GET", "users/x", "", 200)["username"])
	require.Equal(t, float64(7), b.control("POST", "populate", `{"count":7}`, 200)["created"])
	require.Equal(t, "2026-03-01T12:05:00.000Z", b.control("POST", "clock", `{"advance":"5m"}`, 200)["now"])
	require.Equal(t, "5m0s", b.control("GET", "clock", "", 200)["offset"])
	b.control("PUT", "settings", `{"limit":1}`, 200)
	b.control("POST", "tokens/revoke", "", 200)
	id := b.control("POST", "faults", `{"kind":"drop","operation":"write"}`, 200)["id"]
	require.Equal(t, float64(1), id)
	require.Len(t, b.control("GET", "faults", "", 200)["faults"], 1)
	require.Empty(t, b.control("DELETE", "faults/1", "", 200)["faults"])
	require.Empty(t, b.control("DELETE", "faults", "", 200)["faults"])
	require.Zero(t, b.control("GET", "calls", "", 200)["total"], "control calls are not in the log")
	require.Empty(t, b.control("GET", "book?user=x&after=0", "", 200)["changes"])
	b.control("POST", "reset", "", 200)
	require.Equal(t, "0s", b.control("GET", "clock", "", 200)["offset"])
}

func TestControlRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		method, path, body string
		status             int
		sentence           string
	}{
		"nothing there":     {"GET", "nothing", "", 404, "there is nothing at"},
		"wrong method":      {"PATCH", "faults", "", 405, "not possible"},
		"unknown user":      {"GET", "users/bob", "", 404, `no user "bob"`},
		"user no object":    {"POST", "users", "7", 400, "must be a JSON object"},
		"sign-in of nobody": {"POST", "sign-in", `{}`, 400, "needs a user"},
		"unknown key":       {"POST", "sign-in", `{"name":"x"}`, 400, `unknown key "name"`},
		"wrong type":        {"POST", "sign-in", `{"user":7}`, 400, `"user" in the sign-in must be`},
		"nobody to make":    {"POST", "populate", `{"count":0}`, 400, "count must be"},
		"more locked":       {"POST", "populate", `{"count":1,"locked":2}`, 400, "locked and suspended"},
		"locked by whom":    {"POST", "populate", `{"count":1,"lockedBy":"x"}`, 400, "lockedBy must be"},
		"back in time":      {"POST", "clock", `{"advance":"-5m"}`, 400, "duration"},
		"time as number":    {"POST", "clock", `{"advance":5}`, 400, "duration"},
		"setting":           {"PUT", "settings", `{"b":1}`, 400, `unknown key "b"`},
		"setting's case":    {"PUT", "settings", `{"Limit":1}`, 400, `unknown key "Limit"`},
		"no such fault":     {"DELETE", "faults/9", "", 404, "no fault 9"},
		"fault by name":     {"DELETE", "faults/x", "", 400, "is a number"},
		"calls after":       {"GET", "calls?after=x", "", 400, "after must be"},
		"calls limit":       {"GET", "calls?limit=-1", "", 400, "limit must be"},
		"calls of what":     {"GET", "calls?operation=unlcok", "", 400, `no operation "unlcok"`},
		"calls of whom":     {"GET", "calls?user=x", "", 400, `no parameter "user"`},
		"book of whom":      {"GET", "book?userId=x", "", 400, `no parameter "userId"`},
		"a user's key":      {"GET", "users/bob?fields=id", "", 400, `no parameter "fields"`},
		"book after":        {"GET", "book?after=x", "", 400, "after must be"},
		"broken JSON":       {"POST", "faults", `{`, 400, "cannot be read"},
		"broken escape":     {"POST", "faults", `{"kind":"drop"} x`, 400, "after top-level value"},
	} {
		object := b.control(test.method, test.path, test.body, test.status)
		require.Contains(t, object["error"], test.sentence, name)
	}
}

func TestFaultsRefuse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for body, sentence := range map[string]string{
		`{}`:                              "no kind of fault",
		`{"kind":"x"}`:                    "no kind of fault",
		`{"kind":"drop","operation":"x"}`: `no operation "x"`,
		`{"kind":"drop","skip":-1}`:       "below zero",
		`{"kind":"drop","path":"("}`:      "regular expression",
		`{"kind":"latency"}`:              "needs a delay",
		`{"kind":"status"}`:               "needs a status",
		`{"kind":"html","status":99}`:     "status must be",
		`{"kind":"redirect"}`:             "needs a location",
		`{"kind":"stale"}`:                "needs reads or for",
		`{"kind":"change"}`:               "needs a change",
		`{"kind":"change","change":{"user":"x","action":"dance"}}`: "no action",
		`{"kind":"change","change":{"action":"lock"}}`:             "needs a change",
		`{"kind":"rateLimit"}`:                                     "perSecond",
		`{"kind":"drop","colour":1}`:                               `unknown key "colour"`,
	} {
		require.Contains(t, b.control("POST", "faults", body, 400)["error"], sentence, body)
	}
}

func TestCallsLog(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do("GET", "/a?filter=x&client_secret=hush", "")
	b.do("POST", "/b", "hush")
	b.do("GET", "/c?%zz", "")
	calls := b.server.Calls.All()
	require.Len(t, calls, 3)
	require.Equal(t, "/a?client_secret=REDACTED&filter=x", calls[0].Path)
	require.Equal(t, "/c?(malformed)", calls[2].Path)
	require.Equal(t, "write", calls[1].Operation)
	require.Equal(t, start, calls[1].Time)
	require.NotContains(t, string(JSON(calls)), "hush")
	require.Equal(t, []Call{calls[1]}, b.server.Calls.List("write", 0, 0))
	require.Equal(t, calls[1:2], b.server.Calls.List("", 1, 1))
	object := b.control("GET", "calls?operation=read", "", 200)
	require.Equal(t, float64(3), object["total"])
	require.Len(t, object["calls"], 2)
	require.Equal(t, map[string]any{"read": map[string]any{"200": float64(2)}, "write": map[string]any{"200": float64(1)}}, object["statuses"])
	b.control("DELETE", "calls", "", 200)
	require.Empty(t, b.server.Calls.All())
}

func TestCallsRingKeepsTheLast(t *testing.T) {
	t.Parallel()
	calls := NewCalls()
	for range maxCalls + 10 {
		calls.arrive("read")
		calls.finish(Call{Operation: "read", Status: 200})
	}
	all := calls.All()
	require.Len(t, all, maxCalls)
	require.Equal(t, int64(11), all[0].Seq)
	require.Equal(t, int64(maxCalls+10), all[maxCalls-1].Seq)
	require.Equal(t, maxCalls+10, calls.Count("read"))
	require.Equal(t, maxCalls+10, calls.Count(""))
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				b.server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/a", nil))
				b.server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", ControlPrefix+"calls", nil))
				id := b.server.Faults.MustAdd(Fault{Kind: KindStatus, Status: 500, Operation: "write"})
				_ = b.server.Faults.Remove(id)
				_ = b.server.Clock.Advance(time.Second)
			}
		})
	}
	group.Wait()
	require.Equal(t, 160, b.server.Calls.Count("read"))
	require.Zero(t, b.server.Calls.Summary().InFlight)
}
