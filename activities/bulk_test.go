package activities_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

// archive is what visibility knows, as the test says.
type archive struct {
	retention time.Duration
	unlocks   map[string]int
	err       error
	panics    bool
}

func (a archive) Retention(context.Context) (time.Duration, error) {
	if a.panics {
		panic("secret of " + latchkeytest.Email)
	}
	return a.retention, a.err
}

func (a archive) UnlocksOf(ctx context.Context, _ []string, _ time.Time) (map[string]int, error) {
	_, err := a.Retention(ctx)
	return a.unlocks, err
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for name, test := range map[string]struct {
		records activities.Records
		within  time.Duration
		want    string
	}{
		"nothing to count":     {within: 0},
		"no search attributes": {within: day, want: "the namespace lacks Latchkey's search attributes"},
		"kept too briefly":     {records: archive{retention: time.Hour}, within: day, want: "the namespace keeps closed runs for 1h, and the policy counts within 24h"},
		"kept just long":       {records: archive{retention: day}, within: day},
		"not asked in vain":    {records: archive{err: errors.New("down")}, within: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := townOf()
			b.steps.Records, b.steps.HidesPrivilege = test.records, true
			result, err := run[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{CountWithin: test.within})
			require.NoError(t, err)
			require.Equal(t, &activities.PrepareResult{
				Provider: latchkeytest.Provider, Lists: true, HidesPrivilege: true, CannotCount: test.want,
			}, result)
		})
	}
}

// TestPrepareWithoutAList: a provider that cannot list says so.
func TestPrepareWithoutAList(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	result, err := run[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{})
	require.NoError(t, err)
	require.False(t, result.Lists)
}

// TestCountUnlocks hands on what visibility knows.
func TestCountUnlocks(t *testing.T) {
	t.Parallel()
	b := newBench(locked())
	b.steps.Records = archive{unlocks: map[string]int{latchkeytest.UserID: 2}}
	result, err := run[activities.CountUnlocksResult](b, b.steps.CountUnlocks, activities.CountUnlocksInput{UserIDs: []string{latchkeytest.UserID}})
	require.NoError(t, err)
	require.Equal(t, map[string]int{latchkeytest.UserID: 2}, result.Unlocks)
}

// TestVisibilityFails: what visibility says itself is not stored, and its failures pass.
func TestVisibilityFails(t *testing.T) {
	t.Parallel()
	ask := map[string]func(*bench) error{
		"prepare": func(b *bench) error {
			_, err := run[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{CountWithin: time.Hour})
			return err
		},
		"count": func(b *bench) error {
			_, err := run[activities.CountUnlocksResult](b, b.steps.CountUnlocks, activities.CountUnlocksInput{UserIDs: []string{latchkeytest.UserID}})
			return err
		},
	}
	for name, test := range map[string]struct {
		step    string
		records activities.Records
		kind    string
	}{
		"no retention":                  {"prepare", archive{err: errors.New("secret")}, "Unavailable"},
		"no count":                      {"count", archive{err: errors.New("secret")}, "Unavailable"},
		"a worker that lost attributes": {"count", nil, "Unavailable"},
		"a panic at the retention":      {"prepare", archive{panics: true}, activities.TypeInternal},
		"a panic at the count":          {"count", archive{panics: true}, activities.TypeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(locked())
			b.steps.Records = test.records
			failure, _ := requireFailure(t, ask[test.step](b), test.kind)
			require.Equal(t, test.kind == activities.TypeInternal, failure.NonRetryable())
			require.NotContains(t, failure.Error(), "secret")
		})
	}
}

// TestResolve: each reference has its account or the reason why there is none.
func TestResolve(t *testing.T) {
	t.Parallel()
	b, town := townOf(latchkeytest.Member(1), latchkeytest.Member(2))
	town.FoldsIDs = true
	town.OnLookup = func(_ context.Context, name string) error {
		switch name {
		case strings.ToUpper(latchkeytest.MemberID(3)), latchkeytest.MemberID(3), latchkeytest.MisshapenID:
			return errors.New("a given ID is not asked about")
		case "twice":
			return latchkeytest.Fail(connectors.Ambiguous)
		case "broken":
			return errors.New("secret of " + latchkeytest.Email)
		}
		return nil
	}
	result, err := run[activities.ResolveResult](b, b.steps.Resolve, activities.ResolveInput{Refs: []connectors.UserRef{
		{Username: "member2"}, {Username: "nobody"}, {Email: "member1@example.org"}, {Username: "twice"}, {Username: "broken"},
		{ID: strings.ToUpper(latchkeytest.MemberID(3))}, {ID: latchkeytest.MemberID(3)}, {ID: latchkeytest.MisshapenID},
	}})
	require.NoError(t, err)
	var ids, kinds []string
	for _, resolved := range result.Resolved {
		ids, kinds = append(ids, resolved.UserID), append(kinds, string(resolved.Kind))
		require.Equal(t, resolved.UserID == "", resolved.Message != "")
		require.NotContains(t, resolved.Message, "secret")
		for _, personal := range append(latchkeytest.Personal(), "member", "nobody") {
			require.NotContains(t, resolved.Message, personal)
		}
	}
	require.Equal(t, []string{latchkeytest.MemberID(2), "", latchkeytest.MemberID(1), "", "", latchkeytest.MemberID(3), latchkeytest.MemberID(3), ""}, ids)
	require.Equal(t, []string{"", "NotFound", "", "Ambiguous", "Internal", "", "", "RejectedByProvider"}, kinds)
}

// TestResolveResumes: an attempt asks about what the one before it left open, those first
// that were asked about the least.
func TestResolveResumes(t *testing.T) {
	t.Parallel()
	refs := []connectors.UserRef{{Username: "member1"}, {Username: "member2"}, {Username: "member3"}}
	for name, test := range map[string]struct {
		details any
		asked   []string
		first   string
	}{
		"a part": {map[string]any{"tries": []int{1, 2, 1}, "resolved": []activities.Resolved{{UserID: latchkeytest.MemberID(7)}, {}, {}}},
			[]string{"member3", "member2"}, latchkeytest.MemberID(7)},
		"nonsense":       {[]int{1}, []string{"member1", "member2", "member3"}, latchkeytest.MemberID(1)},
		"another number": {map[string]any{"tries": []int{1}, "resolved": []activities.Resolved{{}}}, []string{"member1", "member2", "member3"}, latchkeytest.MemberID(1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, town := townOf(latchkeytest.Member(1), latchkeytest.Member(2), latchkeytest.Member(3))
			var asked []string
			town.OnLookup = func(_ context.Context, name string) error { asked = append(asked, name); return nil }
			b.environment.SetHeartbeatDetails(test.details)
			result, err := run[activities.ResolveResult](b, b.steps.Resolve, activities.ResolveInput{Refs: refs})
			require.NoError(t, err)
			require.Equal(t, test.asked, asked)
			require.Len(t, result.Resolved, 3)
			require.Equal(t, test.first, result.Resolved[0].UserID)
			require.Equal(t, latchkeytest.MemberID(3), result.Resolved[2].UserID)
		})
	}
}

// TestResolveIsPatient: a failure that may pass is waited out until the time is over, and then
// until it has been asked about often enough; it is counted for each reference by itself.
func TestResolveIsPatient(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind  connectors.Kind
		tries int
		until time.Duration
		given bool
	}{
		"there is time":             {kind: connectors.MalformedResponse, tries: 100, until: time.Minute},
		"time is over":              {kind: connectors.MalformedResponse, tries: 100, until: -time.Minute, given: true},
		"time is over, first asked": {kind: connectors.MalformedResponse, until: -time.Minute},
		"down":                      {kind: connectors.Unavailable, tries: 100, until: time.Minute},
		"it may not mean it":        {kind: connectors.PermissionDenied, until: time.Minute},
		"it means it":               {kind: connectors.PermissionDenied, tries: 2, until: time.Minute, given: true},
		"rejected":                  {kind: connectors.RejectedByProvider, until: time.Minute, given: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, town := townOf(latchkeytest.Member(1), latchkeytest.Member(2))
			town.OnLookup = func(_ context.Context, name string) error {
				if name == "member1" {
					return latchkeytest.Fail(test.kind)
				}
				return nil
			}
			b.environment.SetHeartbeatDetails(map[string]any{"tries": []int{test.tries, 0}, "resolved": []activities.Resolved{{}, {}}})
			result, err := run[activities.ResolveResult](b, b.steps.Resolve, activities.ResolveInput{
				Refs: []connectors.UserRef{{Username: "member1"}, {Username: "member2"}}, Until: time.Now().Add(test.until),
			})
			if !test.given {
				failure, _ := requireFailure(t, err, string(test.kind))
				require.False(t, failure.NonRetryable())
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.kind, result.Resolved[0].Kind)
			require.Equal(t, latchkeytest.MemberID(2), result.Resolved[1].UserID, "the others are found")
		})
	}
}

// TestResolveSparesAProviderThatIsDown: a few failures in a row end the attempt.
func TestResolveSparesAProviderThatIsDown(t *testing.T) {
	t.Parallel()
	for kind, asks := range map[connectors.Kind]int{connectors.Unavailable: 3, connectors.RateLimited: 1} {
		b, town := townOf()
		asked := 0
		town.OnLookup = func(context.Context, string) error { asked++; return latchkeytest.Fail(kind) }
		_, err := run[activities.ResolveResult](b, b.steps.Resolve, activities.ResolveInput{Refs: make([]connectors.UserRef, 50), Until: time.Now().Add(time.Minute)})
		_, _ = requireFailure(t, err, string(kind))
		require.Equal(t, asks, asked)
	}
}

// TestResolveFails: what may pass fails the attempt, and so does a panic.
func TestResolveFails(t *testing.T) {
	t.Parallel()
	for kind, fail := range map[string]func() error{
		"Unavailable":           func() error { return latchkeytest.Fail(connectors.Unavailable) },
		activities.TypeInternal: func() error { panic("secret of " + latchkeytest.Email) },
	} {
		b, town := townOf(latchkeytest.Member(1))
		town.OnLookup = func(context.Context, string) error { return fail() }
		_, err := run[activities.ResolveResult](b, b.steps.Resolve, activities.ResolveInput{Refs: []connectors.UserRef{{Username: "member1"}}})
		failure, _ := requireFailure(t, err, kind)
		require.NotContains(t, failure.Error(), "secret")
	}
}
