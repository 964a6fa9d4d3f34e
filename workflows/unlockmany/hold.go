package unlockmany

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// HoldMetric counts the runs that held, by connection.
const HoldMetric = "latchkey_bulk_holds"

// hold is a wait for an operator.
type hold struct {
	fresh    int
	until    time.Time
	released bool
}

// released reports whether an operator released the run.
func (c *control) released() bool { return c.hold != nil && c.hold.released }

// waiting reports whether the run waits for release or abort.
func (c *control) waiting() bool { return c.state == workflows.StateHeld }

// holdFor raises the alarm and waits. It reports whether an operator released the run; when
// nobody did, nobody is unlocked.
func (r *bulkRun) holdFor(ctx workflow.Context, fresh int) (released bool, err error) {
	deadline := r.in.Policy.Hold.Deadline.Std()
	began := workflow.Now(ctx)
	r.hold = &hold{fresh: fresh, until: began.Add(deadline).UTC()}
	r.at(ctx, workflows.StateHeld)
	workflow.GetMetricsHandler(ctx).WithTags(map[string]string{"connection": r.in.Connection}).Counter(HoldMetric).Inc(1)
	workflow.GetLogger(ctx).Warn("a bulk run holds: many users were locked lately, which may be an attack",
		"connection", r.in.Connection, "workflowId", workflow.GetInfo(ctx).WorkflowExecution.ID, "fresh", fresh, "until", r.hold.until)
	if err := r.Upsert(ctx, run.Set(workflows.AttributeAwaiting, workflows.AwaitingRelease)); err != nil {
		return false, err
	}
	err = run.WaitWithin(ctx, deadline, "Wait for release or abort", func() bool { return r.hold.released || r.Stop != "" })
	if err != nil && !temporal.IsCanceledError(err) {
		return false, err
	}
	r.Idle += workflows.Duration(workflow.Now(ctx).Sub(began))
	if err == nil && !r.hold.released && r.Stop == "" {
		r.Stop = workflows.CodeHeld
	}
	r.at(ctx, workflows.StateListing)
	if upsertErr := r.Unset(ctx, workflows.AttributeAwaiting); upsertErr != nil {
		return false, upsertErr
	}
	return r.hold.released, err
}

// explainHold says what a held run waits for.
func (r *bulkRun) explainHold() string {
	unread := ""
	if r.Result.Missing.Rows > 0 {
		unread = fmt.Sprintf(", counting %d who could not be read", r.Result.Missing.Rows)
	}
	return fmt.Sprintf("%d users were locked within %s by failed sign-ins or for unknown reasons%s, more than the %d that the policy takes for usual: this may be an attack. "+
		"Nobody was unlocked. Release or abort the run; at %s it ends as held",
		r.hold.fresh, r.in.Policy.Hold.Window, unread, *r.in.Policy.Hold.Above, r.hold.until.Format(time.RFC3339))
}
