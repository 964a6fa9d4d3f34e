package simulator_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.MustCreateUser(map[string]any{"username": "ann", "email": "shared@example.com", "name": map[string]string{"given": "Ann"},
		"memberOfGroupIDs": []string{"g1", "g2"}})
	b.sim.MustCreateUser(map[string]any{"username": "ben \"x\"", "email": "Shared@example.com", "enabled": false})
	b.sim.MustCreateUser(map[string]any{"username": "annabel", "email": nil})
	for filter, want := range map[string]int{
		`username eq "ann"`:                                            1,
		`username eq "ANN"`:                                            1,
		`username eq "ben \"x\""`:                                      1,
		`email eq "shared@example.com"`:                                2,
		`username sw "ann"`:                                            2,
		`username sw "ann" and email sw "sh"`:                          1,
		`username eq "ann" or username eq "annabel"`:                   2,
		`(username eq "ann" or enabled eq false) and enabled eq true`:  1,
		`enabled eq true`:                                              2,
		`name.given eq "ann"`:                                          1,
		`email co "RED@"`:                                              2,
		`username ew "bel"`:                                            1,
		`email ew ".com" and username co "x"`:                          1,
		`memberOfGroups[id eq "g2"]`:                                   1,
		`memberOfGroups[id eq "g3"]`:                                   0,
		`memberOfGroups[id eq "g1" or id eq "g3"] and enabled eq true`: 1,
		`username eq "\u0061nn"`:                                       1,
		`username EQ "ann"`:                                            1,
		`population.id eq "` + simulator.DefaultPopulationID + `"`:     3,
		``: 3,
	} {
		answer := b.do("GET", "users?filter="+url.QueryEscape(filter), "")
		require.Equal(t, 200, answer.status, filter+answer.body)
		object := answer.object(t)
		require.Equal(t, float64(want), object["count"], filter)
		require.Equal(t, float64(want), object["size"], filter)
		require.Len(t, object["_embedded"].(map[string]any)["users"], want, filter)
	}
	for _, filter := range []string{
		`username`, `username eq`, `username eq ann`, `username eq "ann`, `username ne "ann"`, `username eq "a" and`,
		`(username eq "a"`, `username eq "a")`, `username sw true`, `badgeNumber eq "B-1042"`, `account.status eq "LOCKED"`,
		`username eq null`, `not (username eq "a")`, strings.Repeat("(", 100), `eq sw eq`, `"`,
		`enabled eq "true"`, `enabled co true`, `username eq 7`, `username pr`, `username gt "a"`, `groups[id eq "g1"]`,
		`memberOfGroups[name eq "Admins"]`, `memberOfGroups[id co "g"]`, `nothing eq "x"`,
	} {
		requireCode(t, b.do("GET", "users?filter="+url.QueryEscape(filter), ""), 400, "INVALID_DATA", "INVALID_VALUE")
	}
	require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.IgnoresUnknown = true }))
	for _, query := range []string{"filter=" + url.QueryEscape(`nothing eq "x"`), "colour=red", "include=colour"} {
		require.Equal(t, float64(3), b.do("GET", "users?"+query, "").object(t)["count"], query)
	}
	require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.AccountStatusFilterable, s.FilterIgnoresCase = true, false }))
	require.NoError(t, b.sim.Lock("ann"))
	object := b.do("GET", "users?filter="+url.QueryEscape(`account.status eq "LOCKED"`), "").object(t)
	require.Equal(t, float64(1), object["count"])
	object = b.do("GET", "users?filter="+url.QueryEscape(`email eq "shared@example.com"`), "").object(t)
	require.Equal(t, float64(1), object["count"])
}

func TestPaging(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.sim.Populate(kit.Populate{Count: 450, Locked: 45})
	require.NoError(t, err)
	seen := map[string]bool{}
	next, pages := "users?limit=500", 0
	for next != "" {
		object := b.do("GET", next, "").object(t)
		require.Equal(t, float64(450), object["count"])
		for _, user := range object["_embedded"].(map[string]any)["users"].([]any) {
			seen[user.(map[string]any)["id"].(string)] = true
		}
		next = ""
		if link, more := object["_links"].(map[string]any)["next"]; more {
			next = link.(map[string]any)["href"].(string)
			require.True(t, strings.HasPrefix(next, b.url+"/v1/environments/"+b.sim.EnvironmentID()+"/users?"), next)
		}
		pages++
	}
	require.Len(t, seen, 450)
	require.Equal(t, 3, pages)

	for _, query := range []string{"limit=0", "limit=-1", "limit=x", "cursor=x", "cursor=" + strconv.Itoa(7)} {
		require.Equal(t, 400, b.do("GET", "users?"+query, "").status, query)
	}
	require.NoError(t, b.sim.Configure(func(s *simulator.Settings) { s.NextBaseURL = "https://evil.example" }))
	require.Contains(t, b.do("GET", "users", "").body, `"https://evil.example/v1/environments/`)
}

func TestStaleReads(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.sim.MustCreateUser(map[string]any{"account": map[string]string{"status": "LOCKED"}})
	b.sim.Faults.MustAdd(kit.Fault{Operation: "unlock", Kind: kit.KindStale, Reads: 2, Times: 1})
	b.do("POST", "users/"+id, "", typeUnlock)
	require.Equal(t, "LOCKED", b.account(id)["status"])
	object := b.do("GET", "users", "").object(t)
	require.Equal(t, "LOCKED", object["_embedded"].(map[string]any)["users"].([]any)[0].(map[string]any)["account"].(map[string]any)["status"])
	require.Equal(t, "OK", b.account(id)["status"])

	b.sim.Faults.MustAdd(kit.Fault{Operation: "lock", Kind: kit.KindStale, For: kit.Duration(time.Minute)})
	b.do("POST", "users/"+id, "", typeLock)
	require.Equal(t, "OK", b.account(id)["status"])
	account, _ := b.sim.Locked(id)
	require.True(t, account)
	require.NoError(t, b.sim.Clock.Advance(time.Minute))
	require.Equal(t, "LOCKED", b.account(id)["status"])
}
