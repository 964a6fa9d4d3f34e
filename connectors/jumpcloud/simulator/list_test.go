package simulator_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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
		"department:$eq:Sales&filter=unix_uid:$gt:7": {"Ann"},
	} {
		require.Equal(t, want, b.do("GET", "/api/systemusers?filter="+strings.ReplaceAll(filter, "|", "%7C"), "").results(t), filter)
	}
	for _, filter := range []string{"x", "username:ann", "username:eq:ann", ":$eq:x", "username:$regex:x", "nothing:$ne:x", ""} {
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
		`"username:$eq:ann"`:                               {"ann"},
		`["department:$eq:Sales","unix_uid:$gt:7"]`:        {"Ann"},
		`{"and":["department:$eq:Sales",{"unix_uid":7}]}`:  {"ann"},
		`{"or":["username:$eq:ann","username:$eq:cat"]}`:   {"ann", "cat"},
		`["account_locked:$eq:true"]`:                      {"bob", "cat"},
	} {
		require.Equal(t, want, b.do("POST", "/api/search/systemusers", `{"filter":`+filter+`}`).results(t), filter)
	}
	for _, body := range []string{
		`{"filter":"x"}`, `{"filter":["x"]}`, `{"filter":7}`, `{"filter":{"nothing":{"$ne":1}}}`, `{"filter":["nothing:$ne:x"]}`,
		`{"colour":"red"}`, `{"sort":"nothing"}`, `{"searchFilter":"ann"}`, `{"searchFilter":{"searchTerm":"ann"}}`,
		`{"searchFilter":{"fields":["username"]}}`, `{"searchFilter":{"searchTerm":"ann","fields":["nothing"]}}`,
		`{"searchFilter":{"searchTerm":"ann","fields":["username"],"colour":"red"}}`, `{"filter":{"username":{"$regex":"("}}}`, `{"filter":{"username":{"$like":"x"}}}`,
		`{"filter":{"$where":"1"}}`, `{"filter":{"or":[]}}`, `{"limit":"10"}`, `{"limit":-1}`, `{"skip":-1}`, `[]`, `{`, ``,
	} {
		require.Equal(t, 400, b.do("POST", "/api/search/systemusers", body).status, body)
	}
}

// TestSearchesText: a term stands anywhere in one of the fields, whatever its case, beside
// what a filter asks for.
func TestSearchesText(t *testing.T) {
	t.Parallel()
	b := someUsers(t)
	for body, want := range map[string][]string{
		`{"searchFilter":{"searchTerm":"NN","fields":["username"]}}`:                                   {"ann", "Ann"},
		`{"searchFilter":{"searchTerm":["bo","ca"],"fields":["username","email"]}}`:                    {"bob", "cat"},
		`{"searchFilter":{"searchTerm":"example.com","fields":["email"]},"filter":{"unix_uid":7}}`:     {"ann"},
		`{"searchFilter":{"searchTerm":".","fields":["username"]}}`:                                    {},
		`{"searchFilter":{"searchTerm":"a","fields":["username"]},"filter":[{"account_locked":true}]}`: {"cat"},
	} {
		require.Equal(t, want, b.do("POST", "/api/search/systemusers", body).results(t), body)
	}
	for query, want := range map[string][]string{
		`search={"searchTerm":"NN","fields":["username"]}`:                          {"ann", "Ann"},
		`search[searchTerm]=nn&search[fields][]=username`:                           {"ann", "Ann"},
		`search[searchTerm]=a&search[fields][0]=username&filter=suspended:$eq:true`: {"cat"},
	} {
		require.Equal(t, want, b.do("GET", "/api/systemusers?"+escaped(query), "").results(t), query)
	}
	for _, query := range []string{`search=ann`, `search=null`, `search=`, `search={"searchTerm":"a","fields":["username"],"fields":["email"]}`, `search[searchTerm]=ann`, `search[fields][]=username`, `search[colour]=red`, `search={"searchTerm":"ann"}`} {
		require.Equal(t, 400, b.do("GET", "/api/systemusers?"+escaped(query), "").status, query)
	}
}

// escaped is a query whose parameters' names and values stand as they are.
func escaped(query string) string {
	values := url.Values{}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		values.Add(name, value)
	}
	return values.Encode()
}

// TestIndexedFilters: filters with an index are filters, of which all or one must hold.
func TestIndexedFilters(t *testing.T) {
	t.Parallel()
	b := someUsers(t)
	for query, want := range map[string][]string{
		"filter[0]=username:$eq:ann":                                         {"ann"},
		"filter[]=username:$eq:ann":                                          {"ann"},
		"filter[0]=department:$eq:Sales&filter[1]=unix_uid:$gt:7":            {"Ann"},
		"filter[and][0]=department:$eq:Sales&filter[and][1]=unix_uid:$gt:7":  {"Ann"},
		"filter[or][0]=username:$eq:ann&filter[or][1]=username:$eq:cat":      {"ann", "cat"},
		"filter[or][0]=username:$eq:ann&filter=unix_uid:$eq:80":              {},
		"filter[or][0]=account_locked:$eq:true&filter[or][1]=unix_uid:$eq:7": {"ann", "bob", "cat"},
	} {
		require.Equal(t, want, b.do("GET", "/api/systemusers?"+escaped(query), "").results(t), query)
	}
	for _, query := range []string{"filter[x]=username:$eq:ann", "filter[or]=username:$eq:ann", "filter[0]=x", "filter[or][0]=nothing:$ne:x", "filters=username:$eq:ann", "colour=red"} {
		require.Equal(t, 400, b.do("GET", "/api/systemusers?"+escaped(query), "").status, query)
	}
}

// TestIgnoresUnknown: only where a setting says so, what is not understood asks for everybody.
func TestIgnoresUnknown(t *testing.T) {
	t.Parallel()
	b := someUsers(t)
	calls := map[string]func() reply{
		"parameter":        func() reply { return b.do("GET", "/api/systemusers?colour=red", "") },
		"filter":           func() reply { return b.do("GET", "/api/systemusers?filter=nothing:$ne:x", "") },
		"key of a search":  func() reply { return b.do("POST", "/api/search/systemusers", `{"colour":"red"}`) },
		"filter of it":     func() reply { return b.do("POST", "/api/search/systemusers", `{"filter":{"nothing":1}}`) },
		"text of a search": func() reply { return b.do("POST", "/api/search/systemusers", `{"searchFilter":{"searchTerm":"ann"}}`) },
	}
	for name, call := range calls {
		require.Equal(t, 400, call().status, name)
	}
	id := b.sim.MustCreateUser(map[string]any{"username": "dan"})
	bodies := map[string]string{"POST /api/systemusers/" + id + "/unlock": `{}`, "PUT /api/systemusers/" + id: `{"colour":"red"}`}
	for target, body := range bodies {
		method, path, _ := strings.Cut(target, " ")
		require.Equal(t, 400, b.do(method, path, body).status, target)
	}
	require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.IgnoresUnknown = true }))
	for name, call := range calls {
		require.Len(t, call().results(t), 5, name)
	}
	for target, body := range bodies {
		method, path, _ := strings.Cut(target, " ")
		require.Equal(t, 200, b.do(method, path, body).status, target)
	}
}

// TestSearchPagesByItsQuery: a search takes limit and skip in the query too; the body wins.
func TestSearchPagesByItsQuery(t *testing.T) {
	t.Parallel()
	b := someUsers(t)
	for query, test := range map[string]struct {
		body string
		want []string
	}{
		"limit=2":        {`{}`, []string{"ann", "Ann"}},
		"limit=2&skip=1": {`{}`, []string{"Ann", "bob"}},
		"limit=1&skip=3": {`{"limit":2,"skip":0}`, []string{"ann", "Ann"}},
		"sort=-unix_uid": {`{"filter":{"department":"Sales"}}`, []string{"Ann", "ann"}},
	} {
		require.Equal(t, test.want, b.do("POST", "/api/search/systemusers?"+query, test.body).results(t), query)
	}
}

// TestGap: where a list has a gap, pages are short or empty or hold null rows, although
// totalCount says that more follow; and no user is lost behind it.
func TestGap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		count, limit := rapid.IntRange(1, 40).Draw(rt, "users"), rapid.IntRange(1, 15).Draw(rt, "limit")
		gap := simulator.Gap{At: rapid.IntRange(0, 45).Draw(rt, "at"), Count: rapid.IntRange(0, 30).Draw(rt, "count"), Null: rapid.Bool().Draw(rt, "null")}
		_, err := b.sim.Populate(kit.Populate{Count: count})
		require.NoError(rt, err)
		require.NoError(rt, b.sim.Configure(func(s *simulator.Settings) { s.Gap, s.PageLimit = gap, limit }))
		total := count
		if gap.At <= count {
			total += gap.Count
		}
		var seen []string
		nulls := 0
		for skip := 0; skip < total; skip += limit {
			object := b.do("GET", fmt.Sprintf("/api/systemusers?limit=1000&skip=%d", skip), "").object(t)
			require.InDelta(rt, total, object["totalCount"], 0)
			rows := object["results"].([]any)
			require.LessOrEqual(rt, len(rows), limit)
			for _, row := range rows {
				if row == nil {
					nulls++
					continue
				}
				seen = append(seen, row.(map[string]any)["username"].(string))
			}
			if gap.Null || gap.Count == 0 {
				require.Len(rt, rows, min(limit, total-skip))
			}
		}
		require.Len(rt, seen, count)
		require.True(rt, slices.IsSorted(seen))
		if gap.Null {
			require.Equal(rt, total-count, nulls)
		}
	})
}

// TestNulls: null stands only where the specification has it, unless a setting says
// otherwise; what a user was made with stays.
func TestNulls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id, other := b.sim.MustCreateUser(map[string]any{}), b.sim.MustCreateUser(map[string]any{"alternateEmail": "x@home.example"})
	nullable := map[string]bool{"account_locked_date": true, "password_date": true, "password_expiration_date": true, "admin": true, "delegatedAuthority": true}
	for key, value := range b.read(id) {
		require.True(t, value != nil || nullable[key], key)
	}
	require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.NullsInTheWild = true }))
	for _, key := range []string{"alternateEmail", "employeeIdentifier"} {
		require.Nil(t, b.read(id)[key])
	}
	require.Equal(t, "x@home.example", b.read(other)["alternateEmail"])
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
