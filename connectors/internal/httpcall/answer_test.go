package httpcall

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// TestAnswers: whatever comes in place of an answer is a failure of its kind, and never takes
// long. A request that takes any 2xx for a success refuses a web page alone.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const truth, page = `{"a":1}`, "<html>blocked</html>"
	as := func(contentType, body string) http.HandlerFunc { return answering(200, contentType, body) }
	const malformed, unavailable, unsupported = connectors.MalformedResponse, connectors.Unavailable, connectors.Unsupported
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    connectors.Kind
		// anyhow says that a request which takes any 2xx fails too.
		anyhow bool
	}{
		"JSON":             {handler: as("application/json; charset=utf-8", " "+truth+"\n")},
		"HAL":              {handler: as("application/hal+json;charset=UTF-8", truth)},
		"JSON in capitals": {handler: as("APPLICATION/JSON", truth)},
		"a vendor's JSON":  {handler: as("application/vnd.example.v1+json", truth)},
		"byte by byte":     {handler: byteByByte(truth)},

		"XML":                              {as("application/xml", `<x/>`), malformed, false},
		"as text":                          {as("text/plain", truth), malformed, false},
		"as a script":                      {as("application/javascript", truth), malformed, false},
		"as a stream":                      {as("application/octet-stream", truth), malformed, false},
		"no type":                          {as("", truth), malformed, false},
		"a type of none":                   {as(";;;", truth), malformed, false},
		"a type's end":                     {as("application/notjson", truth), malformed, false},
		"half":                             {as("application/json", truth[:4]), malformed, false},
		"two values":                       {as("application/json", truth+truth), malformed, false},
		"more behind":                      {as("application/json", truth+"x"), malformed, false},
		"garbage":                          {as("application/json", "\x00\x01\x02\xfe garbage"), malformed, false},
		"a byte order":                     {as("application/json", "\ufeff"+truth), malformed, false},
		"not UTF-8":                        {as("application/json", "\"\xff\""), malformed, false},
		"not UTF-8 before":                 {as("application/json", "{\"\xff\":1}"+truth), malformed, false},
		"single quotes":                    {as("application/json", strings.ReplaceAll(truth, `"`, "'")), malformed, false},
		"a bare word":                      {as("application/json", "NaN"), malformed, false},
		"open brackets":                    {as("application/json", strings.Repeat("[", 1<<10)), malformed, false},
		"a key twice":                      {as("application/json", `{"locked":true,"locked":false}`), malformed, false},
		"a key twice deep":                 {as("application/json", `{"a":[{"b":{"c":null,"d":1,"c":0}}]}`), malformed, false},
		"a key twice, one of them escaped": {as("application/json", `{"locked":true,"lock\u0065d":false}`), malformed, false},

		"a web page":           {as("text/html", page), unavailable, true},
		"a web page as JSON":   {as("application/json", "\ufeff\n<!DOCTYPE HTML>"+page), unavailable, true},
		"JSON as a web page":   {as("text/html; charset=utf-8", truth), unavailable, true},
		"an empty web page":    {as("text/html", ""), unavailable, true},
		"XHTML":                {as("application/xhtml+xml", `<?xml?>`), unavailable, true},
		"a web page under 202": {answering(202, "text/html", page), unavailable, true},

		"no content":        {answering(204, "application/json", ``), unavailable, false},
		"empty":             {as("application/json", ``), unavailable, false},
		"empty, no type":    {as("", ``), unavailable, false},
		"blank":             {as("application/json", " \n"), unavailable, false},
		"half of it":        {cutShort, unavailable, false},
		"half in chunks":    {cutInChunks, unavailable, false},
		"not packed":        {notPacked, unavailable, false},
		"too long":          {as("application/json", `"`+strings.Repeat("x", 1<<10)+`"`), unsupported, false},
		"a bomb":            {bomb, unsupported, false},
		"dropped":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, unavailable, true},
		"an endless header": {hugeHeader, unavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, request := callerOf(t, test.handler)
			answer, err := caller.Do(t.Context(), request)
			requireAnswer(t, answer, err, test.want, "")

			request.Method, request.Effect = http.MethodPost, true
			answer, err = caller.Do(t.Context(), request)
			requireAnswer(t, answer, err, test.want, connectors.Unknown)

			request.MaxAnswer = 0
			_, err = caller.Do(t.Context(), request)
			if !test.anyhow {
				require.NoError(t, err, "any 2xx is a success")
				return
			}
			requireAnswer(t, nil, err, test.want, connectors.Unknown)
		})
	}
}

func requireAnswer(t *testing.T, answer *Answer, err error, want connectors.Kind, sent connectors.Answer) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		require.NotEmpty(t, answer.Body)
		require.WithinDuration(t, time.Now(), answer.AsOf, time.Minute)
		require.Equal(t, time.UTC, answer.AsOf.Location())
		return
	}
	var failure *connectors.Error
	require.ErrorAs(t, err, &failure)
	require.NotContains(t, err.Error(), personal)
	require.Equal(t, want, failure.Kind)
	require.Equal(t, sent, failure.Sent)
	require.NotErrorIs(t, err, context.Canceled, "the caller's own context goes on")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's own context goes on")
}

func byteByByte(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := range len(body) {
			_, _ = w.Write([]byte{body[i]})
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	packed := gzip.NewWriter(w)
	_, _ = packed.Write([]byte(`"` + strings.Repeat("x", 10<<20) + `"`))
	_ = packed.Close()
}

func notPacked(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	answering(200, "application/json", `{"a":1}`)(w, r)
}

func cutShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte(`{"a":`))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func cutInChunks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"a":`))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func hugeHeader(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Huge", strings.Repeat("x", 1<<20))
	w.WriteHeader(200)
}

// FuzzAnswers: whatever comes, it is one JSON value in UTF-8 within its bound, or an
// error of the contract.
func FuzzAnswers(f *testing.F) {
	f.Add(200, "application/json", []byte(`{}`))
	f.Add(200, "application/json; charset=\"", []byte(`{}{}`))
	f.Add(404, "", []byte("\xff"))
	f.Add(101, "a/b", []byte(`null`))
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		answer := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(bytes.NewReader(body))}
		caller := &Caller{Provider: "test", Now: time.Now, Transport: roundTripper(func(*http.Request) (*http.Response, error) { return answer, nil })}
		got, err := caller.Do(t.Context(), Request{Operation: "look up", Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "h"}, MaxAnswer: 1 << 10})
		if err != nil {
			require.Contains(t, connectors.Kinds(), connectors.KindOf(err))
			return
		}
		require.Equal(t, 2, status/100)
		require.True(t, json.Valid(got.Body))
		require.LessOrEqual(t, len(got.Body), 1<<10)
	})
}
