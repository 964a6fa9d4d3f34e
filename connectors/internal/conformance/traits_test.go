package conformance_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/internal/conformance"
)

// The shapes of IDs that providers have.
var (
	hexID = connectors.ID{Pattern: regexp.MustCompile(`^[0-9a-f]{24}$`), FoldCase: true, Absent: "ffffffffffffffffffffffff", Description: "24 hexadecimal digits"}
	// In mixed case, where another case is another ID.
	base62ID = connectors.ID{Pattern: regexp.MustCompile(`^00u[0-9A-Za-z]{17}$`), Absent: "00u0000000000000000x", Description: "00u and 17 letters and digits"}
	// With the connection that the user came by before it.
	pipedID   = connectors.ID{Pattern: regexp.MustCompile(`^[a-z0-9-]+\|[^|]+(\|[^|]+)?$`), Absent: "auth0|ffffffffffffffffffffffff", Description: "a strategy, | and an identifier"}
	decimalID = connectors.ID{Pattern: regexp.MustCompile(`^[1-9][0-9]{0,9}$`), Absent: "2147483647", Description: "a whole number"}
)

func newHexID(number int) string { return fmt.Sprintf("5f0c1a2b3c4d5e6f7a8b%04x", number) }

// newBase62ID makes two users of each ID, one in mixed case and one in lower case.
func newBase62ID(number int) string {
	id := fmt.Sprintf("00uAbCdEfGhIjKlMn%03d", (number+1)/2)
	if number%2 == 0 {
		return strings.ToLower(id)
	}
	return id
}

func newPipedID(number int) string   { return fmt.Sprintf("samlp|Corp|User%d", number) }
func newDecimalID(number int) string { return strconv.Itoa(98 + number) } // from 99 on, so that 100 sorts before it as text

// plain is a provider without a trait of its own.
var plain = traits{id: hexID, newID: newHexID}

// providers are the traits that the suite must hold for.
var providers = map[string]traits{
	"Plain":            plain,
	"IDsInMixedCase":   {id: base62ID, newID: newBase62ID, sorted: true},
	"IDsWithAStrategy": {id: pipedID, newID: newPipedID, listless: true},
	"DecimalIDs":       {id: decimalID, newID: newDecimalID, sorted: true},
	"PartialLocks":     {id: hexID, newID: newHexID, partly: true, byFailures: true},
	"UnlockEnables":    {id: hexID, newID: newHexID, revives: true},
	"OneState":         {id: hexID, newID: newHexID, oneState: true, revives: true},
	"Groups":           {id: hexID, newID: newHexID, groups: true},
	"SeveralServers":   {id: hexID, newID: newHexID, servers: []string{"one", "two", "replica"}},
}

// TestTraits runs the suite against a tenant of each trait.
func TestTraits(t *testing.T) {
	t.Parallel()
	for name, traits := range providers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, func(testing.TB) conformance.Harness { return harness(traits, nil) })
		})
	}
}
