package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/connectors"
)

func TestList(t *testing.T) {
	t.Parallel()
	read := func(raw string) ([]json.RawMessage, bool, error) {
		return List(Object{"users": json.RawMessage(raw)}, "users")
	}
	for raw, want := range map[string]int{"[]": 0, " [ ] ": 0, `[1,"a,]",{"b":[2]}]`: 3, "[" + strings.Repeat("0,", MaxElements-1) + "0]": MaxElements} { //nolint:gocritic // the white space is the point
		elements, sent, err := read(raw)
		require.NoError(t, err)
		require.True(t, sent)
		require.NotNil(t, elements)
		require.Len(t, elements, want)
	}
	for _, raw := range []string{"{}", `"x"`, "1", "true", "[" + strings.Repeat("0,", MaxElements) + "0]"} {
		_, sent, err := read(raw)
		require.ErrorContains(t, err, "users", raw)
		require.False(t, sent)
	}
	for _, object := range []Object{{}, nil, {"users": json.RawMessage("null")}} {
		_, sent, err := List(object, "users")
		require.NoError(t, err)
		require.False(t, sent)
	}
}

// TestRefusedCredentialStaysPrivate: what the first try was refused for may be sent back
// in the answer to the second, which carries another credential.
func TestRefusedCredentialStaysPrivate(t *testing.T) {
	t.Parallel()
	const first, second = "first-0123456789", "second-0123456789"
	for _, echoed := range []string{first, second} {
		caller, request := callerOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", echoed)
			answering(401, "application/json", `{"code":"`+echoed+`"}`)(w, r)
		})
		tokens := []string{first, second}
		caller.Authorize = func(_ context.Context, header http.Header) (func(), error) {
			header.Set("Authorization", "Bearer "+tokens[0])
			return func() { tokens = tokens[1:] }, nil
		}
		_, err := caller.Do(t.Context(), request)
		failure := failureOf(t, err)
		require.Equal(t, connectors.Unauthenticated, failure.Kind)
		require.Len(t, tokens, 1, "it was renewed once")
		require.Empty(t, failure.Code)
		require.Empty(t, failure.RequestID)
	}
}

// TestKeysNamedTwice: of a key that is named twice nobody can say which value is meant.
func TestKeysNamedTwice(t *testing.T) {
	t.Parallel()
	for raw, twice := range map[string]bool{
		`{"a":1,"b":2}`: false,
		`{"a":1,"A":2}`: false,
		`{"a":{"b":1},"c":{"b":1},"d":["b","b"]}`:      false,
		`{"a":"a","b":"a"}`:                            false,
		`{"a":1,"a":1}`:                                true,
		`{"a":true,"b":0,"a":false}`:                   true,
		`{"account_locked":1,"account\u005flocked":2}`: true,
		`{"a":{"b":1,"b":2}}`:                          true,
		`{"a":[{"b":1},{"b":1,"c":{"d":1,"d":2}}]}`:    true,
		`{"":1,"":2}`:                                  true,
	} {
		_, err := ReadObject([]byte(raw))
		if twice {
			require.ErrorContains(t, err, "names a key twice", raw)
		} else {
			require.NoError(t, err, raw)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringN(0, 3, -1), 1, 40, rapid.ID[string]).Draw(t, "keys")
		var members []string
		for _, key := range keys {
			quoted, err := json.Marshal(key)
			require.NoError(t, err)
			members = append(members, string(quoted)+":0")
		}
		object, err := ReadObject([]byte("{" + strings.Join(members, ",") + "}"))
		require.NoError(t, err)
		require.Len(t, object, len(keys))
		again := rapid.SampledFrom(members).Draw(t, "again")
		_, err = ReadObject([]byte(`{"x":[{` + strings.Join(append(members, again), ",") + "}]}"))
		require.ErrorContains(t, err, "names a key twice")
	})
}

func FuzzReadObject(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, `{"a":[1,2]}`, `{"a":"2020-01-01T00:00:00Z"}`, `{"a":1e400,"a":null}`, `{"A":true}`, `{"a":[[],{}]}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`,
		" {\t\"a\\\\\" : \"}\\\"\" ,\n\"b\\u0041\":[ 1 , {\"c\":[\"]\"]} ] ,\"a\":{} } ", `{"a":1,"a":2}`, "{\"\xff\":[]}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		object, err := ReadObject(raw)
		var want map[string]json.RawMessage
		isObject := json.Unmarshal(raw, &want) == nil && want != nil
		if err != nil && err.Error() == "the answer names a key twice" {
			return // TestKeysNamedTwice
		}
		require.Equal(t, isObject, err == nil)
		if err != nil {
			require.Nil(t, object)
			return
		}
		require.Len(t, object, len(want))
		for key := range object {
			require.Equal(t, string(want[key]), string(object[key]))
			elements, sent, err := List(object, key)
			var all []json.RawMessage
			if json.Unmarshal(object[key], &all) == nil && len(all) <= MaxElements {
				require.NoError(t, err)
				require.Equal(t, all != nil, sent)
				require.Len(t, elements, len(all))
				for i := range all {
					require.Equal(t, string(all[i]), string(elements[i]))
				}
			}
			if _, sent, err := Get[bool](object, key); sent && err == nil {
				require.Contains(t, []string{"true", "false"}, string(object[key]), "nothing else is a boolean")
			}
			if number, sent, err := Get[int64](object, key); sent && err == nil {
				require.NotContains(t, string(object[key]), `"`, number)
			}
			if moment := Time(object, key); moment != nil {
				_, err := json.Marshal(moment)
				require.NoError(t, err)
				require.Equal(t, time.UTC, moment.Location())
			}
			_ = Text(object, key)
		}
	})
}

func FuzzReadToken(f *testing.F) {
	f.Add([]byte(`{"access_token":"x","token_type":"Bearer","expires_in":3600}`))
	f.Add([]byte(`{"access_token":"x","expires_in":"-1"}`))
	f.Add([]byte(`{"access_token":"x\ny"}`))
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tokens := NewTokens(Caller{Now: func() time.Time { return now }}, ClientCredentials{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = readTokenFailure(raw)
		read, err := tokens.read(raw)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		request := http.Request{Header: http.Header{"Authorization": {"Bearer " + read.value}}, URL: &url.URL{}}
		var wire bytes.Buffer
		require.NoError(t, request.Header.Write(&wire))
		require.Equal(t, 1, bytes.Count(wire.Bytes(), []byte("\n")), "a token is one header")
	})
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
