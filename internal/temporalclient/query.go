package temporalclient

import "strings"

// quoter escapes what ends a text in a query of Temporal's visibility, or escapes in one.
var quoter = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// Quote writes values as texts of a query of Temporal's visibility, with commas between
// them. IDs are a provider's, which may have any form. (A server on an SQL database does not
// find a text with a backslash or a double quotation mark in it, however it is written.)
func Quote(values ...string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = "'" + quoter.Replace(value) + "'"
	}
	return strings.Join(quoted, ",")
}
