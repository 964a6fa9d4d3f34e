package httpcall

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

func TestWait(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	date := func(wait time.Duration) string { return now.Add(wait).Format(http.TimeFormat) }
	rfc3339 := func(wait time.Duration) string { return now.Add(wait).Format(time.RFC3339) }
	unix := func(wait time.Duration) string { return strconv.FormatInt(now.Add(wait).Unix(), 10) }
	const limited, unavailable = connectors.RateLimited, connectors.Unavailable
	for name, test := range map[string]struct {
		header http.Header
		kind   connectors.Kind
		want   time.Duration
	}{
		"nothing":            {http.Header{}, limited, 0},
		"empty":              {http.Header{"Retry-After": {""}}, limited, 0},
		"zero":               {http.Header{"Retry-After": {"0"}}, limited, 0},
		"seconds":            {http.Header{"Retry-After": {" 7 "}}, unavailable, 7 * time.Second},
		"a decimal":          {http.Header{"Retry-After": {"30.5"}}, limited, 30*time.Second + 500*time.Millisecond},
		"below zero":         {http.Header{"Retry-After": {"-7"}}, limited, 0},
		"a word":             {http.Header{"Retry-After": {"soon"}}, limited, 0},
		"a decimal below":    {http.Header{"Retry-After": {"1.5"}}, unavailable, 1500 * time.Millisecond},
		"hexadecimal":        {http.Header{"Retry-After": {"0x10"}}, limited, 0},
		"two numbers":        {http.Header{"Retry-After": {"7 8"}}, limited, 0},
		"a foreign digit":    {http.Header{"Retry-After": {"٣"}}, limited, 0},
		"no date":            {http.Header{"Retry-After": {"Thu, 99 Foo 2099 99:99:99 GMT"}}, limited, 0},
		"1970":               {http.Header{"Retry-After": {"Thu, 01 Jan 1970 00:00:00 GMT"}}, limited, 0},
		"the year 9999":      {http.Header{"Retry-After": {"Fri, 31 Dec 9999 23:59:59 GMT"}}, limited, maxWait},
		"beyond a day":       {http.Header{"Retry-After": {"86401"}}, limited, maxWait},
		"a day":              {http.Header{"Retry-After": {"86400"}}, limited, maxWait},
		"years":              {http.Header{"Retry-After": {"999999999"}}, limited, maxWait},
		"beyond any number":  {http.Header{"Retry-After": {strings.Repeat("9", 400)}}, limited, maxWait},
		"a date":             {http.Header{"Retry-After": {date(time.Minute)}}, limited, time.Minute},
		"a date in the past": {http.Header{"Retry-After": {date(-time.Minute)}}, limited, 0},
		"a distant date":     {http.Header{"Retry-After": {date(48 * time.Hour)}}, limited, maxWait},
		"an RFC 3339 time":   {http.Header{"Retry-After": {rfc3339(90 * time.Second)}}, limited, 90 * time.Second},
		"another time zone":  {http.Header{"Retry-After": {now.Add(time.Minute).In(time.FixedZone("", 3600)).Format(time.RFC3339Nano)}}, limited, time.Minute},
		"repeated":           {http.Header{"Retry-After": {"30, 30"}}, limited, 30 * time.Second},
		"two headers":        {http.Header{"Retry-After": {"5", "40"}}, limited, 40 * time.Second},
		"a list":             {http.Header{"Retry-After": {"5, soon,40 ,-1"}}, limited, 40 * time.Second},
		"a date in a list":   {http.Header{"Retry-After": {"5, " + date(time.Minute) + ", 7"}}, limited, time.Minute},
		"by its own clock":   {http.Header{"Retry-After": {date(time.Hour)}, "Date": {date(time.Hour - time.Minute)}}, limited, time.Minute},

		"a reset":                       {http.Header{"X-Reset": {unix(20 * time.Second)}}, limited, 21 * time.Second},
		"a reset by the answer's clock": {http.Header{"X-Reset": {unix(time.Hour)}, "Date": {date(time.Hour - time.Minute)}}, limited, 61 * time.Second},
		"a reset in milliseconds":       {http.Header{"X-Reset": {unix(20*time.Second) + "000"}}, limited, 21 * time.Second},
		"a reset in nanoseconds":        {http.Header{"X-Reset": {unix(20*time.Second) + "000000000"}}, limited, 21 * time.Second},
		"a reset in seconds from now":   {http.Header{"X-Reset": {"20"}}, limited, 21 * time.Second},
		"a reset as a time":             {http.Header{"X-Reset": {rfc3339(20 * time.Second)}}, limited, 21 * time.Second},
		"a reset that is over":          {http.Header{"X-Reset": {unix(-20 * time.Second)}}, limited, 0},
		"a reset of now":                {http.Header{"X-Reset": {"0"}}, limited, 0},
		"a distant reset":               {http.Header{"X-Reset": {strings.Repeat("9", 400)}}, limited, maxWait},
		"the longest of all":            {http.Header{"X-Reset": {"20"}, "X-Other-Reset": {"50"}, "Retry-After": {"30"}}, limited, 51 * time.Second},
		"a reset that nobody names":     {http.Header{"X-Strange-Reset": {"20"}}, limited, 0},
		"a reset of another failure":    {http.Header{"X-Reset": {"20"}}, unavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := Rules{Reset: []string{"X-Reset", "X-Other-Reset"}}
			require.Equal(t, test.want, rules.wait(test.header, test.kind, now))
		})
	}
}

func FuzzWait(f *testing.F) {
	for _, value := range []string{"30, 30", "30.5", "-1", "Fri, 31 Dec 9999 23:59:59 GMT", "2026-01-02T03:04:05Z", "1e400", "1767323045", ",,,", "٣"} {
		f.Add(value, value, value)
	}
	f.Fuzz(func(t *testing.T, wait, reset, date string) {
		rules := Rules{Reset: []string{"X-Reset"}}
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		alone := rules.wait(http.Header{"Retry-After": {wait}}, connectors.RateLimited, now)
		header := http.Header{"Retry-After": {wait}, "X-Reset": {reset}}
		both := rules.wait(header, connectors.RateLimited, now)
		require.GreaterOrEqual(t, alone, time.Duration(0))
		require.GreaterOrEqual(t, both, alone, "a further header never shortens the wait")
		header.Set("Date", date)
		require.LessOrEqual(t, rules.wait(header, connectors.RateLimited, now), maxWait)
	})
}
