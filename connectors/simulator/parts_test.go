package simulator

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFields(t *testing.T) {
	t.Parallel()
	base := MustFields(`{"b": 1, "a": {"x": {"y": 9007199254740993}}, "d": null, "e": "<é\"\u2028>"}`)
	top := MustFields(`{"c": [1, 2], "b": 2}`)
	both := top.Over(base)
	require.JSONEq(t, `{"a":{"x":{"y":9007199254740993}},"b":2,"c":[1,2],"d":null,"e":"<é\"\u2028>"}`, string(JSON(both)))
	require.Equal(t, "9007199254740993", string(both.Path("a.x.y")))
	require.Nil(t, both.Path("b.x"))
	require.Equal(t, `{"b":2,"d":null}`, string(JSON(both.Without("a", "c", "e", "z"))))
	require.Equal(t, `{"a":1,"b":2}`, string(JSON(MustFields(`{"b":2}`).With("a", 1))))
	require.Equal(t, `{"b":3}`, string(JSON(MustFields(`{"b":2}`).With("b", 3))))
	require.Empty(t, both.Text("b"))
	require.Equal(t, "<é\"\u2028>", both.Text("e"))
	require.Equal(t, "1", string(base["b"]), "laying over and setting change nothing in place")
	for _, raw := range []string{``, `null`, `7`, `[]`, `{} {}`, `{`, `{"a":1,"a":2}`} {
		_, err := ParseFields([]byte(raw), "thing")
		require.ErrorContains(t, err, "thing", raw)
	}
	require.Panics(t, func() { MustFields("x") })
	require.Panics(t, func() { JSON(func() {}) })
}

func FuzzParseFields(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}],"c":"\ud800"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		fields, err := ParseFields(raw, "thing")
		if err != nil {
			return
		}
		text := JSON(fields)
		require.True(t, json.Valid(text), "%s", text)
		again, err := ParseFields(text, "thing")
		require.NoError(t, err)
		require.Equal(t, fields, again)
	})
}

// TestInto: the keys that are named are read, the others left, and the error of a wrong type names its key.
func TestInto(t *testing.T) {
	t.Parallel()
	fields := MustFields(`{"s":"x","t":"2026-03-01T12:00:00Z","o":{"in":"y"},"z":null,"more":7}`)
	var into struct {
		S string    `json:"s"`
		T time.Time `json:"t"`
		Z *string   `json:"z"`
		O struct {
			In string `json:"in"`
		} `json:"o"`
	}
	require.NoError(t, fields.Into(&into))
	require.Equal(t, "x", into.S)
	require.Equal(t, start, into.T)
	require.Equal(t, "y", into.O.In)
	require.Nil(t, into.Z)
	for raw, sentence := range map[string]string{`{"s":7}`: `"s" in the user must be`, `{"o":"x"}`: `"o" in the user must be`, `{"t":"x"}`: "cannot be read"} {
		require.ErrorContains(t, MustFields(raw).Into(&into), sentence, raw)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	var f Failures
	require.Equal(t, 1, f.Add(start, time.Minute))
	snapshot := f
	require.Equal(t, 2, f.Add(start.Add(30*time.Second), time.Minute))
	require.Equal(t, 1, f.Count(start.Add(time.Minute), time.Minute))
	require.Equal(t, 2, f.Count(start.Add(time.Hour), 0))
	require.Equal(t, 1, snapshot.Count(start, 0), "a snapshot does not change")
	f.Clear()
	require.Zero(t, f.Count(start, 0))
}

func TestDues(t *testing.T) {
	t.Parallel()
	var d dues
	for _, minutes := range []int{3, 1, 2} {
		d.add(due{at: start.Add(time.Duration(minutes) * time.Minute)})
	}
	now := start.Add(2 * time.Minute)
	first, _ := d.next(now)
	second, _ := d.next(now)
	_, more := d.next(now)
	require.True(t, first.at.Before(second.at))
	require.False(t, more)
}

func TestStale(t *testing.T) {
	t.Parallel()
	var s stale
	old, current := User{ID: "a", Username: "old"}, &User{ID: "a", Username: "new"}
	read := func(at time.Time) string { return s.reader(at)(current).Username }
	s.remember(old, nil, start)
	require.Equal(t, "new", read(start), "without an order nothing is stale")
	s.remember(old, &staleOrder{reads: 1}, start)
	s.remember(User{ID: "a", Username: "newer"}, &staleOrder{reads: 1}, start)
	reader := s.reader(start)
	require.Equal(t, "old", reader(current).Username)
	require.Equal(t, "old", reader(current).Username, "one call counts once")
	other := &User{ID: "b"}
	require.Same(t, other, reader(other))
	require.Equal(t, "new", read(start))
	s.remember(old, &staleOrder{lasts: time.Minute}, start)
	require.Equal(t, "old", read(start))
	require.Equal(t, "new", read(start.Add(time.Minute)))
	s.remember(old, &staleOrder{lasts: time.Minute}, start)
	s.remember(User{ID: "a", Username: "later"}, &staleOrder{lasts: time.Minute}, start.Add(time.Hour))
	require.Equal(t, "later", read(start.Add(time.Hour)), "what was over before the write does not come back")
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	d := newDirectory(func(a, b *User) bool { return a.ID < b.ID }, false)
	c, a, b := &User{ID: "c", Username: "Cy"}, &User{ID: "a", Username: "Ann", Email: "Ann"}, &User{ID: "b", Username: "ann"}
	for _, u := range []*User{c, a, b} {
		d.add(u)
	}
	require.Equal(t, []*User{a, b, c}, d.order)
	_, err := d.ref("ANN")
	require.ErrorContains(t, err, "2 users are called")
	b.Username = "ben"
	d.rename(b, []string{"ann"})
	for ref, want := range map[string]*User{"ann": a, "BEN": b, "c": c} {
		got, err := d.ref(ref)
		require.NoError(t, err)
		require.Same(t, want, got)
	}
	d.remove(b)
	require.Len(t, d.order, 2)
	_, err = d.ref("ben")
	require.ErrorContains(t, err, "there is no user")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	var issued tokens
	text := issued.issue("read", start, time.Minute)
	access, valid := issued.access(text, start)
	require.Equal(t, "read", access)
	require.True(t, valid)
	_, valid = issued.access(text, start.Add(time.Minute))
	require.False(t, valid)
	for range maxTokens {
		issued.issue("read", start, time.Minute)
	}
	last := issued.issue("all", start, time.Minute)
	require.LessOrEqual(t, len(issued.issued), maxTokens)
	_, valid = issued.access(last, start)
	require.True(t, valid)
	issued.revoke()
	_, valid = issued.access(last, start)
	require.False(t, valid)
}

func TestClockAndDuration(t *testing.T) {
	t.Parallel()
	clock := NewClock(func() time.Time { return start })
	require.NoError(t, clock.Advance(time.Hour))
	require.Equal(t, start.Add(time.Hour), clock.Now())
	require.Error(t, clock.Advance(-time.Second))
	require.Equal(t, time.Hour, clock.Offset())
	var d Duration
	require.NoError(t, json.Unmarshal([]byte(`"90s"`), &d))
	require.Equal(t, `"1m30s"`, string(JSON(d)))
}

func TestPopulateSpreadsLocks(t *testing.T) {
	t.Parallel()
	for _, locked := range []int{0, 1, 3, 7, 10} {
		order := Populate{Count: 10, Locked: locked}
		n := 0
		for i := range order.Count {
			if order.isLocked(i) {
				n++
			}
		}
		require.Equal(t, locked, n)
	}
}
