package endtoend

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	pingonesimulator "github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	"github.com/latchkey-iam/latchkey/internal/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// What is planted: errorBody stands in every error that the provider answers, the others
// are of the user.
const (
	errorBody    = "canary-of-an-error-body"
	wrongSecret  = "canary-of-a-wrong-secret"
	canaryName   = "canary.user"
	canaryEmail  = "canary.mail@example.net"
	canaryGiven  = "Canarygiven"
	canaryFamily = "Canaryfamily"
)

// personal lists what of the user stands in payloads only, and nowhere else.
func personal() []string { return []string{canaryName, "canary.mail", canaryGiven, canaryFamily} }

// canaryUser is a user of either provider.
func canaryUser() map[string]any {
	return map[string]any{"username": canaryName, "email": canaryEmail,
		"firstname": canaryGiven, "lastname": canaryFamily, "displayname": canaryGiven + " " + canaryFamily,
		"name": map[string]any{"given": canaryGiven, "family": canaryFamily, "formatted": canaryGiven + " " + canaryFamily}}
}

// flight is one way that a request can go.
type flight struct {
	// operation takes the fault; times is how often, 0 for always.
	operation string
	times     int
	fault     simulator.Fault
	guard     workflows.Guard
	outcome   workflows.Outcome
	// kinds are the failures that it may end with.
	kinds []connectors.Kind
}

// flights are the ends of an unlock. Each fault's answer holds the canary.
func flights() map[string]flight {
	body := `{"code":"INVALID","message":"` + errorBody + `","error":"` + errorBody + `","details":[{"message":"` + errorBody + `"}]}`
	page := "<html><body>" + errorBody + "</body></html>"
	status := func(status int) simulator.Fault {
		return simulator.Fault{Kind: simulator.KindStatus, Status: status, Body: &body}
	}
	const find, unlock = jumpcloudsimulator.OpFind, jumpcloudsimulator.OpUnlock // PingOne's have the same names.
	malformed, unavailable := []connectors.Kind{connectors.MalformedResponse}, []connectors.Kind{connectors.Unavailable}
	return map[string]flight{
		"unlocked":               {outcome: workflows.Unlocked},
		"refused":                {guard: workflows.Guard{OnlyReasons: []connectors.Reason{connectors.ReasonAdmin}}, outcome: workflows.Refused},
		"unlocked after retries": {operation: find, times: 2, fault: status(http.StatusServiceUnavailable), outcome: workflows.Unlocked},
		"down":                   {operation: find, fault: status(http.StatusBadGateway), kinds: unavailable},
		"throttled":              {operation: unlock, fault: status(http.StatusTooManyRequests), kinds: []connectors.Kind{connectors.RateLimited}},
		"rejected":               {operation: unlock, fault: status(http.StatusBadRequest), kinds: []connectors.Kind{connectors.RejectedByProvider}},
		"may not unlock":         {operation: unlock, fault: status(http.StatusForbidden), kinds: []connectors.Kind{connectors.PermissionDenied}},
		"credential refused":     {operation: find, fault: status(http.StatusUnauthorized), kinds: []connectors.Kind{connectors.Unauthenticated}},
		"a web page":             {operation: find, fault: simulator.Fault{Kind: simulator.KindHTML, Body: &page}, kinds: append(malformed, unavailable...)},
		"another object":         {operation: find, fault: status(http.StatusOK), kinds: malformed},
		"a redirect": {operation: find, fault: simulator.Fault{Kind: simulator.KindRedirect, Location: "https://" + errorBody + ".example/", Body: &page},
			kinds: connectors.Kinds()},
	}
}

// TestNothingLeaks: no secret and no text of the provider's own ever stands in a history
// or a log, however a request ends, and the user's name and address in payloads only.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]struct {
		provider func(secret string) provider
		secret   string
		// sent is how many different credentials are sent: a key, or a secret and the token
		// that it is changed for.
		sent int
	}{
		"jumpcloud-key":     {jumpcloud, jumpcloudsimulator.DefaultAPIKey, 1},
		"jumpcloud-account": {jumpcloudAccount, jumpcloudsimulator.DefaultClientSecret, 2},
		"pingone":           {pingone, pingonesimulator.DefaultClientSecret, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCage(t, with.provider(with.secret), with.secret)
			for name, flight := range flights() {
				c.fly(name, flight)
			}
			require.GreaterOrEqual(t, len(c.sent), with.sent, "not every credential was seen under way")
			c.requireClean()
		})
	}
}

// TestWrongSecretsDoNotLeak: a credential that is refused is as secret as one that works.
func TestWrongSecretsDoNotLeak(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]func(secret string) provider{
		"jumpcloud-key": jumpcloud, "jumpcloud-account": jumpcloudAccount, "pingone": pingone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCage(t, with(wrongSecret), wrongSecret)
			c.fly("wrong secret", flight{kinds: []connectors.Kind{connectors.Unauthenticated}})
			c.requireClean()
		})
	}
}

// cage is a house whose credentials are watched, and the histories of its requests.
type cage struct {
	*house
	worker    *process
	histories []*historypb.History
	secret    string

	mutex sync.Mutex
	// sent holds every credential that was seen under way.
	sent map[string]bool
}

func newCage(t *testing.T, with provider, secret string) *cage {
	t.Helper()
	c := &cage{house: newHouseOf(t, false, with), secret: secret, sent: map[string]bool{}}
	c.provider.MustCreateUser(canaryUser())
	c.worker = c.startWorker()
	return c
}

// watch notes every credential that is sent: the key, the token, and how either is packed.
func (c *cage) watch(r *http.Request) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, header := range []string{"Authorization", "X-Api-Key"} {
		for _, word := range strings.Fields(r.Header.Get(header)) {
			if word != "Bearer" && word != "Basic" {
				c.sent[word] = true
			}
		}
	}
}

// fly makes one request by address, and keeps its history.
func (c *cage) fly(name string, flight flight) {
	c.t.Helper()
	require.NoError(c.t, c.provider.LockByFailures(canaryName))
	c.provider.Faults.Clear()
	c.provider.Faults.MustAdd(simulator.Fault{Kind: simulator.KindChange, Hook: c.watch})
	if flight.operation != "" {
		flight.fault.Operation, flight.fault.Times = flight.operation, flight.times
		c.provider.Faults.MustAdd(flight.fault)
	}
	in := workflows.Input{Connection: c.connection, Email: canaryEmail, Guard: flight.guard, RequestedBy: "soar"}
	if flight.outcome == "" {
		in.Timeout = workflows.Duration(8 * time.Second) // An attempt must end within it on a busy machine too.
	}
	run, err := c.client.Start(c.t.Context(), in)
	require.NoError(c.t, err)
	result, err := run.Result(c.t.Context())
	if flight.outcome != "" {
		require.NoError(c.t, err, name)
		require.Equal(c.t, flight.outcome, result.Outcome, "%s: %s", name, result.Explanation)
	} else {
		var failure *client.Failure
		require.ErrorAs(c.t, err, &failure, name)
		require.Contains(c.t, flight.kinds, connectors.Kind(failure.Type), "%s: %s", name, failure.Message)
	}
	c.keep(run)
}

// keep reads the run's whole history.
func (c *cage) keep(run *client.Run) {
	c.t.Helper()
	history := &historypb.History{}
	iterator := c.temporal.GetWorkflowHistory(c.t.Context(), run.WorkflowID, run.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		require.NoError(c.t, err)
		history.Events = append(history.Events, event)
	}
	c.histories = append(c.histories, history)
}

// requireClean looks through all that was stored and logged.
func (c *cage) requireClean() {
	c.t.Helper()
	c.worker.kill() // Nobody sends anything any more.
	hidden := append(slices.Collect(maps.Keys(c.sent)), c.secret, errorBody)
	for _, history := range c.histories {
		marshalled, err := protojson.Marshal(history)
		require.NoError(c.t, err)
		whole, inClear := texts(c.t, history, true), texts(c.t, history, false)
		for _, secret := range hidden {
			require.NotContains(c.t, string(marshalled), secret)
			require.NotContains(c.t, whole, secret)
		}
		require.Contains(c.t, whole, canaryEmail, "the input is in the history, so what is looked through is all of it")
		require.Contains(c.t, inClear, c.connection)
		for _, private := range personal() {
			require.NotContains(c.t, inClear, private)
		}
	}
	log := c.worker.stderr.String() + c.worker.stdout.String() + serving.stderr.String()
	require.Contains(c.t, log, c.connection)
	for _, private := range append(hidden, personal()...) {
		require.NotContains(c.t, log, private)
	}
}

// texts returns every text in a message, a line each, with or without what payloads hold.
// A summary, a search attribute and a memo are payloads too, but are shown in the clear.
func texts(t *testing.T, message protoreflect.ProtoMessage, payloads bool) string {
	t.Helper()
	var found strings.Builder
	require.NoError(t, protorange.Range(message.ProtoReflect(), func(at protopath.Values) error {
		if !payloads && withinPayload(at) {
			return nil
		}
		switch value := at.Index(-1).Value.Interface().(type) {
		case string:
			found.WriteString(value + "\n")
		case []byte:
			found.Write(append(value, '\n'))
		}
		return nil
	}))
	return found.String()
}

// withinPayload reports whether a value is the data of a payload that is not shown.
func withinPayload(at protopath.Values) bool {
	for i := range at.Len() {
		message, is := at.Index(i).Value.Interface().(protoreflect.Message)
		if !is {
			continue
		}
		switch message.Descriptor().FullName() {
		case "temporal.api.common.v1.SearchAttributes", "temporal.api.common.v1.Memo", "temporal.api.sdk.v1.UserMetadata":
			return false
		case "temporal.api.common.v1.Payload":
			return i+1 < at.Len() && at.Index(i+1).Step.FieldDescriptor().Name() == "data"
		}
	}
	return false
}
