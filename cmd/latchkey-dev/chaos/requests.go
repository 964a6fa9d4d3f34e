package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// approver is the only name whose approval counts. Those who ask have names that the pattern
// of the approvers lets pass too, so that it is their own rule that keeps them out.
const (
	approver    = "boss-approver"
	askerPrefix = "boss-asker-"
)

// callers are those who ask, answer and end runs, and what they heard.
type callers struct {
	*world
	// asking and suffering are waited for at the end.
	asking, suffering sync.WaitGroup

	mutex   sync.Mutex
	answers []answer
	lists   []*listRecord
	// ended are the runs, and workflow IDs, that somebody ended from outside, and how.
	ended map[string][]string
	// faults are those that were ordered, by connection and ID; asked counts requests by kind.
	faults map[string]map[int]simulator.Fault
	asked  map[string]int
	// violations are those that show at once; errs are faults of the world's own.
	violations []violation
	errs       []error
}

func newCallers(w *world) *callers {
	return &callers{world: w, ended: map[string][]string{}, faults: map[string]map[int]simulator.Fault{}, asked: map[string]int{}}
}

// perform does what the plan says, and returns when its last part has begun.
func (c *callers) perform(ctx context.Context, plan []step) {
	began := time.Now()
	for _, each := range plan {
		wait(ctx, time.Until(began.Add(each.at)))
		if ctx.Err() != nil {
			return
		}
		switch {
		case each.request != nil:
			c.crowd(ctx, each.request)
		case each.list != nil:
			c.asking.Go(func() { c.askList(ctx, each.list) })
		case each.lock != nil:
			c.note(c.tenants[each.lock.connection].lock(each.lock))
		case each.fault != nil:
			c.order(each.fault)
		case each.outage != nil:
			c.suffering.Go(func() { c.note(c.suffer(ctx, each.outage)) })
		}
	}
}

// order orders a fault, and remembers what its number means.
func (c *callers) order(f *fault) {
	id, err := c.tenants[f.connection].Faults.Add(f.order)
	c.note(err)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.faults[f.connection] == nil {
		c.faults[f.connection] = map[int]simulator.Fault{}
	}
	c.faults[f.connection][id] = f.order
}

func (c *callers) note(err error) {
	if err == nil {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.errs = append(c.errs, err)
}

func (c *callers) violated(rule, runID, format string, arguments ...any) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.violations = append(c.violations, violation{rule: rule, runID: runID, what: fmt.Sprintf(format, arguments...)})
}

func (c *callers) heard(kind string, a answer) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.asked[kind]++
	c.answers = append(c.answers, a)
}

// crowd has everybody ask.
func (c *callers) crowd(ctx context.Context, r *request) {
	known := make(chan *client.Run, 1)
	var asking sync.WaitGroup
	for i := range r.times {
		in := c.input(r, i)
		asking.Go(func() {
			switch {
			case r.command:
				known <- c.client.Attach(in.RequestID, "")
				c.heard("by the command", c.askCommand(ctx, &in))
			case r.times > 1:
				c.heard("in a crowd", c.ask(ctx, in, known))
			default:
				c.heard("by the client", c.ask(ctx, in, known))
			}
		})
	}
	c.asking.Go(func() {
		asking.Wait()
		close(known)
	})
	c.asking.Go(func() {
		if run := <-known; run != nil {
			c.asking.Go(func() { c.endRun(ctx, run, r.ending) })
			c.answerFor(ctx, r, run)
		}
	})
}

// input is what the one of a crowd asks for.
func (c *callers) input(r *request, one int) workflows.Input {
	in := workflows.Input{
		Connection: r.connection, RequestedBy: fmt.Sprintf("%s%d-%d", askerPrefix, r.number, one), DryRun: r.dryRun,
		Timeout: workflows.Duration(r.timeout), WatchFor: workflows.Duration(r.watchFor), EvenIfUnlocked: one%4 == 3,
		Guard: workflows.Guard{OnlyReasons: r.reasons},
	}
	refer(&in, c.tenants[r.connection].cast[r.person], r.by)
	if r.named {
		in.RequestID = "request-" + number(r.number)
	}
	if r.approval != "" && r.connection != strict {
		in.Approval = workflows.Approval{Required: true, Timeout: workflows.Duration(5 * time.Second), Approvers: []string{approverPattern}}
	}
	return in
}

func refer(in *workflows.Input, to person, by string) {
	switch by {
	case "username":
		in.Username = to.username
	case "email":
		in.Email = to.email
	default:
		in.UserID = to.id
	}
}

// ask asks through package client until there is an answer that is final. The first run that
// is known is handed on.
func (c *callers) ask(ctx context.Context, in workflows.Input, known chan<- *client.Run) answer {
	a := answer{what: "request of " + in.RequestedBy}
	for {
		run, err := c.client.Start(ctx, in)
		if err == nil {
			a.workflowID, a.runID = run.WorkflowID, run.RunID
			select {
			case known <- run:
			default: // Somebody else's run is known.
			}
			var result *workflows.Result
			if result, err = run.Result(ctx); err == nil {
				a.word = string(result.Outcome)
				return a
			}
		}
		var failure *client.Failure
		if errors.As(err, &failure) {
			a.word = failure.Type
			return a
		}
		if a.runID != "" || ctx.Err() != nil {
			a.err = err.Error()
			return a
		}
		wait(ctx, pause) // Temporal is away, and whether a run began is not known.
	}
}

// askCommand asks with the latchkey command, and again under the same request ID while
// Temporal is away.
func (c *callers) askCommand(ctx context.Context, in *workflows.Input) answer {
	arguments := []string{"unlock", "--connection", in.Connection, "--requested-by", in.RequestedBy, "--request-id", in.RequestID,
		"--timeout", in.Timeout.String(), "--watch-for", in.WatchFor.String(), "-o", "json"}
	for flag, value := range map[string]string{"--user-id": in.UserID, "--username": in.Username, "--email": in.Email} {
		if value != "" {
			arguments = append(arguments, flag, value)
		}
	}
	if in.DryRun {
		arguments = append(arguments, "--dry-run")
	}
	for _, reason := range in.Guard.OnlyReasons {
		arguments = append(arguments, "--only-reasons", string(reason))
	}
	if in.Approval.Required {
		arguments = append(arguments, "--approval", "--approval-timeout", in.Approval.Timeout.String(), "--approvers", approverPattern)
	}
	a := answer{what: "request of " + in.RequestedBy, workflowID: in.RequestID}
	for {
		stdout, code, err := c.command(ctx, arguments...)
		var told struct {
			Outcome string `json:"outcome"`
			Failure struct {
				Type string `json:"type"`
			} `json:"failure"`
		}
		switch {
		case err != nil:
			a.err = err.Error()
			return a
		case json.Unmarshal([]byte(stdout), &told) != nil:
			a.err = fmt.Sprintf("the command printed no JSON and ended with %d", code)
			return a
		case told.Failure.Type == workflows.TypeTemporalUnavailable && ctx.Err() == nil:
			wait(ctx, pause)
			continue
		}
		a.word = told.Outcome + told.Failure.Type
		if a.word == workflows.TypeAlreadyRunning || a.word == workflows.TypeNoWorker {
			a.workflowID = ""
		}
		if ending, _ := workflows.Ending(a.word); code != ending.Class.Explain().ExitCode {
			a.err = fmt.Sprintf("the command ended with %d for %s", code, a.word)
		}
		return a
	}
}

// askList asks for a list and waits for its end.
func (c *callers) askList(ctx context.Context, l *list) {
	record := &listRecord{connection: l.connection, workflowID: "list-" + number(l.number)}
	zero, none := 0, workflows.Duration(0)
	in := workflows.BulkInput{Connection: l.connection, RequestID: record.workflowID, RequestedBy: askerPrefix + number(l.number),
		Timeout: workflows.Duration(15 * time.Second)}
	if l.people == nil {
		in.Policy = workflows.Policy{OnlyReasons: &[]connectors.Reason{}, MinLockedFor: &none, MaxPerUser: &workflows.MaxPerUser{},
			MaxPerRun: &zero, Hold: &workflows.Hold{Off: true}, Concurrency: 5}
	}
	for i, each := range l.people {
		var named workflows.Input
		refer(&named, c.tenants[l.connection].cast[each], []string{"id", "username", "email"}[i%3])
		in.Users = append(in.Users, named.Ref())
	}
	for i := range l.unknown {
		in.Users = append(in.Users, connectors.UserRef{Username: fmt.Sprintf("nobody-%d", i)})
	}
	record.given = in.Users
	c.mutex.Lock()
	c.lists = append(c.lists, record)
	c.mutex.Unlock()
	c.heard("of a list", c.awaitList(ctx, record, in, l.ending))
}

func (c *callers) awaitList(ctx context.Context, record *listRecord, in workflows.BulkInput, end ending) answer {
	a := answer{what: record.workflowID, workflowID: record.workflowID}
	run := c.client.Attach(record.workflowID, "")
	for {
		_, err := c.client.StartBulk(ctx, in)
		var failure *client.Failure
		if errors.As(err, &failure) && failure.Type != workflows.TypeAlreadyRunning {
			a.word, a.workflowID = failure.Type, ""
			return a
		}
		if err == nil || failure != nil {
			break // Or it began when Temporal did not answer.
		}
		if ctx.Err() != nil {
			a.err = err.Error()
			return a
		}
		wait(ctx, pause)
	}
	c.asking.Go(func() { c.endRun(ctx, run, end) })
	result, err := run.BulkResult(ctx)
	var failure *client.Failure
	switch {
	case err == nil:
		a.word = string(result.Outcome)
	case errors.As(err, &failure):
		a.word = failure.Type
	default:
		a.err = err.Error()
	}
	return a
}

// endRun ends a run from outside.
func (c *callers) endRun(ctx context.Context, run *client.Run, how ending) {
	if how.how == "" {
		return
	}
	wait(ctx, how.after)
	word, end := workflows.TypeCancelled, func() error { return c.temporal.CancelWorkflow(ctx, run.WorkflowID, run.RunID) }
	if how.how == "terminate" {
		word, end = workflows.TypeTerminated, func() error { return c.temporal.TerminateWorkflow(ctx, run.WorkflowID, run.RunID, "chaos") }
	}
	c.mutex.Lock()
	c.ended[run.WorkflowID] = append(c.ended[run.WorkflowID], word)
	c.mutex.Unlock()
	_ = end() // It may be closed, or Temporal away: then it ends by itself.
}
