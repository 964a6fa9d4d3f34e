package workflows

import (
	"encoding/json"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Outcome is how an unlock ended. Everything else is a failure with a type.
type Outcome string

// The outcomes.
const (
	// Unlocked: it was locked, and a later read shows no lock on any layer or server.
	Unlocked Outcome = "unlocked"
	// AlreadyUnlocked: a full read found no lock.
	AlreadyUnlocked Outcome = "already_unlocked"
	// PartiallyUnlocked: some layers or servers are unlocked, others could not be by the
	// deadline or could not be read; Result.After names them.
	PartiallyUnlocked Outcome = "partially_unlocked"
	// WouldUnlock: a dry run that found a lock and no objection.
	WouldUnlock Outcome = "would_unlock"
	// Refused: the guard or the connection's rules said no; see Result.Refusal.
	Refused Outcome = "refused"
	// Denied: an approver said no. ApprovalExpired: nobody answered in time.
	Denied          Outcome = "denied"
	ApprovalExpired Outcome = "approval_expired"
	// Relocked: the unlock was proven and a new lock appeared: a stale saved password, or
	// an attack.
	Relocked Outcome = "relocked"
)

// Outcomes lists the outcomes.
func Outcomes() []Outcome {
	return []Outcome{Unlocked, AlreadyUnlocked, PartiallyUnlocked, WouldUnlock, Refused, Denied, ApprovalExpired, Relocked}
}

// Result is what UnlockUser answers. A failure carries it as its details, as far as it
// is known, with Outcome empty.
type Result struct {
	// Outcome is how the unlock ended.
	Outcome Outcome `json:"outcome,omitempty"`
	// Explanation is one sentence for people.
	Explanation string `json:"explanation"`
	// Refusal is there only when the outcome is refused.
	Refusal *Refusal `json:"refusal,omitempty"`
	// Provider is the connection's provider.
	Provider string `json:"provider"`
	// Connection is the one that was asked.
	Connection string `json:"connection"`
	// UserID is the provider's own identifier of the user.
	UserID string `json:"userId"`
	// Before and After are the states at the first and the last read; null when there was none.
	Before *connectors.State `json:"before"`
	After  *connectors.State `json:"after"`
	// Evidence is what each server kept of failed sign-ins: at the unlock, where it tells that,
	// and at the look-up otherwise. Providers that keep none, or hide it, tell none.
	Evidence []connectors.Evidence `json:"evidence,omitempty"`
	// StillBlockedBy names what keeps the user out apart from locks: disabled, suspended,
	// password_expired.
	StillBlockedBy []string `json:"stillBlockedBy"`
	// UnlockSent is yes when the provider accepted an unlock, unknown when an answer is missing.
	UnlockSent connectors.Answer `json:"unlockSent"`
	// ProviderRequestID is the provider's own identifier of the unlock that it accepted, for its
	// support; empty where it tells none.
	ProviderRequestID string `json:"providerRequestId,omitempty"`
	// RefusedBy holds the servers, of a connection that has several, that did not accept the
	// unlock which another accepted.
	RefusedBy []connectors.Refused `json:"refusedBy,omitempty"`
	// User is the provider's whole object as it was last read.
	User json.RawMessage `json:"user,omitempty"`
	// UserOmitted says why User is missing although it was asked for: beyond 256 KiB, as it is
	// stored, it is left out.
	UserOmitted string `json:"userOmitted,omitempty"`
	// Attempts counts how often each step was tried.
	Attempts Attempts `json:"attempts"`
	// Approval is there when somebody had to approve.
	Approval *ApprovalRecord `json:"approval,omitempty"`
	// StartedAt and FinishedAt are UTC; FinishedAt is left out while the run goes on.
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
	// RequestReason and RequestedBy are those of the request.
	RequestReason string `json:"requestReason"`
	RequestedBy   string `json:"requestedBy"`
}

// Refusal says for machines why the answer was no.
type Refusal struct {
	// Code says for machines why.
	Code RefusalCode `json:"code"`
}

// Attempts counts the attempts of each step.
type Attempts struct {
	// Lookup, Unlock and Verify are the numbers of the attempts that ended the steps; 0 for a step
	// that was not made.
	Lookup int `json:"lookup"`
	Unlock int `json:"unlock"`
	Verify int `json:"verify"`
}

// Step is what a run is doing.
type Step string

// The steps.
const (
	StepLookup   Step = "look up"
	StepApproval Step = "approval"
	StepUnlock   Step = "unlock"
	StepVerify   Step = "verify"
	StepWatch    Step = "watch"
	StepDone     Step = "done"
)

// Status is what StatusQuery answers.
type Status struct {
	Step Step `json:"step"`
	// Joined are the first of those who joined, JoinedMore how many others there are.
	Joined     []Join `json:"joined"`
	JoinedMore int    `json:"joinedMore,omitempty"`
	Result     Result `json:"result"`
}

// WithoutUser returns a copy that leaves the provider's object out.
func (r *Result) WithoutUser() *Result {
	copied := *r
	copied.User, copied.UserOmitted = nil, ""
	return &copied
}
