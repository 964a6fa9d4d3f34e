package httpcall

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/connectors"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	type inner struct {
		Status *string       `json:"status"`
		Loose  Loose[string] `json:"loose"`
	}
	type outer struct {
		Name    *string `json:"name"`
		Account *inner  `json:"account"`
		Users   Rows    `json:"users"`
		Count   int64   `json:"count"`
	}
	for name, test := range map[string]struct{ raw, want string }{
		"all":                    {raw: `{"name":"a","account":{"status":"OK","loose":"x"},"users":[{"a":1},null],"count":3,"more":{}}`},
		"nothing":                {raw: `{}`},
		"nulls":                  {raw: `{"name":null,"account":null,"users":null,"count":null}`},
		"another type of loose":  {raw: `{"account":{"loose":{"secret":1}}}`},
		"another case":           {raw: `{"NAME":1,"Account":2}`},
		"another type":           {raw: `{"name":{"secret":1}}`, want: "name has another type"},
		"another type within":    {raw: `{"account":{"status":["secret"]}}`, want: "status has another type"},
		"no object within":       {raw: `{"account":"secret"}`, want: "account has another type"},
		"no list":                {raw: `{"users":{"secret":1}}`, want: "users has another type"},
		"no whole number":        {raw: `{"count":1.5}`, want: "count has another type"},
		"a number too large":     {raw: `{"count":12345678901234567890}`, want: "count has another type"},
		"a key twice":            {raw: `{"name":"a","name":"secret"}`, want: "names a key twice"},
		"a key twice within":     {raw: `{"account":{"status":"OK","status":"secret"}}`, want: "names a key twice"},
		"a key twice in a row":   {raw: `{"users":[{"locked":true,"locked":false}]}`, want: "names a key twice"},
		"an unknown key twice":   {raw: `{"secret":1,"secret":2}`, want: "names a key twice"},
		"a key twice by escapes": {raw: `{"name":"a","nam\u0065":"b"}`, want: "names a key twice"},
		"null":                   {raw: `null`, want: "no JSON object"},
		"a list":                 {raw: `["secret"]`, want: "no JSON object"},
		"a text":                 {raw: `"secret"`, want: "no JSON object"},
		"HTML":                   {raw: `<html>secret`, want: "not exactly one JSON value"},
		"empty":                  {raw: ``, want: "not exactly one JSON value"},
		"half":                   {raw: `{"name":"secret"`, want: "not exactly one JSON value"},
		"more after":             {raw: `{} {"name":"secret"}`, want: "not exactly one JSON value"},
		"too deep":               {raw: strings.Repeat(`{"secret":`, 100_000) + "1" + strings.Repeat("}", 100_000), want: "not exactly one JSON value"},
		"deep brackets":          {raw: strings.Repeat("[", 9000) + strings.Repeat("]", 9000), want: "no JSON object"},
		"no UTF-8":               {raw: "{\"name\":\"secret\xff\"}", want: "not exactly one JSON value"},
		"too many elements":      {raw: `{"users":[` + strings.Repeat("1,", MaxElements) + `1]}`, want: "more than 1000 elements"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var into outer
			err := Decode([]byte(test.raw), &into)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
	var into outer
	require.NoError(t, Decode([]byte(`{"users":[{"a":9007199254740993},null]}`), &into))
	require.Equal(t, `{"a":9007199254740993}`, string(into.Users[0]))
	require.Equal(t, "null", string(into.Users[1]))
	require.Nil(t, into.Name)
	require.NoError(t, Decode([]byte(`{"users":[]}`), &into))
	require.NotNil(t, into.Users)
	require.Empty(t, into.Users)
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
		_, err := keysOf(raw)
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
		object, err := keysOf("{" + strings.Join(members, ",") + "}")
		require.NoError(t, err)
		require.Len(t, object, len(keys))
		again := rapid.SampledFrom(members).Draw(t, "again")
		_, err = keysOf(`{"x":[{` + strings.Join(append(members, again), ",") + "}]}")
		require.ErrorContains(t, err, "names a key twice")
	})
}

func keysOf(raw string) (map[string]jsontext.Value, error) {
	var object map[string]jsontext.Value
	err := Decode([]byte(raw), &object)
	return object, err
}

// checkedName must not be empty.
type checkedName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (c *checkedName) Check() error {
	if c.Name == "" {
		return errors.New("name is missing")
	}
	return nil
}

// TestRow: a row that cannot be read is a gap, with its ID where that can be.
func TestRow(t *testing.T) {
	t.Parallel()
	long := `{"id":"7","name":"` + strings.Repeat("x", MaxUser) + `"}`
	for raw, want := range map[string]error{
		`{"id":"7","name":"a"}`:          nil,
		`{"id":"7"}`:                     &connectors.Gap{ID: "7"},
		`{"name":1,"id":"7"}`:            &connectors.Gap{ID: "7"},
		`{"id":7}`:                       &connectors.Gap{},
		`{"id":"7","name":"a","id":"8"}`: &connectors.Gap{ID: "7"},
		`null`:                           &connectors.Gap{},
		long:                             &connectors.Gap{ID: "7"},
	} {
		var read checkedName
		require.Equal(t, want, Row(jsontext.Value(raw), "id", &read), raw[:min(len(raw), 40)])
	}
	require.EqualError(t, Decode([]byte(`{"id":"7"}`), &checkedName{}), "name is missing")
}

// TestLooseTellsWhatWasSent: null and nothing at all are the same.
func TestLooseTellsWhatWasSent(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]Loose[string]{
		`{}`: {}, `{"a":null}`: {}, `{"a":1}`: {Sent: true}, `{"a":""}`: {Sent: true}, `{"a":"b"}`: {Sent: true, Value: "b"},
	} {
		var read struct {
			A Loose[string] `json:"a"`
		}
		require.NoError(t, Decode([]byte(raw), &read))
		require.Equal(t, want, read.A, raw)
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-02-12T17:45:42.369Z", Moment("2026-02-12T18:45:42.369+01:00").Format("2006-01-02T15:04:05.999Z07:00"))
	for _, none := range []string{"", "yesterday", "2026-02-30T00:00:00Z", "9999-01-01T00:00:00Z", "0000-12-31T23:59:59Z"} {
		require.Nil(t, Moment(none), none)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"users":[1]}`, `{"users":[`, `null`, `{"a":1,"a":2}`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var into struct {
			Name  *string       `json:"name"`
			Loose Loose[string] `json:"loose"`
			Users Rows          `json:"users"`
		}
		if Decode(raw, &into) != nil {
			return
		}
		require.LessOrEqual(t, len(into.Users), MaxElements)
		for _, row := range into.Users {
			require.True(t, row.IsValid())
		}
	})
}
