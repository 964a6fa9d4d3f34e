package ldapcall

import (
	"cmp"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// generalized is RFC 4517, section 3.3.13: minutes, seconds and a fraction of the last of
// what is there are optional, the zone is not.
var generalized = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})(\d{2})(?:(\d{2})(\d{2})?)?(?:[.,](\d{1,9})\d*)?(Z|[+-]\d{2}(?:\d{2})?)$`)

// ParseTime reads a generalized time. Year 0, month 0 and their like, by which some servers
// mean "for ever", are none.
func ParseTime(value string) (time.Time, error) {
	parts := generalized.FindStringSubmatch(value)
	if parts == nil {
		return time.Time{}, errors.New("not a generalized time")
	}
	unit := time.Hour
	for _, finer := range parts[5:7] {
		if finer != "" {
			unit /= 60
		}
	}
	zone := strings.TrimSuffix(parts[8], "Z")
	if zone == "" {
		zone = "+0000"
	}
	for len(zone) < len("+0000") {
		zone += "0"
	}
	moment, err := time.Parse("20060102150405-0700", parts[1]+parts[2]+parts[3]+parts[4]+cmp.Or(parts[5], "00")+cmp.Or(parts[6], "00")+zone)
	if err != nil || moment.Year() == 0 {
		return time.Time{}, errors.New("not a moment")
	}
	if parts[7] != "" {
		digits, _ := strconv.ParseInt((parts[7] + "000000000")[:9], 10, 64)
		moment = moment.Add(time.Duration(digits) * (unit / time.Second)) // digits are billionths of the unit
	}
	return moment.UTC(), nil
}

// FormatTime writes a generalized time to the second.
func FormatTime(moment time.Time) string { return moment.UTC().Format("20060102150405Z") }
