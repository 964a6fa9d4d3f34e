package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

func (s *Simulator) listRequest() *http.Request {
	request := httptest.NewRequest(http.MethodPost, "/api/search/systemusers", strings.NewReader(`{"filter":[{"account_locked":true}],"limit":100,"sort":"_id"}`))
	request.Header.Set("x-api-key", DefaultAPIKey)
	request.Header.Set("Content-Type", "application/json")
	return request
}

func (s *Simulator) unlockRequest(id string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, "/api/systemusers/"+id+"/unlock", nil)
	request.Header.Set("x-api-key", DefaultAPIKey)
	return request
}

func TestManyUsersTakeLittleMemory(t *testing.T) { //nolint:paralleltest // it measures the whole process
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := New(Options{})
	made, err := s.Populate(kit.Populate{Count: 50_000, Locked: 5_000, Suspended: 100})
	require.NoError(t, err)
	require.Equal(t, 50_000, made.Users)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(150<<20))
	require.Len(t, s.Book.All(), 5_000)

	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, s.listRequest())
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body)
	t.Logf("50,000 users: %d MiB, a page: %d KiB", (after.HeapAlloc-before.HeapAlloc)>>20, recorder.Body.Len()>>10)
}

func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	_, err := s.Populate(kit.Populate{Count: 20, Locked: 20, LockedBy: kit.CauseAdmin})
	require.NoError(t, err)
	ids := []string{}
	for _, u := range s.users.All() {
		ids = append(ids, u.id)
	}
	s.Faults.MustAdd(kit.Fault{Operation: OpUnlock, Kind: kit.KindStale, Reads: 1})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for _, id := range ids {
				s.ServeHTTP(httptest.NewRecorder(), s.unlockRequest(id))
				s.SignIn(id, "wrong")
				s.ServeHTTP(httptest.NewRecorder(), s.listRequest())
				_, _ = s.User(id)
				_ = s.Clock.Advance(time.Millisecond)
				_ = s.Configure(func(*Settings) {})
			}
		})
	}
	group.Wait()
	unlocked := 0
	for _, change := range s.Book.All() {
		if change.What == kit.Unlocked && change.Layer == kit.LayerAccount {
			unlocked++
		}
	}
	require.Equal(t, 20, unlocked, "of four unlocks of each one is effective")
	require.Equal(t, 80, s.Calls.Count(OpUnlock))
}

// TestLockedAreIndexed: the list of the locked is the same by whatever way it is found.
func TestLockedAreIndexed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := New(Options{})
		require.NoError(t, s.Configure(func(settings *Settings) { settings.PasswordPolicy.EnableLockoutTimeInSeconds = true }))
		_, err := s.Populate(kit.Populate{Count: 12, Locked: rapid.IntRange(0, 12).Draw(t, "locked")})
		require.NoError(t, err)
		for range rapid.IntRange(0, 20).Draw(t, "acts") {
			users := s.users.All()
			u := rapid.SampledFrom(users).Draw(t, "user")
			act := rapid.SampledFrom([]string{"lock", "unlock", "fail", "suspend", "wait", "delete"}).Draw(t, "act")
			switch {
			case act == "wait":
				require.NoError(t, s.Clock.Advance(10*time.Minute))
			case act == "fail":
				require.NoError(t, s.LockByFailures(u.id))
			case act != "delete" || len(users) > 1:
				require.NoError(t, s.Act(u.id, act, nil))
			}
			s.settle()
			requireIndexed(t, s)
		}
	})
}

func requireIndexed(t *rapid.T, s *Simulator) {
	for _, text := range []string{`{"account_locked":true}`, `{"or":[{"account_locked":true}]}`, `{"account_locked":{"$ne":false}}`} {
		f, err := parseSearch(kit.JSON(json.RawMessage(text)))
		require.NoError(t, err)
		found, total := s.find(page{filter: f, limit: 100})
		require.Len(t, found, total)
		require.Equal(t, len(s.locked), total)
		for i := range found {
			require.Same(t, s.locked[i], found[i], text)
		}
		found, total = s.find(page{filter: f, skip: 2, limit: 3})
		require.Equal(t, len(s.locked), total)
		require.Len(t, found, min(3, max(total-2, 0)))
	}
}

func BenchmarkList(b *testing.B) {
	s := New(Options{})
	_, err := s.Populate(kit.Populate{Count: 50_000, Locked: 5_000})
	require.NoError(b, err)
	for b.Loop() {
		s.ServeHTTP(httptest.NewRecorder(), s.listRequest())
	}
}

// BenchmarkListAmongUnlocks reads pages of 50,000 locked users while they are unlocked.
func BenchmarkListAmongUnlocks(b *testing.B) {
	s := New(Options{})
	_, err := s.Populate(kit.Populate{Count: 50_000, Locked: 50_000})
	require.NoError(b, err)
	users, turn := s.users.All(), 0
	for b.Loop() {
		body := fmt.Sprintf(`{"filter":[{"account_locked":true}],"limit":100,"skip":%d,"sort":"_id"}`, turn*99%40_000)
		request := httptest.NewRequest(http.MethodPost, "/api/search/systemusers", strings.NewReader(body))
		request.Header = s.listRequest().Header
		s.ServeHTTP(httptest.NewRecorder(), request)
		s.ServeHTTP(httptest.NewRecorder(), s.unlockRequest(users[turn%len(users)].id))
		turn++
	}
}

func BenchmarkPopulate(b *testing.B) {
	for b.Loop() {
		_, err := New(Options{}).Populate(kit.Populate{Count: 50_000})
		require.NoError(b, err)
	}
}

func FuzzFilters(f *testing.F) {
	f.Add("username:$eq:ann", `{"or":[{"username":{"$regex":"(?i)(^x$)"}}]}`)
	f.Add("unix_uid:$in:1|2", `[{"account_locked":true},{"admin":null},{"tags":{"$in":["a"]}}]`)
	s := New(Options{})
	s.MustCreateUser(map[string]any{"username": "ann"})
	f.Fuzz(func(_ *testing.T, query, search string) {
		if parsed, err := parseQuery([]string{query}); err == nil {
			s.find(page{filter: parsed})
		}
		if !json.Valid([]byte(search)) {
			return
		}
		if parsed, err := parseSearch(kit.JSON(json.RawMessage(search))); err == nil {
			s.find(page{filter: parsed})
		}
	})
}
