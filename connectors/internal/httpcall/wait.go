package httpcall

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// maxWait bounds what a provider may ask us to wait.
const maxWait = 24 * time.Hour

// CommonResets are the headers in which gateways say when a limit is lifted. Nothing but
// a provider's own documentation promises them, and none is promised to be absent.
var CommonResets = []string{"X-Rate-Limit-Reset", "X-RateLimit-Reset", "RateLimit-Reset"}

var digits = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// wait returns how long the provider asks to wait: the longest of what can be read in
// Retry-After (RFC 9110, section 10.2.3), whose values proxies repeat and join, and, for a
// limit of requests, in the headers that the rules name. It is between 0 and 24 hours;
// what cannot be read counts as 0.
func (r Rules) wait(header http.Header, kind connectors.Kind, now time.Time) time.Duration {
	// A moment is the provider's: its own clock, where it sends it, cancels any skew.
	if date := dateOf(header); !date.IsZero() {
		now = date
	}
	longest := longestOf(header.Values("Retry-After"), func(value string) time.Duration { return delay(value, now) })
	if kind == connectors.RateLimited {
		for _, name := range r.Reset {
			longest = max(longest, longestOf(header.Values(name), func(value string) time.Duration { return reset(value, now) }))
		}
	}
	return longest
}

// longestOf reads each value, as it is and each element of a list: a date holds a comma
// of its own, so two neighbours are read together too.
func longestOf(values []string, read func(value string) time.Duration) time.Duration {
	var longest time.Duration
	for _, value := range values {
		elements := strings.Split(value, ",")
		for i, element := range elements {
			longest = max(longest, read(element))
			if i > 0 {
				longest = max(longest, read(elements[i-1]+","+element))
			}
		}
	}
	return min(longest, maxWait)
}

// delay reads a number of seconds, or a moment.
func delay(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if count, ok := numberOf(value); ok {
		return seconds(count)
	}
	moment, err := http.ParseTime(value)
	if err != nil {
		moment, err = time.Parse(time.RFC3339, value)
	}
	if err != nil {
		return 0
	}
	return moment.Sub(now)
}

// epoch is the number from which a reset counts from 1970 instead of from now: no limit is
// lifted after thirty years.
const epoch = 1e9

// reset reads when a limit is lifted: in seconds from now, or as a moment. One second is
// added, since moments are cut to the second.
func reset(value string, now time.Time) time.Duration {
	wait := delay(value, now)
	if count, ok := numberOf(strings.TrimSpace(value)); ok && count >= epoch {
		for count >= epoch*100 && !math.IsInf(count, 1) {
			count /= 1000 // milliseconds, or less
		}
		wait = seconds(count - float64(now.UnixMilli())/1000)
	}
	if wait <= 0 {
		return 0
	}
	return min(wait, maxWait) + time.Second
}

// numberOf reads a number, whole or decimal; one that is too great to be read is infinite.
func numberOf(value string) (count float64, ok bool) {
	if !digits.MatchString(value) {
		return 0, false
	}
	count, _ = strconv.ParseFloat(value, 64)
	return count, true
}

// seconds is at most maxWait. RFC 9111, section 1.2.2: what is too great is very long.
func seconds(count float64) time.Duration {
	return time.Duration(math.Min(count, maxWait.Seconds()) * float64(time.Second))
}
