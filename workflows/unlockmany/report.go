package unlockmany

import (
	"strings"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/workflows"
)

const (
	// maxExplanation bounds what one user adds to a payload, in bytes as they are stored.
	maxExplanation = 500
	// maxFailures and maxFailuresSize bound the failures that the result shows.
	maxFailures     = 100
	maxFailuresSize = 128 << 10
)

// maxInterventions and maxInterventionsSize bound what a run remembers of its operators; the
// log has all.
const (
	maxInterventions     = 100
	maxInterventionsSize = 128 << 10
)

// report is what the chain has decided so far.
type report struct {
	*workflows.Carried
	// done are the IDs that were decided upon.
	done map[string]bool
	// failuresSize is what Result.Failures take as they are stored.
	failuresSize int
}

// newReport goes on with the report of the runs before.
func newReport(carried *workflows.Carried) report {
	result := &carried.Result
	if result.Counts == nil || result.Codes == nil {
		result.Counts, result.Codes = map[string]int{}, map[string]int{}
	}
	result.Decisions = []workflows.Decision{}
	r := report{Carried: carried, done: map[string]bool{}, failuresSize: activities.StoredSize(result.Failures)}
	for _, id := range carried.Done {
		r.done[id] = true
	}
	return r
}

// remember keeps what an operator did, while there is room.
func (r *report) remember(intervention workflows.Intervention) {
	if len(r.Result.Interventions) < maxInterventions &&
		activities.StoredSize(r.Result.Interventions)+activities.StoredSize(intervention) < maxInterventionsSize {
		r.Result.Interventions = append(r.Result.Interventions, intervention)
	}
}

// note records a decision.
func (r *report) note(decision workflows.Decision) {
	decision.Explanation = shortened(decision.Explanation)
	r.Result.Decisions = append(r.Result.Decisions, decision)
	r.Result.Counts[string(decision.Decision)]++
	if decision.Code != "" {
		r.Result.Codes[decision.Code]++
	}
	if decision.Decision == workflows.FailedUser && len(r.Result.Failures) < maxFailures {
		if size := activities.StoredSize(decision) + len(","); r.failuresSize+size < maxFailuresSize {
			r.Result.Failures = append(r.Result.Failures, decision)
			r.failuresSize += size
		}
	}
	if r.Given && decision.UserID != "" && decision.Code != workflows.CodeDuplicate {
		r.done[decision.UserID] = true
		r.Done = append(r.Done, decision.UserID)
	}
}

// shortened cuts an explanation that is too long to be kept.
func shortened(text string) string {
	kept := text[:min(len(text), maxExplanation)]
	for activities.StoredSize(kept) > maxExplanation+len(`""`) {
		kept = kept[:len(kept)*9/10]
	}
	if len(kept) < len(text) {
		return strings.ToValidUTF8(kept, "") + "…"
	}
	return text
}
