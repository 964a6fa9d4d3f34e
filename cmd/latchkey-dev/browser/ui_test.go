// Package browser looks at the embedded Temporal UI with a real browser, as an operator
// does: what waits for whom, what a run says of itself, and how it ended.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/devtest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// absentID is nobody's.
const absentID = "5f0c000000000000000000ff"

// house is a whole Latchkey, and a browser that looks at it.
type house struct {
	*browser
	*dev.Environment
}

func newHouse(t *testing.T) *house {
	t.Helper()
	environment := devtest.Start(t, "127.0.0.1:0")
	return &house{browser: open(t, environment.Temporal.UIAddress()), Environment: environment}
}

// locked makes a user who is locked by failed sign-ins.
func (h *house) locked(name string) (id string) {
	h.t.Helper()
	id, err := h.Locked(name)
	require.NoError(h.t, err)
	return id
}

// suspended makes a user who is locked and suspended.
func (h *house) suspended(name string) (id string) {
	h.t.Helper()
	id = h.locked(name)
	require.NoError(h.t, h.Tenant(dev.JumpCloud).Act(id, "suspend", nil))
	return id
}

func (h *house) start(in workflows.Input) *client.Run {
	h.t.Helper()
	in.RequestedBy, in.RequestReason = "playbook", "INC-4711"
	run, err := h.Client.Start(h.t.Context(), in)
	require.NoError(h.t, err)
	return run
}

// ended is a run that has come to its end, whatever that is.
func (h *house) ended(in workflows.Input) *client.Run {
	h.t.Helper()
	run := h.start(in)
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	if _, err := run.Result(ctx); err != nil {
		require.ErrorAs(h.t, err, new(*client.Failure))
	}
	return run
}

// waiting is a run that waits for an approval.
func (h *house) waiting(in workflows.Input) *client.Run {
	h.t.Helper()
	in.Approval = workflows.Approval{Required: true}
	run := h.start(in)
	require.Eventually(h.t, func() bool {
		described, err := h.Client.Temporal.DescribeWorkflow(h.t.Context(), run.WorkflowID, run.RunID)
		if err != nil {
			return false
		}
		awaiting, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeAwaiting)
		return awaiting == workflows.AwaitingApproval
	}, patience, 20*time.Millisecond)
	return run
}

func (h *house) approve(run *client.Run) {
	h.t.Helper()
	require.NoError(h.t, run.Approve(h.t.Context(), workflows.Answer{By: "boss", Reason: "I called her"}))
	_, err := run.Result(h.t.Context())
	require.NoError(h.t, err)
}

// look opens one of the tabs of a run's page.
func (h *house) look(run *client.Run, tab string) {
	h.t.Helper()
	h.visit(fmt.Sprintf("/namespaces/default/workflows/%s/%s/%s", url.PathEscape(run.WorkflowID), run.RunID, tab))
}

// view is a row of the table of views in docs/asking.md: its name, and its query.
var view = regexp.MustCompile("(?m)^\\| ([a-z ]+) \\| `(Latchkey[^`]+)`")

// views are the queries of that table, at the simulated tenant's connection.
func (h *house) views() map[string]string {
	h.t.Helper()
	page, err := os.ReadFile("../../../docs/asking.md")
	require.NoError(h.t, err)
	queries := map[string]string{}
	for _, row := range view.FindAllStringSubmatch(string(page), -1) {
		queries[row[1]] = strings.ReplaceAll(row[2], "jc-prod", dev.JumpCloud)
	}
	return queries
}

// search opens the list of the runs that a query finds, once it finds so many: the page is
// not drawn anew when visibility is late.
func (h *house) search(query string, runs int) {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		counted, err := h.Client.Temporal.CountWorkflow(h.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Namespace: sdkclient.DefaultNamespace, Query: query})
		return err == nil && counted.GetCount() == int64(runs)
	}, patience, 50*time.Millisecond, query)
	h.visit("/namespaces/default/workflows?query=" + url.QueryEscape(query))
}

// columns chooses the columns of the list, as an operator would once.
func (h *house) columns(labels ...string) {
	h.t.Helper()
	columns := make([]map[string]string, 0, len(labels))
	for _, label := range labels {
		columns = append(columns, map[string]string{"label": label})
	}
	chosen, err := json.Marshal(map[string]any{"default": columns})
	require.NoError(h.t, err)
	h.visit("/namespaces/default/workflows")
	run(h.browser, "choose the columns", chromedp.Evaluate[any](fmt.Sprintf("localStorage.setItem('namespace-workflow-table-columns', %q)", chosen)))
}

// held is a bulk run that holds, since more users were locked lately than its policy allows.
func (h *house) held() *client.Run {
	h.t.Helper()
	none := 0
	run, err := h.Client.StartBulk(h.t.Context(), workflows.BulkInput{Connection: dev.JumpCloud, Policy: workflows.Policy{Hold: &workflows.Hold{Above: &none}}})
	require.NoError(h.t, err)
	return run
}

// TestOperatorsSee: an operator finds by the search attributes what waits, and reads in the
// run's details what for and how to answer; then how it ended, and why another failed.
func TestOperatorsSee(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	unlocked := h.ended(workflows.Input{Connection: dev.JumpCloud, UserID: h.locked("ada")})
	refused := h.suspended("barbara")
	h.ended(workflows.Input{Connection: dev.JumpCloud, UserID: refused})
	failed := h.ended(workflows.Input{Connection: dev.JumpCloud, UserID: absentID})
	ended := h.waiting(workflows.Input{Connection: dev.JumpCloud, UserID: h.locked("edith")})
	require.NoError(t, h.Client.Temporal.TerminateWorkflow(t.Context(), ended.WorkflowID, ended.RunID, ""))
	waiting := h.waiting(workflows.Input{Connection: dev.JumpCloud, UserID: h.locked("grace")})

	h.columns("Status", "Workflow ID", "LatchkeyConnection", "LatchkeyOutcome", "LatchkeyAwaiting")
	held := h.held()
	views := h.views()
	require.Len(t, views, 5, "a view that the test does not know")
	h.search(views["one connection"], 6)
	h.sees(unlocked.WorkflowID, waiting.WorkflowID, "LatchkeyOutcome", string(workflows.Unlocked), refused, string(workflows.Refused), "LatchkeyAwaiting", workflows.AwaitingApproval)
	h.picture("list.png")
	h.search(views["refused this week"], 1)
	h.sees(refused)
	h.search(views["relocked"], 0)
	h.search(views["bulk runs that hold"], 1)
	h.sees(held.WorkflowID)
	h.search(views["waiting for approval"], 1)
	h.sees(waiting.WorkflowID)
	h.lacks(unlocked.WorkflowID)
	h.lacks(ended.WorkflowID)

	h.look(waiting, "user-metadata")
	h.sees("RUNNING", "Unlock a user at jumpcloud", "never enables, unsuspends or resets", "it waits for an approval until", "needed because: requested", `{"by": "who answers", "reason": "why"}`)
	h.picture("approval.png")
	h.approve(waiting)
	h.look(waiting, "user-metadata")
	h.sees("COMPLETED", "unlocked: the account was locked, and a later read shows no lock")
	h.picture("approved.png")

	h.look(failed, "timeline")
	h.sees("FAILED", "NotFound", "connection jumpcloud: ", "What to do: Check the reference")
	h.picture("failed.png")
}
