package guard_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/activities/guard"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "0s": 0, "90s": 90 * time.Second, "15m": 15 * time.Minute, "1h30m": 90 * time.Minute, "72h": 72 * time.Hour, "1500ms": 1500 * time.Millisecond,
		"1d": 24 * time.Hour, "30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "1d0.5h": 24*time.Hour + 30*time.Minute,
	} {
		got, err := guard.ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Std(), text)
	}
	for _, text := range []string{"15", "-1s", "-1d", "1d-2h", "d", "1.5d", "1h2d", "1d2", "999999d", "99999d2000000h", "-0s", "jane@example.org", "15 m", "1h-2m", "999999999h", "NaN", "∞"} {
		got, err := guard.ParseDuration(text)
		require.ErrorContains(t, err, `"15m"`, text)
		require.Equal(t, `must be a duration such as "90s", "15m" or "30d"`, err.Error(), "it never repeats the text")
		require.Zero(t, got)
	}
}

func TestDurationJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`""`: `"0s"`, `"60s"`: `"1m"`, `"60m"`: `"1h"`, `"1h30m"`: `"1h30m"`, `"10h"`: `"10h"`, `"20m"`: `"20m"`,
		`"1500ms"`: `"1.5s"`, `"1h0m1s"`: `"1h0m1s"`,
	} {
		var d guard.Duration
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		data, err := json.Marshal(d)
		require.NoError(t, err)
		require.Equal(t, want, string(data))
	}
	for _, text := range []string{`15`, `true`, `{}`, `["15m"]`, `"15"`} {
		var d guard.Duration
		require.Error(t, json.Unmarshal([]byte(text), &d), text)
	}
}

// TestDurationsSurviveJSON: the second guard must judge by the same bounds as the first.
func TestDurationsSurviveJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := guard.Duration(rapid.Int64Min(0).Draw(t, "nanoseconds"))
		data, err := json.Marshal(d)
		require.NoError(t, err)
		var again guard.Duration
		require.NoError(t, json.Unmarshal(data, &again))
		require.Equal(t, d, again)
	})
}

func TestRound(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 300 * time.Millisecond: "300ms", 1400 * time.Millisecond: "1s", time.Minute: "1m", 61 * time.Second: "1m1s",
		time.Hour: "1h", 90 * time.Minute: "1h30m", 20 * time.Minute: "20m", 10 * time.Hour: "10h", 3*time.Hour + time.Second: "3h0m1s",
	} {
		require.Equal(t, want, guard.Round(d))
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"", "15m", "-1s", "1e9h", "9223372036854775807ns", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := guard.ParseDuration(text)
		if err != nil {
			require.Zero(t, d)
			return
		}
		require.GreaterOrEqual(t, d, guard.Duration(0))
		again, err := guard.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}
