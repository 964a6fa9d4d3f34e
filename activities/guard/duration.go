package guard

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written as a string such as "15m" or "72h".
type Duration time.Duration

// Std returns the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes the duration exactly, without trailing zero units: "15m", not "15m0s".
func (d Duration) String() string { return trim(time.Duration(d).String()) }

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON implements json.Unmarshaler. An empty string is zero.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf(`must be a duration in a string, such as "15m"`)
	}
	parsed, err := ParseDuration(text)
	*d = parsed
	return err
}

// inDays is a duration that begins with days, which Go's package time leaves out: of a hundred
// years at most.
var inDays = regexp.MustCompile(`^([0-9]{1,5})d([0-9.].*)?$`)

// ParseDuration reads a duration such as "90s", "15m" or "30d"; an empty text is zero.
func ParseDuration(text string) (Duration, error) {
	if text == "" {
		return 0, nil
	}
	var days time.Duration
	if found := inDays.FindStringSubmatch(text); found != nil {
		count, _ := strconv.Atoi(found[1])
		days, text = time.Duration(count)*24*time.Hour, found[2]
	}
	if text == "" {
		return Duration(days), nil
	}
	parsed, err := time.ParseDuration(text)
	if parsed += days; err != nil || parsed < days || text[0] == '-' {
		return 0, fmt.Errorf(`must be a duration such as "90s", "15m" or "30d"`)
	}
	return Duration(parsed), nil
}

// Round writes a duration to the second, or to the millisecond below one, without trailing
// zero units.
func Round(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(time.Second)
	} else {
		d = d.Round(time.Millisecond)
	}
	return trim(d.String())
}

func trim(text string) string {
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
