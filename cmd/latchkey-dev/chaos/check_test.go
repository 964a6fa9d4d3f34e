package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// ada is locked at noon, and unlocked by a run a minute later, which was approved.
func sound() *evidence {
	in := workflows.Input{Connection: strict, UserID: "ada", RequestID: "request-1"}
	return &evidence{
		accounts: map[string]account{
			"ada": {connection: strict, id: "ada", names: []string{"ada.l"}},
			"bob": {connection: strict, id: "bob", forbidden: "protected"},
		},
		books: map[string][]simulator.Change{strict: {
			{Time: at(0), UserID: "ada", What: simulator.Locked, Layer: simulator.LayerAccount, Cause: simulator.CauseFailedSignIn},
			{Time: at(62), UserID: "ada", What: simulator.Unlocked, Layer: simulator.LayerAccount, Cause: simulator.CauseUnlockCall},
		}},
		calls: []call{{userID: "ada", at: at(62)}},
		runs: []*runRecord{{
			workflowID: "request-1", runID: "run-1", parent: "list-1", in: in, userID: "ada", started: at(60), closed: at(64), end: "unlocked",
			attributes: map[string]string{workflows.AttributeConnection.GetName(): strict, workflows.AttributeUserID.GetName(): "ada",
				workflows.AttributeOutcome.GetName(): "unlocked"},
			unlocking: true, approvals: []string{approver},
			result: &workflows.Result{Outcome: workflows.Unlocked, UserID: "ada", Before: &connectors.State{}, UnlockSent: connectors.Yes,
				Approval: &workflows.ApprovalRecord{Decision: "approved", By: approver, At: at(61), Until: at(70)}},
		}},
		lists: []*listRecord{{connection: strict, workflowID: "list-1", given: []connectors.UserRef{{ID: "ada"}}, end: "completed",
			decisions: []workflows.Decision{{UserID: "ada", Decision: "unlocked"}}}},
		answers: []answer{{what: "request 1", workflowID: "request-1", runID: "run-1", word: "unlocked"}},
		ended:   map[string][]string{},
		audit:   map[string][]string{"run-1": {"unlocked"}},
	}
}

func TestCheckPassesWhatIsSound(t *testing.T) {
	t.Parallel()
	require.Empty(t, check(sound()))
}

// TestCheckSees spoils what is sound, a thing at a time, and looks for the rule that is broken.
func TestCheckSees(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rule  string
		spoil func(*evidence, *runRecord)
	}{
		"no answer":         {"answers", func(e *evidence, _ *runRecord) { e.answers[0] = answer{what: "request 1", err: "unavailable"} }},
		"another answer":    {"answers", func(e *evidence, _ *runRecord) { e.answers[0].word = "refused" }},
		"an answer of none": {"answers", func(e *evidence, _ *runRecord) { e.answers[0] = answer{word: "unlocked"} }},
		"two outcomes of a request": {"answers", func(e *evidence, r *runRecord) {
			again := *r
			again.runID = "run-2"
			e.runs, e.audit["run-2"] = append(e.runs, &again), e.audit["run-1"]
		}},
		"open":                    {"ends", func(e *evidence, _ *runRecord) { e.open = []string{"unlock/strict/ada"} }},
		"a failure without cause": {"ends", func(_ *evidence, r *runRecord) { r.end, r.result.Outcome = "Internal", "" }},
		"cancelled by nobody":     {"ends", func(_ *evidence, r *runRecord) { r.end = workflows.TypeCancelled }},
		"terminated by nobody":    {"ends", func(_ *evidence, r *runRecord) { r.end, r.result = workflows.TypeTerminated, nil }},
		"another user":            {"outcomes", func(_ *evidence, r *runRecord) { r.in.UserID, r.in.Username = "", "bob.b" }},
		"unlocked, and was not":   {"outcomes", func(e *evidence, _ *runRecord) { e.books[strict] = e.books[strict][:1] }},
		"unlocked, and was never locked": {"outcomes", func(e *evidence, _ *runRecord) {
			e.books[strict] = nil
		}},
		"would unlock, and was never locked": {"outcomes", dryRunOfNoLock},
		"already unlocked, and was locked": {"outcomes", func(e *evidence, r *runRecord) {
			e.books[strict] = e.books[strict][:1]
			r.result.Outcome = workflows.AlreadyUnlocked
		}},
		"sent, and nothing came":  {"unlock sent", func(e *evidence, _ *runRecord) { e.calls = nil }},
		"sent long before":        {"unlock sent", func(e *evidence, _ *runRecord) { e.calls[0].at = at(30) }},
		"a dry run that sent":     {"unlock sent", func(_ *evidence, r *runRecord) { r.in.DryRun = true }},
		"denied and sent":         {"unlock sent", func(_ *evidence, r *runRecord) { r.result.Outcome = workflows.Denied }},
		"unlocked, says not sent": {"book", func(_ *evidence, r *runRecord) { r.result.UnlockSent = connectors.No }},
		"unlocked by nobody":      {"book", func(e *evidence, _ *runRecord) { e.runs = nil }},
		"unlocked after the end":  {"book", func(_ *evidence, r *runRecord) { r.closed = at(50) }},
		"unlocked by a run that was terminated before": {"book", func(_ *evidence, r *runRecord) {
			r.end, r.result, r.unlocking = workflows.TypeTerminated, nil, false
		}},
		"unlocked whom nobody may": {"book", func(e *evidence, r *runRecord) {
			r.userID, e.books[strict][0].UserID, e.books[strict][1].UserID = "bob", "bob", "bob"
		}},
		"more unlocked than the ceiling": {"book", func(e *evidence, _ *runRecord) {
			e.books[frugal] = slices.Repeat(e.books[strict], frugalCeiling+1)
		}},
		"refused without a rule": {"refusals", refusal(guard.CodeProtectedUser)},
		"refused without a change": {"refusals", func(e *evidence, r *runRecord) {
			e.books[strict] = e.books[strict][:1]
			refusal(guard.CodeChangedSinceApproval)(e, r)
		}},
		"refused for another reason":      {"refusals", refusal(guard.CodeLockReason)},
		"approved by nobody":              {"approvals", func(_ *evidence, r *runRecord) { r.approvals = nil }},
		"approved by another":             {"approvals", func(_ *evidence, r *runRecord) { r.result.Approval.By = askerPrefix + "1-0" }},
		"approved late":                   {"approvals", func(_ *evidence, r *runRecord) { r.result.Approval.At = at(71) }},
		"denied, and unlocked":            {"approvals", func(_ *evidence, r *runRecord) { r.result.Approval.Decision = "denied" }},
		"needed an approval and had none": {"approvals", func(_ *evidence, r *runRecord) { r.result.Approval = nil }},
		"not decided":                     {"lists", func(e *evidence, _ *runRecord) { e.lists[0].decisions = nil }},
		"decided twice": {"lists", func(e *evidence, _ *runRecord) {
			e.lists[0].decisions = append(e.lists[0].decisions, e.lists[0].decisions[0])
		}},
		"everybody, and one twice": {"lists", func(e *evidence, _ *runRecord) {
			e.lists[0].given, e.lists[0].decisions = nil, append(e.lists[0].decisions, e.lists[0].decisions[0])
		}},
		"decided as its run did not end": {"lists", func(e *evidence, _ *runRecord) { e.lists[0].decisions[0].Decision = "relocked" }},
		"no result in the logs":          {"audit", func(e *evidence, _ *runRecord) { clear(e.audit) }},
		"another result in the logs":     {"audit", func(e *evidence, _ *runRecord) { e.audit["run-1"] = []string{"refused"} }},
		"found by no connection":         {"search attributes", lacks(workflows.AttributeConnection.GetName())},
		"found by no user":               {"search attributes", lacks(workflows.AttributeUserID.GetName())},
		"found by no outcome":            {"search attributes", lacks(workflows.AttributeOutcome.GetName())},
		"found by another outcome": {"search attributes", func(_ *evidence, r *runRecord) {
			r.attributes[workflows.AttributeOutcome.GetName()] = "refused"
		}},
		"a name in a log": {"leaks", func(e *evidence, _ *runRecord) { e.leaks = []string{"worker-1.log holds a name"} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := sound()
			test.spoil(e, e.runs[0])
			var rules []string
			for _, each := range check(e) {
				rules = append(rules, each.rule)
			}
			require.Contains(t, rules, test.rule)
		})
	}
}

// dryRunOfNoLock makes a run of one that would unlock a user who was not locked.
func dryRunOfNoLock(e *evidence, r *runRecord) {
	r.in.DryRun, r.unlocking, r.approvals, r.end = true, false, nil, "would_unlock"
	r.result.Outcome, r.result.UnlockSent, r.result.Approval = workflows.WouldUnlock, connectors.No, nil
	r.attributes[workflows.AttributeOutcome.GetName()] = "would_unlock"
	e.books, e.calls, e.lists, e.audit["run-1"], e.answers[0].word = nil, nil, nil, []string{"would_unlock"}, "would_unlock"
}

// lacks takes a search attribute away.
func lacks(name string) func(*evidence, *runRecord) {
	return func(_ *evidence, r *runRecord) { delete(r.attributes, name) }
}

// refusal makes a run of one that was refused.
func refusal(code guard.Code) func(*evidence, *runRecord) {
	return func(_ *evidence, r *runRecord) {
		r.result.Outcome, r.result.Refusal = workflows.Refused, &workflows.Refusal{Code: code}
	}
}

// TestCheckExcuses: what was done to a run from outside, or at the provider, explains its end.
func TestCheckExcuses(t *testing.T) {
	t.Parallel()
	for name, excuse := range map[string]func(*evidence, *runRecord){
		"terminated": func(e *evidence, r *runRecord) {
			r.end, r.result, e.lists = workflows.TypeTerminated, nil, nil
			e.ended["request-1"], e.answers[0].word = []string{workflows.TypeTerminated}, workflows.TypeTerminated
			e.books[strict][1].Time = at(80) // The attempt went on.
		},
		"cancelled": func(e *evidence, r *runRecord) {
			r.end, r.result.Outcome, e.lists = workflows.TypeCancelled, "", nil
			e.ended["request-1"], e.answers[0].word = []string{workflows.TypeCancelled}, workflows.TypeCancelled
		},
		"changed since the approval": func(e *evidence, r *runRecord) {
			refusal(guard.CodeChangedSinceApproval)(e, r)
			r.end, e.answers[0].word, e.audit["run-1"], e.lists = "refused", "refused", []string{"refused"}, nil
			r.attributes[workflows.AttributeOutcome.GetName()] = "refused"
		},
		"a dry run of what is sent in any case": func(e *evidence, r *runRecord) {
			dryRunOfNoLock(e, r)
			r.in.EvenIfUnlocked = true
		},
		"nobody served": func(e *evidence, _ *runRecord) {
			e.answers = append(e.answers, answer{what: "request 2", word: workflows.TypeNoWorker})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := sound()
			excuse(e, e.runs[0])
			require.Empty(t, check(e))
		})
	}
}

func TestPast(t *testing.T) {
	t.Parallel()
	e := sound()
	e.books[strict] = append(e.books[strict], simulator.Change{Time: at(90), UserID: "ada", What: simulator.Locked, Layer: simulator.LayerPassword, Cause: simulator.CauseAdmin})
	past := e.past("ada")
	for name, test := range map[string]struct {
		from, to                         int
		locked, clear, changed, admining bool
	}{
		"before it was unlocked":  {from: 10, to: 20, locked: true},
		"over the unlock":         {from: 61, to: 63, locked: true, clear: true, changed: true},
		"between the locks":       {from: 70, to: 80, clear: true},
		"over the second lock":    {from: 80, to: 95, locked: true, clear: true, changed: true, admining: true},
		"while that stands":       {from: 100, to: 110, locked: true, admining: true},
		"before there was a lock": {from: -20, to: -10, clear: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.locked, past.within(at(test.from), at(test.to), true), "locked")
			require.Equal(t, test.clear, past.within(at(test.from), at(test.to), false), "clear")
			require.Equal(t, test.changed, past.changed(at(test.from), at(test.to)), "changed")
			require.Equal(t, test.admining, past.byAdministrator(at(test.from), at(test.to)), "by an administrator")
		})
	}
}
