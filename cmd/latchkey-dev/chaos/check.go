package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

const (
	// slack is how far the clocks of a run and of a book may be apart: a provider tells whole
	// seconds.
	slack = 2 * time.Second
	// staleFor is how long a provider may answer from before a write, by an order of ours, and
	// staleSlack how long before a run what it read may be from.
	staleFor   = 3 * time.Second
	staleSlack = staleFor + slack
	// attempt is how long an attempt goes on after its run was terminated.
	attempt = 20 * time.Second
)

// evidence is everything that is known once it is over.
type evidence struct {
	accounts map[string]account // by ID
	// books are the changes of locks, calls the unlock calls that a provider accepted.
	books map[string][]simulator.Change // by connection
	calls []call
	runs  []*runRecord
	lists []*listRecord
	// answers are what those who asked heard last.
	answers []answer
	// ended are the endings that were ordered for a workflow ID.
	ended map[string][]string
	// audit are the results that the workers' logs hold, by run ID.
	audit map[string][]string
	// open are the runs that did not end, leaks where names, secrets or panics were seen.
	open, leaks []string
}

// account is a user of a tenant.
type account struct {
	connection, id string
	// names are those that a request may use.
	names     []string
	forbidden string
}

// call is an unlock call that the provider accepted, whatever became of its answer.
type call struct {
	userID string
	at     time.Time
}

// runRecord is a run of UnlockUser.
type runRecord struct {
	workflowID, runID, parent string
	in                        workflows.Input
	userID                    string
	started, closed           time.Time
	// end is the outcome or the type of the failure.
	end    string
	result *workflows.Result
	// attributes are the search attributes.
	attributes map[string]string
	// unlocking says that the step that unlocks was begun, approvals who approved before.
	unlocking bool
	approvals []string
}

// listRecord is a run of UnlockLockedUsers, its whole chain.
type listRecord struct {
	connection, workflowID string
	given                  []connectors.UserRef
	end                    string
	decisions              []workflows.Decision
}

// answer is what one who asked heard last.
type answer struct {
	what, workflowID, runID string
	// word is the outcome or the type of the failure; err is there when nothing final was heard.
	word, err string
}

// violation is something that must never be.
type violation struct{ rule, runID, what string }

// check holds the evidence against the rules.
func check(e *evidence) []violation {
	var found []violation
	for _, rule := range []struct {
		name  string
		check func(*evidence, func(runID, format string, arguments ...any))
	}{
		{"answers", checkAnswers}, {"ends", checkEnds}, {"outcomes", checkOutcomes}, {"unlock sent", checkSent}, {"book", checkBook},
		{"refusals", checkRefusals}, {"approvals", checkApprovals}, {"lists", checkLists}, {"audit", checkAudit},
		{"search attributes", checkAttributes}, {"leaks", checkLeaks},
	} {
		rule.check(e, func(runID, format string, arguments ...any) {
			found = append(found, violation{rule: rule.name, runID: runID, what: fmt.Sprintf(format, arguments...)})
		})
	}
	slices.SortStableFunc(found, func(one, other violation) int { return cmp.Compare(one.rule, other.rule) })
	return found
}

type reporter = func(runID, format string, arguments ...any)

// checkAnswers: everybody who asked heard one final answer, which is how the run ended, and a
// request ID has one outcome.
func checkAnswers(e *evidence, report reporter) {
	ends := map[string][]string{}
	outcomes := map[string]int{}
	for _, r := range e.runs {
		ends[r.runID] = append(ends[r.runID], r.end)
		ends[r.workflowID] = append(ends[r.workflowID], r.end)
		if r.in.RequestID != "" && r.result != nil && r.result.Outcome != "" {
			outcomes[r.in.RequestID]++
		}
	}
	for _, l := range e.lists {
		ends[l.workflowID] = append(ends[l.workflowID], l.end)
	}
	for _, a := range e.answers {
		switch run := cmp.Or(a.runID, a.workflowID); {
		case a.err != "":
			report(a.runID, "%s (%s) has no final answer: %s", a.what, a.workflowID, a.err)
		case run != "" && !slices.Contains(ends[run], a.word):
			report(a.runID, "%s (%s) heard %s, and the run ended as %q", a.what, a.workflowID, a.word, ends[run])
		case run == "" && a.word != workflows.TypeNoWorker && a.word != workflows.TypeAlreadyRunning:
			report("", "%s heard %s, and nothing was started", a.what, a.word)
		}
	}
	for id, count := range outcomes {
		if count > 1 {
			report("", "the request ID %s has %d outcomes", id, count)
		}
	}
}

// passing are the types with which a run may end when its provider, its worker or Temporal is
// away for so long.
var passing = []string{string(connectors.Unavailable), string(connectors.RateLimited), string(connectors.MalformedResponse),
	workflows.TypeStillLocked, workflows.TypeNoWorker}

// checkEnds: no run is open, and each ended in a way that what was done to it explains.
func checkEnds(e *evidence, report reporter) {
	for _, id := range e.open {
		report("", "%s is open still", id)
	}
	for _, r := range e.runs {
		switch {
		case r.result != nil && r.result.Outcome != "" && string(r.result.Outcome) == r.end:
			// An outcome; checkOutcomes judges it.
		case r.end == workflows.TypeCancelled || r.end == workflows.TypeTerminated:
			if !slices.Contains(e.ended[r.workflowID], r.end) {
				report(r.runID, "%s ended as %s, and nobody did that", r.workflowID, r.end)
			}
		case !slices.Contains(passing, r.end):
			report(r.runID, "%s ended as %s, of which there was no cause", r.workflowID, r.end)
		}
	}
}

// checkOutcomes: what a result says of the account is what the book says.
func checkOutcomes(e *evidence, report reporter) {
	for _, r := range e.runs {
		if r.result == nil {
			continue
		}
		if asked := e.accounts[r.userID]; r.userID != "" && r.in.UserID != r.userID && !slices.Contains(asked.names, r.in.Username+r.in.Email) {
			report(r.runID, "%s is about another user than was asked for", r.workflowID)
		}
		past := e.past(r.userID)
		wasLocked := past.within(r.started.Add(-staleSlack), r.closed.Add(slack), true)
		wasClear := past.within(r.started, r.closed.Add(slack), false)
		if lock, none := claims(r); lock && !wasLocked || none && !wasClear {
			report(r.runID, "%s ended as %s; by the book the user was locked: %t, and was not: %t", r.workflowID, r.end, wasLocked, wasClear)
		}
	}
}

// claims are whether a run's outcome says that its user had a lock, and had none.
func claims(r *runRecord) (lock, none bool) {
	switch r.result.Outcome {
	case workflows.Unlocked:
		return true, true
	case workflows.AlreadyUnlocked:
		return false, true
	case workflows.WouldUnlock: // What is sent in any case would be sent to who is not locked, too.
		return !r.in.EvenIfUnlocked, false
	case workflows.Relocked, workflows.PartiallyUnlocked:
		return true, false
	default: // checkRefusals and checkApprovals judge these.
		return false, false
	}
}

// checkSent: where a run says that an unlock was sent, the provider accepted one; where it was
// a dry run, or the answer was no from the beginning, it says that none was sent.
func checkSent(e *evidence, report reporter) {
	for _, r := range e.runs {
		if r.result == nil {
			continue
		}
		sent := r.result.UnlockSent
		never := r.in.DryRun || !r.unlocking || slices.Contains([]workflows.Outcome{workflows.Denied, workflows.ApprovalExpired, workflows.WouldUnlock}, r.result.Outcome)
		if never && sent != connectors.No {
			report(r.runID, "%s ended as %s and says unlockSent %s, and was never to send one", r.workflowID, r.end, sent)
		}
		accepted := slices.ContainsFunc(e.calls, func(c call) bool {
			return c.userID == r.userID && !c.at.Before(r.started.Add(-slack)) && !c.at.After(r.closed.Add(slack))
		})
		if sent == connectors.Yes && !accepted {
			report(r.runID, "%s says unlockSent yes, and the provider accepted no unlock of %s", r.workflowID, r.userID)
		}
	}
}

// checkBook: each unlock in the book is one that a run says it may have sent, none is of
// somebody whom nobody may unlock, and a ceiling holds.
func checkBook(e *evidence, report reporter) {
	for connection, changes := range e.books {
		count := 0
		for _, change := range changes {
			if change.What != simulator.Unlocked || change.Cause != simulator.CauseUnlockCall {
				continue
			}
			if count++; connection == frugal && count > frugalCeiling {
				report("", "%s unlocked %s, as number %d; its ceiling is %d", connection, change.UserID, count, frugalCeiling)
			}
			if forbidden := e.accounts[change.UserID].forbidden; forbidden != "" {
				report("", "%s unlocked %s, which is not to be unlocked (%s)", connection, change.UserID, forbidden)
			}
			if !slices.ContainsFunc(e.runs, func(r *runRecord) bool { return r.claims(change) }) {
				report("", "%s unlocked %s at %s, and no run says that it may have sent that", connection, change.UserID, change.Time.Format(time.RFC3339Nano))
			}
		}
	}
}

// claims reports whether the run may have made the change, by what it says.
func (r *runRecord) claims(change simulator.Change) bool {
	until := r.closed.Add(slack)
	said := r.result != nil && r.result.UnlockSent != connectors.No
	if r.end == workflows.TypeTerminated {
		until, said = until.Add(attempt), r.unlocking
	}
	return said && r.userID == change.UserID && !change.Time.Before(r.started.Add(-slack)) && !change.Time.After(until)
}

// checkRefusals: whom no rule keeps locked is not refused, and what is said to have changed
// has.
func checkRefusals(e *evidence, report reporter) {
	for _, r := range e.runs {
		if r.result == nil || r.result.Outcome != workflows.Refused {
			continue
		}
		past, from, to := e.past(r.userID), r.started.Add(-staleSlack), r.closed.Add(slack)
		var holds bool
		switch code := r.result.Refusal.Code; code {
		case guard.CodeProtectedUser, guard.CodeSuspended, guard.CodeDisabled:
			holds = e.accounts[r.userID].forbidden != ""
		case guard.CodeChangedSinceApproval:
			holds = past.changed(from, to)
		case guard.CodeLockReason:
			holds = past.byAdministrator(from, to)
		case guard.CodeUnlockCeiling:
			holds = r.in.Connection == frugal
		default:
			holds = false
		}
		if !holds {
			report(r.runID, "%s refused %s as %s, and the book knows no cause of that", r.workflowID, r.userID, r.result.Refusal.Code)
		}
	}
}

// checkApprovals: where one was needed, the step that unlocks began only after the approver
// had approved, in time.
func checkApprovals(e *evidence, report reporter) {
	for _, r := range e.runs {
		if !r.in.Approval.Required && r.in.Connection != strict {
			continue
		}
		if r.unlocking && !slices.Contains(r.approvals, approver) {
			report(r.runID, "%s began to unlock %s, and the approver had not approved", r.workflowID, r.userID)
		}
		if r.unlocking && r.result != nil {
			record := r.result.Approval
			if record == nil || record.Decision != "approved" || record.By != approver || record.At.After(record.Until) {
				report(r.runID, "%s began to unlock %s, and its approval is %+v", r.workflowID, r.userID, record)
			}
		}
	}
}

// decidedByRun are the decisions that a run of UnlockUser ended with.
var decidedByRun = []workflows.Decided{workflows.Decided(workflows.Unlocked), workflows.Decided(workflows.AlreadyUnlocked),
	workflows.Decided(workflows.PartiallyUnlocked), workflows.Decided(workflows.Relocked)}

// checkLists: each reference of a list that ended by itself has one decision, nobody two, and
// what is said of a user is how its run ended.
func checkLists(e *evidence, report reporter) {
	for _, l := range e.lists {
		references, users := l.counted()
		for _, d := range l.decisions {
			if slices.Contains(decidedByRun, d.Decision) && !e.hasRun(l.workflowID, d) {
				report("", "%s says %s of %s, and none of its runs ended so", l.workflowID, d.Decision, d.UserID)
			}
		}
		for key, missing := range references {
			if l.given != nil && missing < 0 || missing > 0 && l.end == string(workflows.Completed) {
				report("", "%s has %d decisions too few (or too many, below zero) on the reference %s", l.workflowID, missing, key)
			}
		}
		for id, times := range users {
			if times > 1 {
				report("", "%s has %d decisions on %s", l.workflowID, times, id)
			}
		}
	}
}

// counted counts for each reference how many decisions it lacks, and for each user how many
// there are.
func (l *listRecord) counted() (references, users map[string]int) {
	references, users = map[string]int{}, map[string]int{}
	for _, ref := range l.given {
		references[refKey(ref)]++
	}
	for _, d := range l.decisions {
		ref := connectors.UserRef{ID: d.UserID}
		if d.Reference != nil {
			ref = *d.Reference
		}
		references[refKey(ref)]--
		if d.UserID != "" && d.Code != workflows.CodeDuplicate {
			users[d.UserID]++
		}
	}
	return references, users
}

func refKey(ref connectors.UserRef) string {
	return strings.Join([]string{ref.ID, ref.Username, ref.Email}, "|")
}

func (e *evidence) hasRun(parent string, d workflows.Decision) bool {
	return slices.ContainsFunc(e.runs, func(r *runRecord) bool {
		return r.parent == parent && r.userID == d.UserID && r.end == string(d.Decision)
	})
}

// checkAudit: the logs hold the result of every run that had an end of its own.
func checkAudit(e *evidence, report reporter) {
	for _, r := range e.runs {
		written := slices.Contains(e.audit[r.runID], r.end)
		switch r.end {
		case workflows.TypeTerminated:
			continue // Nobody was there to write it.
		case workflows.TypeCancelled: // What was begun is brought to its end, and that is written.
			written = len(e.audit[r.runID]) > 0
		}
		if !written {
			report(r.runID, "%s ended as %s, and the logs say %q", r.workflowID, r.end, e.audit[r.runID])
		}
	}
}

// checkAttributes: a run that had an end of its own can be found by what it did. The unlocks of
// a user are counted so.
func checkAttributes(e *evidence, report reporter) {
	for _, r := range e.runs {
		if r.result == nil || r.end == workflows.TypeTerminated {
			continue
		}
		outcome := r.attributes[workflows.AttributeOutcome.GetName()]
		switch {
		case r.attributes[workflows.AttributeConnection.GetName()] != r.in.Connection,
			r.result.Before != nil && r.attributes[workflows.AttributeUserID.GetName()] != r.result.UserID,
			outcome == "", outcome != r.end && r.end != workflows.TypeCancelled:
			report(r.runID, "%s ended as %s and cannot be found by that: its search attributes are %v", r.workflowID, r.end, r.attributes)
		}
	}
}

// checkLeaks: no name and no secret is where it must not be, and no worker failed.
func checkLeaks(e *evidence, report reporter) {
	for _, leak := range e.leaks {
		report("", "%s", leak)
	}
}
