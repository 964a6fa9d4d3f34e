package simulator

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

func (s *Simulator) listRequest() *http.Request {
	request := httptest.NewRequest(http.MethodGet, "/v1/environments/"+DefaultEnvironmentID+"/users?limit=200", strings.NewReader(""))
	request.Header.Set("Authorization", "Bearer "+s.tokens.Issue(RoleAdmin, s.now(), time.Hour))
	return request
}

func (s *Simulator) unlockRequest(id string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, "/v1/environments/"+DefaultEnvironmentID+"/users/"+id, nil)
	request.Header.Set("Content-Type", typeAccountUnlock)
	request.Header.Set("Authorization", "Bearer "+s.tokens.Issue(RoleAdmin, s.now(), time.Hour))
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

func BenchmarkList(b *testing.B) {
	s := New(Options{})
	_, err := s.Populate(kit.Populate{Count: 50_000, Locked: 5_000})
	require.NoError(b, err)
	for b.Loop() {
		s.ServeHTTP(httptest.NewRecorder(), s.listRequest())
	}
}

func BenchmarkPopulate(b *testing.B) {
	for b.Loop() {
		_, err := New(Options{}).Populate(kit.Populate{Count: 50_000})
		require.NoError(b, err)
	}
}

func FuzzFilters(f *testing.F) {
	f.Add(`username eq "ann" and (enabled eq true or name.given sw "A")`)
	f.Add(`population.id eq "x" or email eq "\u00e9"`)
	s := New(Options{})
	s.MustCreateUser(map[string]any{"username": "ann"})
	f.Fuzz(func(_ *testing.T, text string) {
		if parsed, err := parseFilter(text, true); err == nil {
			s.find(parsed, 0, 10)
		}
	})
}
