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
	raw, found := both.Path("a.x.y")
	require.True(t, found)
	require.Equal(t, "9007199254740993", string(raw))
	_, found = both.Path("b.x")
	require.False(t, found)
	require.Equal(t, `{"b":2}`, string(JSON(both.Only("b", "z"))))
	require.Equal(t, `{"a":1,"b":2}`, string(MustFields(`{"b":2}`).With("a", 1).AppendJSON(nil)))
	require.Equal(t, `{"b":3}`, string(MustFields(`{"b":2}`).With("b", 3).AppendJSON(nil)))
	require.Len(t, both.WithoutNulls(), 4)
	require.Empty(t, both.Text("b"))
	require.Equal(t, "<é\"\u2028>", both.Text("e"))
	require.Equal(t, "1", string(base[1].Value), "laying over and setting change nothing in place")
	for _, raw := range []string{``, `null`, `7`, `[]`, `{} {}`, `{`} {
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
		text := fields.AppendJSON(nil)
		require.True(t, json.Valid(text), "%s", text)
		again, err := ParseFields(text, "thing")
		require.NoError(t, err)
		require.Equal(t, fields, again)
	})
}

func TestParts(t *testing.T) {
	t.Parallel()
	p := Parts{Fields: MustFields(`{"s":"x","b":true,"t":"2026-03-01T12:00:00Z","n":7,"o":{"in":"y"},"z":null}`)}
	require.Equal(t, "x", p.Text("s", "d"))
	require.Equal(t, "d", p.Text("z", "d"))
	require.True(t, p.Bool("b", false))
	require.Equal(t, start, p.Time("t"))
	require.Equal(t, 7, p.Count("n"))
	inner := p.Object("o")
	require.Equal(t, "y", inner.Text("in", ""))
	none := p.Object("z")
	require.Empty(t, none.Text("in", ""))
	require.NoError(t, p.Err())
	p.Object("s")
	require.ErrorContains(t, p.Err(), "must be a JSON object")
	p.Text("n", "")
	require.ErrorContains(t, p.Err(), "s must be", "the first error is kept")
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
	var d Dues
	for _, minutes := range []int{3, 1, 2} {
		d.Add(Due{At: start.Add(time.Duration(minutes) * time.Minute)})
	}
	now := start.Add(2 * time.Minute)
	first, _ := d.Next(now)
	second, _ := d.Next(now)
	_, more := d.Next(now)
	require.True(t, first.At.Before(second.At))
	require.False(t, more)
}

func TestStale(t *testing.T) {
	t.Parallel()
	var s Stale[string]
	current := "new"
	read := func(at time.Time) string { return *s.Reader(at)("a", &current) }
	s.Remember("a", "old", nil, start)
	require.Equal(t, "new", read(start), "without an order nothing is stale")
	s.Remember("a", "old", &StaleOrder{Reads: 1}, start)
	s.Remember("a", "newer", &StaleOrder{Reads: 1}, start)
	reader := s.Reader(start)
	require.Equal(t, "old", *reader("a", &current))
	require.Equal(t, "old", *reader("a", &current), "one call counts once")
	require.Same(t, &current, reader("b", &current))
	require.Equal(t, "new", read(start))
	s.Remember("a", "old", &StaleOrder{For: time.Minute}, start)
	require.Equal(t, "old", read(start))
	require.Equal(t, "new", read(start.Add(time.Minute)))
	s.Remember("a", "old", &StaleOrder{Reads: 1}, start)
	s.Forget()
	require.Equal(t, "new", read(start))
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	type person struct{ id, name string }
	d := NewDirectory(func(a, b *person) bool { return a.id < b.id })
	c, a, b := &person{"c", "Cy"}, &person{"a", "Ann"}, &person{"b", "ann"}
	for _, p := range []*person{c, a, b} {
		d.Add(p, p.id, p.name, "", p.name)
	}
	require.Equal(t, []*person{a, b, c}, d.All())
	_, err := d.Ref("ANN")
	require.ErrorContains(t, err, "2 users are called")
	d.Rename(b, []string{"ann"}, []string{"ben"})
	for ref, want := range map[string]*person{"ann": a, "BEN": b, "c": c} {
		got, err := d.Ref(ref)
		require.NoError(t, err)
		require.Same(t, want, got)
	}
	d.Remove(b, "b", "ben")
	require.Equal(t, 2, d.Len())
	require.Nil(t, d.ID("b"))
	_, err = d.Ref("ben")
	require.ErrorContains(t, err, "there is no user")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	var tokens Tokens[int]
	text := tokens.Issue(7, start, time.Minute)
	holder, valid := tokens.Holder(text, start)
	require.Equal(t, 7, holder)
	require.True(t, valid)
	_, valid = tokens.Holder(text, start.Add(time.Minute))
	require.False(t, valid)
	for range maxTokens {
		tokens.Issue(1, start, time.Minute)
	}
	last := tokens.Issue(2, start, time.Minute)
	require.LessOrEqual(t, len(tokens.tokens), maxTokens)
	_, valid = tokens.Holder(last, start)
	require.True(t, valid)
	tokens.Revoke()
	_, valid = tokens.Holder(last, start)
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
			if order.IsLocked(i) {
				n++
			}
		}
		require.Equal(t, locked, n)
	}
}
