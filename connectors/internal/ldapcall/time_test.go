package ldapcall_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors/internal/ldapcall"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"20261122001823Z":            "2026-11-22T00:18:23Z",
		"20261122001823.123456Z":     "2026-11-22T00:18:23.123456Z",
		"20261122001823,5Z":          "2026-11-22T00:18:23.5Z",
		"20261122001823.1234567891Z": "2026-11-22T00:18:23.123456789Z",
		"202611220018Z":              "2026-11-22T00:18:00Z",
		"202611220018.5Z":            "2026-11-22T00:18:30Z",
		"2026112200Z":                "2026-11-22T00:00:00Z",
		"2026112200.25Z":             "2026-11-22T00:15:00Z",
		"20261122021823+0200":        "2026-11-22T00:18:23Z",
		"20261121191823-05":          "2026-11-22T00:18:23Z",
		"19700101000000Z":            "1970-01-01T00:00:00Z",
	} {
		moment, err := ldapcall.ParseTime(value)
		require.NoError(t, err, value)
		require.Equal(t, want, moment.Format(time.RFC3339Nano), value)
	}
	for _, value := range []string{"", "Z", "000001010000Z", "00000101000000Z", "20261322001823Z", "20261122001823", "20261122001823z", "x20261122001823Z", "20261122001823Z\n", "20261122001861Z", "133749504000000000"} {
		moment, err := ldapcall.ParseTime(value)
		require.Error(t, err, value)
		require.True(t, moment.IsZero())
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("20261122001823.123456Z")
	f.Add("2026112200,999999999+1400")
	f.Fuzz(func(t *testing.T, value string) {
		moment, err := ldapcall.ParseTime(value)
		if err != nil {
			return
		}
		again, err := ldapcall.ParseTime(ldapcall.FormatTime(moment))
		if moment.Year() < 10_000 && moment.Year() > 0 {
			require.NoError(t, err)
			require.Equal(t, moment.Truncate(time.Second), again)
		}
	})
}
