package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// lockedIDs are those of the first 100 locked users.
func (s *Simulator) lockedIDs(t require.TestingT) (ids []string) {
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, s.listRequest())
	var page struct{ Results []struct{ ID string } }
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &page))
	for _, user := range page.Results {
		ids = append(ids, user.ID)
	}
	return ids
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
	ids := s.lockedIDs(t)
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

// BenchmarkListAmongUnlocks reads pages of 50,000 locked users while they are unlocked.
func BenchmarkListAmongUnlocks(b *testing.B) {
	s := New(Options{})
	_, err := s.Populate(kit.Populate{Count: 50_000, Locked: 50_000})
	require.NoError(b, err)
	ids, turn := s.lockedIDs(b), 0
	for b.Loop() {
		body := fmt.Sprintf(`{"filter":[{"account_locked":true}],"limit":100,"skip":%d,"sort":"_id"}`, turn*99%40_000)
		request := httptest.NewRequest(http.MethodPost, "/api/search/systemusers", strings.NewReader(body))
		request.Header = s.listRequest().Header
		s.ServeHTTP(httptest.NewRecorder(), request)
		s.ServeHTTP(httptest.NewRecorder(), s.unlockRequest(ids[turn%len(ids)]))
		turn++
	}
}

func BenchmarkPopulate(b *testing.B) {
	for b.Loop() {
		_, err := New(Options{}).Populate(kit.Populate{Count: 50_000})
		require.NoError(b, err)
	}
}

// FuzzFilters: whatever is asked for, the answer is a page or an error, and no filter that
// is refused is taken for none.
func FuzzFilters(f *testing.F) {
	f.Add("filter", "username:$eq:ann", `{"or":[{"username":{"$regex":"(?i)(^x$)"}}]}`)
	f.Add("filter[or][0]", "unix_uid:$in:1|2", `[{"account_locked":true},{"admin":null},{"tags":{"$in":["a"]}}]`)
	f.Add("search[searchTerm]", "ann", `["username:$eq:ann"]`)
	s := New(Options{})
	s.MustCreateUser(map[string]any{"username": "ann"})
	f.Fuzz(func(t *testing.T, name, value, filter string) {
		target := "/api/search/systemusers?" + url.Values{name: {value}}.Encode()
		request := httptest.NewRequest(http.MethodPost, target, strings.NewReader(`{"filter":`+filter+`}`))
		request.Header = s.listRequest().Header
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, request)
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, recorder.Code, recorder.Body)
	})
}
