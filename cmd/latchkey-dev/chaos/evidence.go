package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// collect gathers the evidence, from Temporal, the tenants and the logs.
func (c *callers) collect(ctx context.Context) (*evidence, error) {
	e := &evidence{accounts: map[string]account{}, books: map[string][]simulator.Change{}, lists: c.lists, answers: c.answers,
		ended: c.ended, audit: map[string][]string{}, leaks: c.ends}
	for connection, t := range c.tenants {
		for _, each := range t.cast {
			e.accounts[each.id] = account{connection: connection, id: each.id, names: []string{each.username, each.email}, forbidden: each.forbidden}
		}
		e.books[connection] = t.Book.All()
	}
	for connection, t := range c.tenants {
		e.calls = append(e.calls, acceptedCalls(t.Calls.All(), t.anyAccepts, c.faults[connection], e.accounts)...)
	}
	for _, path := range c.logs {
		if err := e.readLog(path); err != nil {
			return nil, err
		}
	}
	return e, c.readRuns(ctx, e)
}

// acceptedCalls are the unlock calls that the provider accepted, or whose answer cannot be
// told from that.
func acceptedCalls(calls []simulator.Call, anyAccepts bool, ordered map[int]simulator.Fault, accounts map[string]account) []call {
	var accepted []call
	for _, made := range calls {
		if !strings.HasPrefix(made.Operation, "unlock") || made.Method != http.MethodPost {
			continue
		}
		served := true
		for _, id := range made.Faults {
			switch f := ordered[id]; f.Kind {
			case simulator.KindLatency, simulator.KindStale, simulator.KindHalf, simulator.KindSlow:
			case simulator.KindEmpty, simulator.KindDeepJSON:
				served = f.AfterEffect || anyAccepts
			default:
				served = f.AfterEffect
			}
		}
		for segment := range strings.SplitSeq(made.Path, "/") {
			if _, known := accounts[segment]; known && served {
				accepted = append(accepted, call{userID: segment, at: made.Time})
			}
		}
	}
	return accepted
}

// readLog looks through the log of a worker.
func (e *evidence) readLog(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the log of a worker: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, len(content)+1)
	for number := 1; lines.Scan(); number++ {
		text := lines.Text()
		for _, word := range append([]string{personal, "panic", "TMPRL1100"}, secrets...) {
			if strings.Contains(text, word) {
				e.leaks = append(e.leaks, fmt.Sprintf("%s, line %d, holds %q", filepath.Base(path), number, word))
			}
		}
		var line struct {
			Msg      string `json:"msg"`
			Step     string `json:"step"`
			RunID    string `json:"runId"`
			Decision string `json:"decision"`
		}
		if json.Unmarshal([]byte(text), &line) == nil && line.Msg == "audit" && line.Step == "result" {
			e.audit[line.RunID] = append(e.audit[line.RunID], line.Decision)
		}
	}
	return lines.Err()
}

// ours are the types of the runs that must end.
var ours = []string{workflows.UnlockUserName, workflows.UnlockLockedUsersName, workflows.ListLockedUsersName, workflows.CheckConnectionName}

// openRuns are those that have not ended, as far as Temporal's visibility knows.
func (w *world) openRuns(ctx context.Context) ([]*workflowpb.WorkflowExecutionInfo, error) {
	return w.list(ctx, fmt.Sprintf("ExecutionStatus = 'Running' AND WorkflowType IN ('%s')", strings.Join(ours, "','")))
}

func (w *world) list(ctx context.Context, query string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	request := &workflowservice.ListWorkflowExecutionsRequest{PageSize: 200, Query: query}
	var found []*workflowpb.WorkflowExecutionInfo
	for {
		page, err := w.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list the runs: %w", err)
		}
		found = append(found, page.GetExecutions()...)
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return found, nil
		}
	}
}

// readRuns reads every run.
func (c *callers) readRuns(ctx context.Context, e *evidence) error {
	found, err := c.list(ctx, fmt.Sprintf("WorkflowType IN ('%s')", strings.Join(ours, "','")))
	if err != nil {
		return err
	}
	for _, info := range found {
		run := info.GetExecution()
		if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			e.open = append(e.open, run.GetWorkflowId()+" "+run.GetRunId())
			continue
		}
		if info.GetType().GetName() != workflows.UnlockUserName {
			continue
		}
		record, err := c.readRun(ctx, e, info)
		if err != nil {
			return fmt.Errorf("read the run %s of %s: %w", run.GetRunId(), run.GetWorkflowId(), err)
		}
		e.runs = append(e.runs, record)
	}
	for _, l := range e.lists {
		if err := c.readList(ctx, l); err != nil {
			return fmt.Errorf("read the list %s: %w", l.workflowID, err)
		}
	}
	return nil
}

func (c *callers) readRun(ctx context.Context, e *evidence, info *workflowpb.WorkflowExecutionInfo) (*runRecord, error) {
	r := &runRecord{workflowID: info.GetExecution().GetWorkflowId(), runID: info.GetExecution().GetRunId(),
		parent: info.GetParentExecution().GetWorkflowId(), started: info.GetStartTime().AsTime(), closed: info.GetCloseTime().AsTime(),
		attributes: map[string]string{}}
	for name, payload := range info.GetSearchAttributes().GetIndexedFields() {
		e.readClear(r.workflowID, payload.GetData())
		var value string
		if slices.Contains(workflows.SearchAttributes(), name) {
			if err := converter.GetDefaultDataConverter().FromPayload(payload, &value); err != nil {
				return nil, err
			}
		}
		r.attributes[name] = value
	}
	r.userID = r.attributes[workflows.AttributeUserID.GetName()]
	history := c.temporal.GetWorkflowHistory(ctx, r.workflowID, r.runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return nil, err
		}
		if err := r.read(event); err != nil {
			return nil, err
		}
		inClear, err := protojson.Marshal(event) // What is in payloads is encoded there.
		if err != nil {
			return nil, err
		}
		e.readClear(r.workflowID, inClear)
	}
	if r.userID == "" && r.result != nil {
		r.userID = r.result.UserID
	}
	return r, nil
}

// readClear looks at what everybody can read who may list runs.
func (e *evidence) readClear(workflowID string, text []byte) {
	for _, word := range append([]string{personal}, secrets...) {
		if bytes.Contains(text, []byte(word)) {
			e.leaks = append(e.leaks, fmt.Sprintf("the history of %s holds %q in the clear", workflowID, word))
		}
	}
}

// read takes what an event of a run tells.
func (r *runRecord) read(event *historypb.HistoryEvent) error {
	from := converter.GetDefaultDataConverter()
	switch {
	case event.GetWorkflowExecutionStartedEventAttributes() != nil:
		return from.FromPayloads(event.GetWorkflowExecutionStartedEventAttributes().GetInput(), &r.in)
	case event.GetActivityTaskScheduledEventAttributes() != nil:
		r.unlocking = r.unlocking || event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == activities.UnlockName
	case event.GetWorkflowExecutionUpdateAcceptedEventAttributes() != nil:
		input := event.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetInput()
		if input.GetName() != workflows.ApproveUpdate || r.unlocking {
			return nil
		}
		var told workflows.Answer
		if err := from.FromPayloads(input.GetArgs(), &told); err != nil {
			return err
		}
		r.approvals = append(r.approvals, told.By)
	case event.GetWorkflowExecutionCompletedEventAttributes() != nil:
		r.result = &workflows.Result{}
		if err := from.FromPayloads(event.GetWorkflowExecutionCompletedEventAttributes().GetResult(), r.result); err != nil {
			return err
		}
		r.end = string(r.result.Outcome)
	case event.GetWorkflowExecutionFailedEventAttributes() != nil:
		failure := event.GetWorkflowExecutionFailedEventAttributes().GetFailure().GetApplicationFailureInfo()
		r.end, r.result = failure.GetType(), &workflows.Result{}
		return from.FromPayloads(failure.GetDetails(), r.result)
	case event.GetWorkflowExecutionCanceledEventAttributes() != nil:
		r.end, r.result = workflows.TypeCancelled, &workflows.Result{}
		return from.FromPayloads(event.GetWorkflowExecutionCanceledEventAttributes().GetDetails(), r.result)
	case event.GetWorkflowExecutionTerminatedEventAttributes() != nil:
		r.end = workflows.TypeTerminated
	case event.GetWorkflowExecutionTimedOutEventAttributes() != nil:
		r.end = workflows.TypeTimedOut
	}
	return nil
}

// readList reads how a list ended; one that never began has no run.
func (c *callers) readList(ctx context.Context, l *listRecord) error {
	run := c.client.Attach(l.workflowID, "")
	described, err := c.temporal.DescribeWorkflowExecution(ctx, l.workflowID, "")
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	switch described.GetWorkflowExecutionInfo().GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		result, err := run.BulkResult(ctx)
		if err != nil {
			return err
		}
		l.end = string(result.Outcome)
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		l.end = workflows.TypeCancelled
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		l.end = workflows.TypeTerminated
	default:
		_, err := run.BulkResult(ctx)
		l.end = strings.SplitN(fmt.Sprint(err), ":", 2)[0] // The type stands first.
	}
	return run.Decisions(ctx, func(d workflows.Decision) error {
		l.decisions = append(l.decisions, d)
		return nil
	})
}

// drain lifts what was ordered, and waits until everybody has heard an answer and every run
// has ended.
func (c *callers) drain(ctx context.Context) {
	for _, t := range c.tenants {
		t.Faults.Clear()
	}
	c.suffering.Wait()
	c.asking.Wait()
	c.note(c.await(ctx, "no run is open", func() bool {
		open, err := c.openRuns(ctx)
		return err == nil && len(open) == 0 && c.seen(ctx)
	}))
}

// seen reports whether visibility, which lags, knows every run that somebody was told of.
func (c *callers) seen(ctx context.Context) bool {
	found, err := c.list(ctx, "")
	if err != nil {
		return false
	}
	known := make([]string, 0, len(found))
	for _, info := range found {
		known = append(known, info.GetExecution().GetRunId())
	}
	return !slices.ContainsFunc(c.answers, func(a answer) bool { return a.runID != "" && !slices.Contains(known, a.runID) })
}

// keep writes the books and the calls beside the logs.
func (c *callers) keep(plan []step) error {
	var text strings.Builder
	for _, each := range plan {
		fmt.Fprintf(&text, "%s %s\n", each.at.Round(time.Millisecond), each)
	}
	err := os.WriteFile(filepath.Join(c.folder, "plan.txt"), []byte(text.String()), 0o600)
	for connection, t := range c.tenants {
		encoded, _ := json.MarshalIndent(map[string]any{"changes": t.Book.All(), "calls": t.Calls.All(), "faults": c.faults[connection]}, "", " ")
		if err == nil {
			err = os.WriteFile(filepath.Join(c.folder, "book-"+connection+".json"), encoded, 0o600)
		}
	}
	return err
}
