package endtoend

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	pingonesimulator "github.com/latchkey-iam/latchkey/connectors/pingone/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// canary stands in whatever is personal, secret, or written by a caller or the provider.
const canary = "canary"

// What is planted: errorBody stands in every error that the provider answers.
const (
	errorBody       = canary + "-of-an-error-body"
	wrongSecret     = canary + "-of-a-wrong-secret"
	canaryName      = canary + ".user"
	canaryEmail     = canary + ".mail@example.net"
	canaryRequester = canary + "-requester"
	canaryApprover  = canary + "-approver"
)

// canaryUser is a user of the provider's; every field that takes text of a person's has a
// canary.
func canaryUser(provider string) map[string]any {
	user := map[string]any{"username": canaryName, "email": canaryEmail}
	if provider == "pingone" {
		for _, key := range []string{"nickname", "title", "externalId", "accountId", "mobilePhone", "primaryPhone", "type", "badgeNumber"} {
			user[key] = canary + "-" + key
		}
		user["name"] = map[string]any{"given": canary + "-given", "middle": canary, "family": canary, "formatted": canary + " formatted", "honorificPrefix": canary}
		user["address"] = map[string]any{"streetAddress": canary + " street", "locality": canary, "region": canary, "postalCode": canary}
		user["photo"] = map[string]any{"href": "https://" + canary + ".example/photo.png"}
		return user
	}
	for _, key := range []string{"firstname", "middlename", "lastname", "displayname", "description", "jobTitle", "department", "location", "costCenter",
		"employeeType", "company", "employeeIdentifier", "alternateEmail", "managedAppleId", "public_key", "external_dn"} {
		user[key] = canary + "-" + key
	}
	user["phoneNumbers"] = []any{map[string]any{"type": "mobile", "number": canary}}
	user["addresses"] = []any{map[string]any{"type": "home", "streetAddress": canary + " street", "locality": canary}}
	user["attributes"] = []any{map[string]any{"name": canary, "value": canary}}
	user["recoveryEmail"] = map[string]any{"address": canaryEmail}
	user["tags"] = []any{canary}
	return user
}

// flight is one way that a request can go.
type flight struct {
	// free says that the account is not locked.
	free   bool
	faults []simulator.Fault
	input  func(*workflows.Input)
	// answer is the update that answers the approval.
	answer string
	// cancel and terminate say that somebody does so to the run once it waits for an
	// approval; joined that somebody else asks for the same meanwhile.
	cancel, terminate, joined bool
	// retried says that attempts fail, and are looked at while they do.
	retried bool
	outcome workflows.Outcome
	// kinds are the failures that it may end with; a cancelled run's is the client's.
	kinds []connectors.Kind
}

// approval asks for one of the canaries' approval.
func approval(timeout time.Duration) func(*workflows.Input) {
	return func(in *workflows.Input) {
		in.Approval = workflows.Approval{Required: true, Timeout: workflows.Duration(timeout), Approvers: []string{canary + "*"}}
	}
}

// The calls that faults wait for; both providers' have the same names.
const (
	opFind   = jumpcloudsimulator.OpFind
	opLookup = jumpcloudsimulator.OpLookup
	opUnlock = jumpcloudsimulator.OpUnlock
)

// outcomes are the flights that end with an outcome; relock locks the account anew.
func outcomes(relock func()) map[string]flight {
	var unlocked atomic.Bool
	var reads atomic.Int32
	return map[string]flight{
		"unlocked":         {outcome: workflows.Unlocked},
		"already unlocked": {free: true, outcome: workflows.AlreadyUnlocked},
		"would unlock":     {input: func(in *workflows.Input) { in.DryRun = true }, outcome: workflows.WouldUnlock},
		"refused": {input: func(in *workflows.Input) { in.Guard.OnlyReasons = []connectors.Reason{connectors.ReasonAdmin} },
			outcome: workflows.Refused},
		"unlocked after retries": {faults: []simulator.Fault{failing(opFind, http.StatusServiceUnavailable, 2)}, outcome: workflows.Unlocked},
		"approved":               {input: approval(time.Hour), answer: workflows.ApproveUpdate, outcome: workflows.Unlocked},
		"joined": {input: func(in *workflows.Input) {
			approval(time.Hour)(in)
			in.Email, in.UserID = "", canary // By ID, so that the other meets it.
		}, joined: true, answer: workflows.ApproveUpdate, outcome: workflows.Unlocked},
		"excluded":       {input: func(in *workflows.Input) { in.Guard.Exclude = []string{canary + "*"} }, outcome: workflows.Refused},
		"by name":        {input: func(in *workflows.Input) { in.Email, in.Username = "", canaryName }, outcome: workflows.Unlocked},
		"denied":         {input: approval(time.Hour), answer: workflows.DenyUpdate, outcome: workflows.Denied},
		"nobody answers": {input: approval(time.Second), outcome: workflows.ApprovalExpired},
		"relocked": {input: func(in *workflows.Input) { in.WatchFor = workflows.Duration(patience) }, outcome: workflows.Relocked, faults: []simulator.Fault{
			{Operation: opUnlock, Kind: simulator.KindChange, Hook: func(*http.Request) { unlocked.Store(true) }},
			{Operation: opLookup, Kind: simulator.KindChange, Hook: func(*http.Request) {
				if unlocked.Load() && reads.Add(1) == 2 {
					relock()
				}
			}},
		}},
	}
}

// failing makes calls fail with the canary in what they answer; times is how often, 0 for always.
func failing(operation string, status, times int) simulator.Fault {
	body := `{"code":"INVALID","message":"` + errorBody + `","error":"` + errorBody + `","details":[{"message":"` + errorBody + `"}]}`
	return simulator.Fault{Operation: operation, Kind: simulator.KindStatus, Status: status, Times: times, Body: &body}
}

// accepting are the faults with which the provider accepts an unlock that has no effect.
func accepting(provider, user string) []simulator.Fault {
	faults := []simulator.Fault{{Operation: opUnlock, Kind: simulator.KindEmpty}}
	if provider == "pingone" { // The only one with layers, and one that answers with the user.
		body := `{"id":"` + user + `"}`
		faults[0] = simulator.Fault{Operation: opUnlock, Kind: simulator.KindStatus, Status: http.StatusOK, Body: &body}
		faults = append(faults, simulator.Fault{Operation: pingonesimulator.OpUnlockPassword, Kind: simulator.KindEmpty})
	}
	return faults
}

// failures are the flights that end without an outcome. Each fault's answer holds the canary.
func failures() map[string]flight {
	always := func(operation string, status int) []simulator.Fault {
		return []simulator.Fault{failing(operation, status, 0)}
	}
	page := "<html><body>" + errorBody + "</body></html>"
	malformed, unavailable := []connectors.Kind{connectors.MalformedResponse}, []connectors.Kind{connectors.Unavailable}
	return map[string]flight{
		"no such address": {input: func(in *workflows.Input) { in.Email = "no-" + canaryEmail },
			kinds: []connectors.Kind{connectors.NotFound}},
		"two of one address": {input: func(in *workflows.Input) { in.Email = "twins-" + canaryEmail },
			kinds: []connectors.Kind{connectors.Ambiguous}},
		"no such name": {input: func(in *workflows.Input) { in.Email, in.Username = "", "no-"+canaryName },
			kinds: []connectors.Kind{connectors.NotFound}},
		"cancelled":          {input: approval(time.Hour), cancel: true, kinds: []connectors.Kind{workflows.TypeCancelled}},
		"terminated":         {input: approval(time.Hour), terminate: true, kinds: []connectors.Kind{workflows.TypeTerminated}},
		"down":               {faults: always(opFind, http.StatusBadGateway), retried: true, kinds: unavailable},
		"throttled":          {faults: always(opUnlock, http.StatusTooManyRequests), kinds: []connectors.Kind{connectors.RateLimited}},
		"rejected":           {faults: always(opUnlock, http.StatusBadRequest), kinds: []connectors.Kind{connectors.RejectedByProvider}},
		"may not unlock":     {faults: always(opUnlock, http.StatusForbidden), kinds: []connectors.Kind{connectors.PermissionDenied}},
		"credential refused": {faults: always(opFind, http.StatusUnauthorized), kinds: []connectors.Kind{connectors.Unauthenticated}},
		"another object":     {faults: always(opFind, http.StatusOK), kinds: malformed},
		"a web page": {faults: []simulator.Fault{{Operation: opFind, Kind: simulator.KindHTML, Body: &page}},
			kinds: append(malformed, unavailable...)},
		"a redirect": {faults: []simulator.Fault{{Operation: opFind, Kind: simulator.KindRedirect, Location: "https://" + errorBody + ".example/", Body: &page}},
			kinds: connectors.Kinds()},
	}
}

// TestNothingLeaks: no secret and no text of the provider's own ever stands in a history
// or a log, however a request ends; and nothing of a person's, nor what a caller wrote,
// stands outside payloads in anything that Temporal stores.
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
			flights := outcomes(func() { require.NoError(t, c.provider.LockByFailures(canaryName)) })
			if c.provider.name == "pingone" { // The only one with layers.
				unread := failing(pingonesimulator.OpPassword, http.StatusForbidden, 0)
				unread.Skip = 1
				flights["partially unlocked"] = flight{faults: []simulator.Fault{unread}, outcome: workflows.PartiallyUnlocked}
			}
			maps.Copy(flights, failures())
			flights["still locked"] = flight{faults: accepting(c.provider.name, c.user), kinds: []connectors.Kind{workflows.TypeStillLocked}}
			for name, flight := range flights {
				c.fly(name, flight)
			}
			if c.provider.name != "pingone" {
				c.seen[workflows.PartiallyUnlocked] = true
			}
			require.ElementsMatch(t, workflows.Outcomes(), slices.Collect(maps.Keys(c.seen)), "an outcome that nothing is known of")
			c.misspell()
			c.operate()
			require.GreaterOrEqual(t, len(c.sent), with.sent, "not every credential was seen under way")
			c.requireClean(len(flights) + operated)
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
			c.requireClean(1)
		})
	}
}

// cage is a house whose credentials are watched.
type cage struct {
	*house
	worker *process
	secret string
	// user is the canary's ID.
	user string
	// seen are the outcomes that requests had.
	seen map[workflows.Outcome]bool

	mutex sync.Mutex
	// sent holds every credential that was seen under way.
	sent map[string]bool
}

func newCage(t *testing.T, with provider, secret string) *cage {
	t.Helper()
	c := &cage{house: newHouseOf(t, false, with), secret: secret, sent: map[string]bool{}, seen: map[workflows.Outcome]bool{}}
	c.user = c.provider.MustCreateUser(canaryUser(with.name))
	for _, twin := range []string{"-first", "-second"} {
		user := canaryUser(with.name)
		user["username"], user["email"] = canaryName+twin, "twins-"+canaryEmail
		c.provider.MustCreateUser(user)
	}
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

// prepare arranges the account and the provider.
func (c *cage) prepare(flight flight) {
	c.t.Helper()
	require.NoError(c.t, c.provider.LockByFailures(canaryName))
	if flight.free {
		require.NoError(c.t, c.provider.Act(canaryName, "unlock", nil))
		if c.provider.name == "pingone" {
			require.NoError(c.t, c.provider.Act(canaryName, "unlock-password", nil))
		}
	}
	c.provider.Faults.Clear()
	c.provider.Faults.MustAdd(simulator.Fault{Kind: simulator.KindChange, Hook: c.watch})
	for _, fault := range flight.faults {
		c.provider.Faults.MustAdd(fault)
	}
}

// fly makes one request by address.
func (c *cage) fly(name string, flight flight) {
	c.t.Helper()
	c.prepare(flight)
	in := workflows.Input{Connection: c.connection, Email: canaryEmail, RequestedBy: canaryRequester, RequestReason: canary + "-reason"}
	if flight.input != nil {
		flight.input(&in)
	}
	if in.UserID != "" {
		in.UserID = c.user
	}
	if flight.outcome == "" {
		in.Timeout = workflows.Duration(15 * time.Second) // An attempt must end within it on a busy machine too.
	}
	run, err := c.client.Start(c.t.Context(), in)
	require.NoError(c.t, err)
	if flight.retried {
		c.requireClearAttempts(run)
	}
	if flight.cancel {
		c.awaitApproval(run)
		require.NoError(c.t, c.temporal.CancelWorkflow(c.t.Context(), run.WorkflowID, run.RunID))
	}
	if flight.terminate {
		c.awaitApproval(run)
		require.NoError(c.t, c.temporal.TerminateWorkflow(c.t.Context(), run.WorkflowID, run.RunID, "as the test ordered"))
	}
	if flight.joined {
		in.RequestedBy, in.RequestReason = canary+"-other", canary+"-other-reason"
		joined, err := c.client.Start(c.t.Context(), in)
		require.NoError(c.t, err)
		require.True(c.t, joined.Joined)
	}
	if flight.answer != "" {
		c.answer(run, flight.answer)
	}
	result, err := run.Result(c.t.Context())
	if flight.outcome != "" {
		require.NoError(c.t, err, name)
		require.Equal(c.t, flight.outcome, result.Outcome, "%s: %s", name, result.Explanation)
		c.seen[result.Outcome] = true
		return
	}
	var failure *client.Failure
	require.ErrorAs(c.t, err, &failure, name)
	require.Contains(c.t, flight.kinds, connectors.Kind(failure.Type), "%s: %s", name, failure.Message)
}

// misspell starts runs whose inputs are wrong throughout: their text is in the failures.
func (c *cage) misspell() {
	c.t.Helper()
	c.failAtOnce(workflows.TypeNoWorker, map[string]any{"connection": c.connection + "-absent", "email": canaryEmail, "requestedBy": canaryRequester, "timeout": "2s"})
	for _, input := range []map[string]any{
		{"connection": canary + " " + c.connection, "email": canaryEmail},
		{"connection": c.connection, "userId": canary + " " + canaryEmail, "guard": map[string]any{"onlyReasons": []string{canary}}},
		{"connection": c.connection, "email": canaryName, "override": []string{canary}, "emit": canary, "requestId": canary + " " + canary},
		{"connection": c.connection, "email": map[string]any{"address": canaryEmail}},
		{"connection": c.connection, "userId": c.user, "timeout": canary},
		{"connection": c.connection, "userId": c.user, canaryEmail: canary},
		{"connection": c.connection, "userId": c.user, canaryName: canary},
	} {
		c.failAtOnce(workflows.TypeInvalidInput, input)
	}
}

// failAtOnce starts a run as the form of the Temporal UI does, with nothing checked before.
func (c *cage) failAtOnce(kind string, input map[string]any) {
	c.t.Helper()
	run, err := c.temporal.ExecuteWorkflow(c.t.Context(), sdkclient.StartWorkflowOptions{TaskQueue: workflows.TaskQueue}, workflows.UnlockUserName, input)
	require.NoError(c.t, err)
	var failure *client.Failure
	_, err = c.client.Attach(run.GetID(), run.GetRunID()).Result(c.t.Context())
	require.ErrorAs(c.t, err, &failure)
	require.Equal(c.t, kind, failure.Type, failure.Message)
	requireNoCanary(c.t, latchkeytest.InClear(c.t, c.temporal, run.GetID(), run.GetRunID()))
}

// answer answers the approval once it is waited for. The account itself tries first.
func (c *cage) answer(run *client.Run, update string) {
	c.t.Helper()
	var refused *client.Failure
	require.Eventually(c.t, func() bool {
		return errors.As(run.Approve(c.t.Context(), workflows.Answer{By: canaryName}), &refused) && strings.Contains(refused.Message, "the account itself")
	}, patience, pause)
	answer, say := workflows.Answer{By: canaryApprover, Reason: canary + "-why"}, run.Approve
	if update == workflows.DenyUpdate {
		say = run.Deny
	}
	require.NoError(c.t, say(c.t.Context(), answer))
}

// requireClearAttempts looks at a run while its attempts fail.
func (c *cage) requireClearAttempts(run *client.Run) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		described, err := c.temporal.DescribeWorkflowExecution(c.t.Context(), run.WorkflowID, run.RunID)
		pending := described.GetPendingActivities()
		if err != nil || len(pending) == 0 || pending[0].GetLastFailure() == nil {
			return false
		}
		requireNoCanary(c.t, latchkeytest.Texts(c.t, described, false))
		return true
	}, patience, pause)
}

// operated are the runs that operate leaves behind: a check, a list, two bulk runs with a
// child each, and the schedule's.
const operated = 7

// operate does what people do beside single requests: they check and list, release a bulk
// run that holds, and make a schedule.
func (c *cage) operate() {
	c.t.Helper()
	c.prepare(flight{})
	_, err := c.client.CheckConnection(c.t.Context(), c.connection)
	require.NoError(c.t, err)
	listed := 0
	require.NoError(c.t, c.client.Locked(c.t.Context(), workflows.ListInput{Connection: c.connection}, func(page *activities.ListLockedResult) error {
		listed += len(page.Accounts)
		return nil
	}))
	require.Equal(c.t, 1, listed)

	var none int
	var atOnce workflows.Duration
	held := c.startBulk(workflows.BulkInput{Policy: workflows.Policy{Hold: &workflows.Hold{Above: &none}, MinLockedFor: &atOnce,
		MaxPerUser: &workflows.MaxPerUser{Unlocks: 1000}}}) // All flights had the same user.
	require.Eventually(c.t, func() bool {
		_, err := held.Command(c.t.Context(), workflows.ReleaseUpdate, workflows.Command{RequestedBy: canaryApprover, RequestReason: canary})
		return err == nil
	}, patience, pause)
	result, err := held.BulkResult(c.t.Context())
	require.NoError(c.t, err)
	require.Equal(c.t, map[string]int{string(workflows.Unlocked): 1}, result.Counts, result.Explanation)
	c.prepare(flight{})
	result, err = c.startBulk(workflows.BulkInput{Users: []connectors.UserRef{{Username: canaryName}}}).BulkResult(c.t.Context())
	require.NoError(c.t, err)
	require.Equal(c.t, map[string]int{string(workflows.Unlocked): 1}, result.Counts, result.Explanation)

	schedule := exec.CommandContext(c.t.Context(), binary, "schedule", "create", "--connection", c.connection, "--every", "1h")
	schedule.Env = []string{"HOME=" + c.t.TempDir(), "TEMPORAL_ADDRESS=" + c.address, "TEMPORAL_NAMESPACE=" + c.namespace}
	output, err := schedule.CombinedOutput()
	require.NoError(c.t, err, string(output))
	id := "unlock-locked/" + c.connection
	require.Equal(c.t, workflows.Completed, c.trigger(c.temporal.ScheduleClient().GetHandle(c.t.Context(), id), 1).Outcome)
	described, err := c.temporal.WorkflowService().DescribeSchedule(c.t.Context(), &workflowservice.DescribeScheduleRequest{Namespace: c.namespace, ScheduleId: id})
	require.NoError(c.t, err)
	c.requireClear(latchkeytest.Texts(c.t, described, false))
}

func (c *cage) startBulk(in workflows.BulkInput) *client.Run {
	c.t.Helper()
	in.Connection, in.RequestedBy, in.RequestReason = c.connection, canaryRequester, canary
	run, err := c.client.StartBulk(c.t.Context(), in)
	require.NoError(c.t, err)
	return run
}

// requireClean looks through all that was stored and logged of the connection's runs, of
// which there are so many at least.
func (c *cage) requireClean(least int) {
	c.t.Helper()
	var runs []*workflowpb.WorkflowExecutionInfo
	require.Eventually(c.t, func() bool { // Visibility is late.
		listed, err := c.temporal.ListWorkflow(c.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("%s = '%s'", workflows.AttributeConnection.GetName(), c.connection)})
		require.NoError(c.t, err)
		runs = listed.GetExecutions()
		return len(runs) >= least
	}, patience, pause)
	c.requireClearQueues()
	c.worker.kill() // Nobody sends anything any more.
	hidden := append(slices.Collect(maps.Keys(c.sent)), c.secret, errorBody)
	for _, run := range runs {
		id, runID := run.GetExecution().GetWorkflowId(), run.GetExecution().GetRunId()
		c.requireClear(latchkeytest.InClear(c.t, c.temporal, id, runID))
		history := latchkeytest.History(c.t, c.temporal, id, runID)
		marshalled, err := protojson.Marshal(history)
		require.NoError(c.t, err)
		for _, secret := range hidden {
			require.NotContains(c.t, string(marshalled), secret)
			require.NotContains(c.t, latchkeytest.Texts(c.t, history, true), secret)
		}
		if strings.HasPrefix(id, "unlock/") {
			require.Contains(c.t, latchkeytest.Texts(c.t, history, true), canary, "the input is in the history, so what is looked through is all of it")
		}
	}
	log := c.worker.stderr.String() + c.worker.stdout.String() + serving.stderr.String()
	require.Contains(c.t, log, c.connection)
	for _, private := range append(hidden, canaryName, "canary.mail", canary+"-given", canary+"-lastname", canary+" street") {
		require.NotContains(c.t, log, private)
	}
}

// requireClearQueues looks at what Temporal tells of task queues and workers.
func (c *cage) requireClearQueues() {
	c.t.Helper()
	queue, err := c.temporal.DescribeTaskQueue(c.t.Context(), activities.Queue(c.connection), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	require.NoError(c.t, err)
	require.NotEmpty(c.t, queue.GetPollers())
	requireNoCanary(c.t, latchkeytest.Texts(c.t, queue, false))
	workers, err := c.temporal.WorkflowService().ListWorkers(c.t.Context(), &workflowservice.ListWorkersRequest{Namespace: c.namespace})
	require.NoError(c.t, err)
	requireNoCanary(c.t, latchkeytest.Texts(c.t, workers, false))
}

// requireClear fails unless the texts are about the connection, and hold no canary.
func (c *cage) requireClear(texts string) {
	c.t.Helper()
	require.Contains(c.t, texts, c.connection)
	requireNoCanary(c.t, texts)
}

func requireNoCanary(t *testing.T, texts string) {
	t.Helper()
	require.NotContains(t, strings.ToLower(texts), canary)
}
