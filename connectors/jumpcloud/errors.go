package jumpcloud

import (
	"strings"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

// rules say how JumpCloud's failures are read. Its statuses mean what the common table
// says: https://docs.jumpcloud.com/api/1.0/index.html#tag/Systemusers
var rules = httpcall.Rules{
	RequestID: []string{"X-Request-Id", "X-Amzn-Requestid"},
	Reset:     httpcall.CommonResets,
	Code:      readCode,
	Advice: map[connectors.Kind]string{
		connectors.Unauthenticated:  "the credential was not accepted; check it, REGION (a key of another region answers so too) and ORG_ID",
		connectors.PermissionDenied: "the credential lacks a right; unlocking needs an administrator, or the scope users",
	},
}

// readCode reads the code of both shapes of JumpCloud's errors: {"code":404,…} of its
// specification and {"error":"Unauthorized",…} of its live service.
func readCode(body []byte) string {
	object, err := httpcall.ReadObject(body)
	if err != nil {
		return ""
	}
	if raw, sent := object["code"]; sent && string(raw) != "null" {
		return strings.Trim(string(raw), `"`)
	}
	return httpcall.Text(object, "error")
}
