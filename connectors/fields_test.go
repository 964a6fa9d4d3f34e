package connectors_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// documented are the fields of a made-up provider.
var documented = []connectors.Field{
	{Key: "id", Type: "string"},
	{Key: "account", Type: "object", Always: true, Fields: []connectors.Field{
		{Key: "locked", Type: "boolean"},
		{Key: "lock", Type: "object", Always: true, Fields: []connectors.Field{{Key: "until", Type: "date-time"}}},
	}},
	{Key: "mfa", Type: "object", Fields: []connectors.Field{{Key: "configured", Type: "boolean"}}},
	{Key: "addresses", Type: "[]object", Fields: []connectors.Field{{Key: "street", Type: "string"}}},
	{Key: "tags", Type: "[]string"},
}

func TestParseFields(t *testing.T) {
	t.Parallel()
	require.Equal(t, []connectors.Field{
		{Key: "id", Type: "string", Label: "ID", Meaning: "Its ID."},
		{Key: "lock", Type: "object", Always: true, Fields: []connectors.Field{
			{Key: "places", Type: "[]object", Label: "Places", Fields: []connectors.Field{{Key: "name", Type: "string", Label: "Name"}}},
			{Key: "until", Type: "date-time"},
		}},
	}, connectors.ParseFields("# A comment.\nid\tstring\tID\tIts ID.\nlock\tobject!\t\t\nlock.places\t[]object\tPlaces\t\nlock.places[].name\tstring\tName\t\nlock.until\tdate-time\t\t\n"))
	for name, table := range map[string]string{
		"too few cells": "id\tstring\tID", "no key": "\tstring\tID\tx", "no type": "id\t\tID\tx",
		"within nothing": "lock.until\tstring\t\t", "within another": "a\tobject\t\t\nb.c\tstring\t\t", "an array's without brackets": "a\t[]object\t\t\na.c\tstring\t\t",
	} {
		require.Panics(t, func() { connectors.ParseFields(table) }, name)
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	const nothing = `"account":{"locked":null,"lock":{"until":null}},"addresses":null,"id":null,"mfa":null,"tags":null`
	for name, test := range map[string]struct{ raw, want string }{
		"nothing sent":       {raw: `{}`, want: `{` + nothing + `}`},
		"null sent":          {raw: `{"id":null,"account":null,"mfa":null}`, want: `{` + nothing + `}`},
		"an object half":     {raw: `{"mfa":{},"account":{"lock":{"x":1}}}`, want: `{"account":{"locked":null,"lock":{"x":1,"until":null}},"addresses":null,"id":null,"mfa":{"configured":null},"tags":null}`},
		"in each of a list":  {raw: `{"addresses":[{},{"street":"x"},null,3]}`, want: `{"account":{"locked":null,"lock":{"until":null}},"addresses":[{"street":null},{"street":"x"},null,3],"id":null,"mfa":null,"tags":null}`},
		"an empty list":      {raw: `{"addresses":[],"tags":[]}`, want: `{"account":{"locked":null,"lock":{"until":null}},"addresses":[],"id":null,"mfa":null,"tags":[]}`},
		"unknown keys":       {raw: `{"zz":{"a":[1,{"b":null}]},"":false}`, want: `{"":false,` + nothing + `,"zz":{"a":[1,{"b":null}]}}`},
		"another type":       {raw: `{"mfa":"yes","account":[{}],"addresses":{"x":1}}`, want: `{"account":[{"locked":null,"lock":{"until":null}}],"addresses":{"street":null,"x":1},"id":null,"mfa":"yes","tags":null}`},
		"false, zero, empty": {raw: `{"id":"","mfa":false,"tags":0}`, want: `{"account":{"locked":null,"lock":{"until":null}},"addresses":null,"id":"","mfa":false,"tags":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := connectors.Complete(json.RawMessage(test.raw), documented)
			require.NoError(t, err)
			require.JSONEq(t, test.want, string(got))
		})
	}
}

func TestCompleteKeepsDigits(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"9007199254740993", "18446744073709551615", "123456789012345678901234567890", "-0", "1.10", "1e400", "0.1000000000000000055"} {
		got, err := connectors.Complete(json.RawMessage(`{"n":`+number+`,"deep":[{"n":`+number+`}]}`), nil)
		require.NoError(t, err)
		require.Equal(t, 2, strings.Count(string(got), `"n":`+number+`}`)+strings.Count(string(got), `"n":`+number+`,`), string(got))
	}
}

func TestCompleteDropsPasswords(t *testing.T) {
	t.Parallel()
	got, err := connectors.Complete(json.RawMessage(`{"password":"hunter2","PasswordHash":"$6$x","userPassword":"{SSHA}x",
		"hashedPassword":"x","password_hash":"x","password_expired":true,"passwordless_sudo":"no"}`), nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"password_expired":true,"passwordless_sudo":"no"}`, string(got))

	// PingOne's password is an object that tells its state and holds no hash.
	got, err = connectors.Complete(json.RawMessage(`{"password":{"status":"OK"}}`), nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"password":{"status":"OK"}}`, string(got))
}

func TestCompleteRefusesTheHostile(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "a text": `"jane.doe"`, "a number": "1", "half": `{"name":"jane.doe"`,
		"more after": `{} {"name":"jane.doe"}`, "a comma after": `{},`, "HTML": "<html>jane.doe</html>", "a bad literal": `{"name":jane.doe}`,
		"too deep, behind a key named twice": `{"b":1,"b":2,"a":` + strings.Repeat("[", connectors.MaxDepth) + strings.Repeat("]", connectors.MaxDepth) + `}`,
		"too deep":                           `{"a":` + strings.Repeat("[", connectors.MaxDepth) + strings.Repeat("]", connectors.MaxDepth) + `}`,
		"very deep":                          strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"deep and half":                      strings.Repeat(`[`, 1_000_000),
		"a byte order mark":                  "\ufeff{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := connectors.Complete(json.RawMessage(raw), documented)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "jane.doe")
			require.Nil(t, got)
		})
	}
	_, err := connectors.Complete(json.RawMessage(`{"a":`+strings.Repeat("[", connectors.MaxDepth-1)+strings.Repeat("]", connectors.MaxDepth-1)+`}`), documented)
	require.NoError(t, err, "the greatest depth is allowed")
}

func FuzzComplete(f *testing.F) {
	for _, seed := range []string{`{}`, `{"account":null}`, `{"addresses":[{},1]}`, `{"n":1e400}`, `{"password":"x"}`, `{"a":"\ud800"}`, "{\"\xff\":1}", `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := connectors.Complete(raw, documented)
		if err != nil {
			return
		}
		var object map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(got, &object))
		for _, field := range documented {
			require.Contains(t, object, field.Key)
		}
		again, err := connectors.Complete(got, documented)
		require.NoError(t, err)
		require.True(t, bytes.Equal(got, again), "completing twice changes nothing")
	})
}

// TestCompleteKeepsTheLength: what a web page would take for its own grows no longer.
func TestCompleteKeepsTheLength(t *testing.T) {
	t.Parallel()
	raw := `{"a":"` + strings.Repeat("&<>", 1000) + `"}`
	whole, err := connectors.Complete(json.RawMessage(raw), nil)
	require.NoError(t, err)
	require.Equal(t, raw, string(whole))
}
