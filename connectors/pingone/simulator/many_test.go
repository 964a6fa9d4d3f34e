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

// authorize gives a request a token of its own.
func (s *Simulator) authorize(request *http.Request) {
	ask := httptest.NewRequest(http.MethodPost, "/"+DefaultEnvironmentID+"/as/token", strings.NewReader("grant_type=client_credentials"))
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	ask.SetBasicAuth(DefaultClientID, DefaultClientSecret)
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, ask)
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+answer.Token)
}

func (s *Simulator) listRequest() *http.Request {
	request := httptest.NewRequest(http.MethodGet, "/v1/environments/"+DefaultEnvironmentID+"/users?limit=200", strings.NewReader(""))
	s.authorize(request)
	return request
}

func (s *Simulator) unlockRequest(id string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, "/v1/environments/"+DefaultEnvironmentID+"/users/"+id, nil)
	request.Header.Set("Content-Type", typeAccountUnlock)
	s.authorize(request)
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
	for i := range 20 {
		raw, err := s.User(fmt.Sprintf("user%06d", i+1))
		require.NoError(t, err)
		user, err := kit.ParseFields(raw, "user")
		require.NoError(t, err)
		ids = append(ids, user.Text("id"))
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

// FuzzFilters: whatever is asked for, the answer is a page or an error.
func FuzzFilters(f *testing.F) {
	f.Add(`username eq "ann" and (enabled eq true or name.given sw "A")`)
	f.Add(`population.id eq "x" or email eq "\u00e9"`)
	f.Add(`memberOfGroups[id eq "a"] and username co "\\"`)
	s := New(Options{})
	s.MustCreateUser(map[string]any{"username": "ann"})
	request := s.listRequest()
	f.Fuzz(func(t *testing.T, text string) {
		request := request.Clone(t.Context())
		request.URL.RawQuery = url.Values{"filter": {text}}.Encode()
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, request)
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, recorder.Code, recorder.Body)
	})
}
