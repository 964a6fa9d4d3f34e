package simulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

func someUsers(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	for _, user := range []map[string]any{
		{"username": "ann", "department": "Sales", "unix_uid": 7},
		{"username": "Ann", "department": "Sales", "unix_uid": 80},
		{"username": "bob", "email": "b:o:b@example.com", "account_locked": true, "mfa": map[string]any{"configured": true}},
		{"username": "cat", "suspended": true, "account_locked": true},
	} {
		b.sim.MustCreateUser(user)
	}
	return b
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	b := someUsers(t)
	for filter, want := range map[string][]string{
		"username:$eq:ann":                           {"ann"},
		"username:$eq:ANN":                           {},
		"email:$eq:b:o:b@example.com":                {"bob"},
		"username:$ne:bob":                           {"ann", "Ann", "cat"},
		"username:$in:ann,bob":                       {"ann", "bob"},
		"username:$nin:ann|bob":                      {"Ann", "cat"},
		"username:$sw:a":                             {"ann"},
		"account_locked:$eq:true":                    {"bob", "cat"},
		"unix_uid:$lt:10":                            {"ann"},
		"unix_uid:$gte:80":                           {"Ann", "bob", "cat"},
		"unix_uid:$lte:7":                            {"ann"},
		"created:$gt:2020-01-01T00:00:00.000Z":       {"ann", "Ann", "bob", "cat"},
		"mfa.configured:$eq:true":                    {"bob"},
		"nothing:$eq:x":                              {},
		"department:$eq:Sales&filter=unix_uid:$gt:7": {"Ann"},
	} {
		require.Equal(t, want, b.do("GET", "/api/systemusers?filter="+strings.ReplaceAll(filter, "|", "%7C"), "").results(t), filter)
	}
	for _, filter := range []string{"x", "username:ann", "username:eq:ann", ":$eq:x", "username:$regex:x", ""} {
		require.Equal(t, 400, b.do("GET", "/api/systemusers?filter="+filter, "").status, filter)
	}
}

func TestSearchFilters(t *testing.T) {
	t.Parallel()
	b := someUsers(t)
	for filter, want := range map[string][]string{
		`{"username":{"$regex":"(?i)(^ann$)"}}`:            {"ann", "Ann"},
		`{"username":{"$regex":"(?i)(^ANN)"}}`:             {"ann", "Ann"},
		`[{"account_locked":true}]`:                        {"bob", "cat"},
		`[{"account_locked":"true"}]`:                      {},
		`[{"account_locked":true},{"suspended":false}]`:    {"bob"},
		`{"account_locked":true,"suspended":false}`:        {"bob"},
		`{"or":[{"username":"ann"},{"username":"cat"}]}`:   {"ann", "cat"},
		`{"and":[{"department":"Sales"},{"unix_uid":80}]}`: {"Ann"},
		`{"username":{"$in":["ann","bob"]}}`:               {"ann", "bob"},
		`{"username":{"$nin":["ann","bob"]}}`:              {"Ann", "cat"},
		`{"unix_uid":{"$gt":7,"$lt":100}}`:                 {"Ann"},
		`{"admin":null}`:                                   {"ann", "Ann", "bob", "cat"},
		`{"username":"ann"}`:                               {"ann"},
		`null`:                                             {"ann", "Ann", "bob", "cat"},
	} {
		require.Equal(t, want, b.do("POST", "/api/search/systemusers", `{"filter":`+filter+`}`).results(t), filter)
	}
	for _, body := range []string{
		`{"filter":"x"}`, `{"filter":["x"]}`, `{"filter":{"username":{"$regex":"("}}}`, `{"filter":{"username":{"$like":"x"}}}`,
		`{"filter":{"$where":"1"}}`, `{"filter":{"or":[]}}`, `{"limit":"10"}`, `{"limit":-1}`, `{"skip":-1}`, `[]`, `{`, ``,
	} {
		require.Equal(t, 400, b.do("POST", "/api/search/systemusers", body).status, body)
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made, err := b.sim.Populate(kit.Populate{Count: 250, Locked: 120, LockedBy: kit.CauseAdmin})
	require.NoError(t, err)
	require.Equal(t, 250, made.Users)
	require.Len(t, b.do("GET", "/api/systemusers", "").results(t), 10)
	require.Len(t, b.do("GET", "/api/systemusers?limit=500", "").results(t), 100)
	require.Len(t, b.do("GET", "/api/systemusers?limit=100&skip=200", "").results(t), 50)
	require.Empty(t, b.do("GET", "/api/systemusers?skip=1000", "").results(t))
	for _, query := range []string{"limit=x", "limit=-1", "skip=-1", "skip=x"} {
		require.Equal(t, 400, b.do("GET", "/api/systemusers?"+query, "").status, query)
	}
	last := ""
	for skip := 0; skip < 120; skip += 100 {
		answer := b.do("POST", "/api/search/systemusers",
			fmt.Sprintf(`{"filter":[{"account_locked":true}],"limit":100,"skip":%d,"sort":"_id"}`, skip))
		require.Equal(t, float64(120), answer.object(t)["totalCount"])
		for _, user := range answer.object(t)["results"].([]any) {
			id := user.(map[string]any)["_id"].(string)
			require.Greater(t, id, last)
			last = id
		}
	}
	object := b.do("GET", "/api/systemusers?limit=1&sort=-_id&fields=username%20email", "").object(t)
	only := object["results"].([]any)[0].(map[string]any)
	require.Equal(t, made.LastID, only["_id"])
	require.Len(t, only, 4)
}

func TestOperations(t *testing.T) {
	t.Parallel()
	b := someUsers(t)
	b.do("GET", "/api/systemusers?filter=username:$eq:ann", "")
	b.do("POST", "/api/search/systemusers", `{"filter":{"username":{"$regex":"(?i)(^x$)"}}}`)
	b.do("GET", "/api/systemusers", "")
	b.do("POST", "/api/search/systemusers", `{"filter":[{"account_locked":true}]}`)
	b.do("GET", "/api/organizations/"+simulator.DefaultOrgID, "")
	b.do("GET", "/api/nothing", "")
	b.do("POST", "/oauth2/token", "")
	require.Equal(t, map[string]int64{"find": 2, "list": 2, "organization": 1, "other": 1, "token": 1}, b.sim.Calls.Summary().Counts)
}

func TestOrganization(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	settings := b.do("GET", "/api/organizations/"+simulator.DefaultOrgID, "").object(t)["settings"].(map[string]any)
	policy := settings["passwordPolicy"].(map[string]any)
	require.Equal(t, true, policy["enableMaxLoginAttempts"])
	require.Equal(t, float64(6), policy["maxLoginAttempts"])
	require.Equal(t, float64(900), policy["lockoutTimeInSeconds"])
	require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.OrganizationReadable = false }))
	require.Equal(t, 403, b.do("GET", "/api/organizations/"+simulator.DefaultOrgID, "").status)
}

func TestStaleReads(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"account_locked": true})
	b.sim.Faults.MustAdd(kit.Fault{Operation: "unlock", Kind: kit.KindStale, Reads: 2})
	b.do("POST", "/api/systemusers/"+id+"/unlock", "")
	require.False(t, b.sim.Locked(id))
	require.Equal(t, true, b.read(id)["account_locked"])
	require.Len(t, b.do("POST", "/api/search/systemusers", `{"filter":[{"account_locked":true}]}`).results(t), 1)
	require.Equal(t, false, b.read(id)["account_locked"])
}
