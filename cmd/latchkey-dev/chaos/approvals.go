package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

const (
	// answerTimeout bounds one answer of an approver's.
	answerTimeout = 5 * time.Second
	// askedWithin is how long an approver looks for what waits for an answer.
	askedWithin = 45 * time.Second
)

// answerFor lets the approvers of a request do what they do.
func (c *callers) answerFor(ctx context.Context, r *request, run *client.Run) {
	if r.approval == "" || r.approval == nobody {
		return
	}
	waiting := c.awaitStep(ctx, run)
	if waiting == nil {
		return
	}
	switch r.approval { //nolint:exhaustive // nobody has returned above
	case approve:
		c.tell(ctx, run.Approve)
	case deny:
		c.tell(ctx, run.Deny)
	case late:
		wait(ctx, time.Until(waiting.Approval.Until.Add(time.Second)))
		c.mustNot(ctx, run, approver, "after its time")
	case wrong, wrongAndGood:
		own := waiting.RequestedBy // In a crowd, or where others had asked before, it is one of them.
		for _, name := range []string{
			"intruder", c.tenants[r.connection].cast[r.person].username,
			// Whoever asked, in disguise, and a name that the approvers' pattern would let pass.
			own, strings.ToUpper(own), strings.Replace(own, "-", "-\u200b", 1), strings.Replace(own, "-", "\u00ad-", 1),
			strings.Replace(own, "a", "\u0430", 1), "boss-x\nintruder",
		} {
			c.mustNot(ctx, run, name, "by somebody who must not")
		}
		if r.approval == wrongAndGood {
			c.tell(ctx, run.Approve)
		}
	}
}

// awaitStep waits until the run waits for an approval, and returns what it says of itself then;
// nil when it does not.
func (c *callers) awaitStep(ctx context.Context, run *client.Run) *workflows.Result {
	ctx, cancel := context.WithTimeout(ctx, askedWithin)
	defer cancel()
	for ctx.Err() == nil {
		status, err := run.Status(ctx)
		switch {
		case err == nil && status.Step == workflows.StepApproval:
			return &status.Result
		case err == nil && (status.Step == workflows.StepDone || status.Step == workflows.StepUnlock || status.Step == workflows.StepVerify):
			return nil
		case isGone(err) && c.closed(ctx, run):
			return nil
		}
		wait(ctx, pause)
	}
	return nil
}

func isGone(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}

// closed reports whether the run is there and has ended: one that the command is still to
// start is not there yet.
func (c *callers) closed(ctx context.Context, run *client.Run) bool {
	described, err := c.temporal.DescribeWorkflowExecution(ctx, run.WorkflowID, run.RunID)
	return err == nil && described.GetWorkflowExecutionInfo().GetCloseTime() != nil
}

// tell answers, again while nobody is there to take the answer.
func (c *callers) tell(ctx context.Context, how func(context.Context, workflows.Answer) error) {
	for range 3 {
		bounded, cancel := context.WithTimeout(ctx, answerTimeout)
		err := how(bounded, workflows.Answer{By: approver, Reason: "chaos"})
		cancel()
		var failure *client.Failure
		if err == nil || errors.As(err, &failure) || isGone(err) {
			return
		}
	}
}

// mustNot approves where that must be refused.
func (c *callers) mustNot(ctx context.Context, run *client.Run, name, how string) {
	bounded, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if run.Approve(bounded, workflows.Answer{By: name}) == nil {
		c.violated("approval", run.RunID, "%s was approved %s, as %q", run.WorkflowID, how, name)
	}
}
