package pingone

import (
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/httpcall"
)

// rules say how PingOne's failures are read. Its statuses mean what the common table
// says; codes may change, so the status alone decides:
// https://developer.pingidentity.com/pingone-api/foundations/errors.html
var rules = httpcall.Rules{
	RequestID: []string{"Correlation-Id"},
	Reset:     httpcall.CommonResets,
	Failure:   readFailure,
	Advice: map[connectors.Kind]string{
		connectors.Unauthenticated:  "the access token was not accepted; check CLIENT_ID, CLIENT_SECRET and REGION",
		connectors.PermissionDenied: "the worker application lacks a right, or the environment does not exist; grant it Identity Data Admin, and check ENVIRONMENT_ID",
	},
}

// readFailure reads {"id":…,"code":…,"message":…,"details":[…]}.
func readFailure(body []byte) (code string, own bool) {
	object, err := httpcall.ReadObject(body)
	if err != nil {
		return "", false
	}
	code = httpcall.Text(object, "code")
	return code, code != "" && httpcall.Text(object, "message") != ""
}
