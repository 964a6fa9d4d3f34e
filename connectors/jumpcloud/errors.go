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
	Failure:   readFailure,
	Advice: map[connectors.Kind]string{
		connectors.Unauthenticated:  "the credential was not accepted; check it, REGION (a key of another region answers so too) and ORG_ID",
		connectors.PermissionDenied: "the credential lacks a right; unlocking needs an administrator, or the scope users",
	},
}

// readFailure reads both shapes of JumpCloud's errors: {"code":404,"message":…} of its
// specification and {"error":"Unauthorized","message":…} of its live service.
func readFailure(body []byte) (code string, own bool) {
	object, err := httpcall.ReadObject(body)
	if err != nil {
		return "", false
	}
	code = httpcall.Text(object, "error")
	if raw, sent := object["code"]; sent && string(raw) != "null" {
		code = strings.Trim(string(raw), `"`)
	}
	return code, code != "" && httpcall.Text(object, "message") != ""
}
