package workflows

import (
	"time"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/connectors"
)

// BulkOutcome is how a bulk run ended.
type BulkOutcome string

// The outcomes of bulk runs.
const (
	// Completed: everybody found was decided upon.
	Completed BulkOutcome = "completed"
	// Incomplete: the same, of a list that could not be read whole; others may be locked still.
	Incomplete BulkOutcome = "incomplete"
	// LimitReached: the policy's maxPerRun stopped it.
	LimitReached BulkOutcome = "limit_reached"
	// Held: a crowd was locked lately, and nobody released the run in time; nobody was unlocked.
	Held BulkOutcome = "held"
	// Aborted: an operator stopped it.
	Aborted BulkOutcome = "aborted"
)

// BulkOutcomes lists the outcomes of bulk runs.
func BulkOutcomes() []BulkOutcome {
	return []BulkOutcome{Completed, Incomplete, LimitReached, Held, Aborted}
}

// Decided is the word for what became of one user: an Outcome of UnlockUser but refused, or
// one of these.
type Decided string

// What becomes of users beside the outcomes of UnlockUser.
const (
	// Skipped: the policy, the guard or the connection's rules left the user out; see the code.
	Skipped Decided = "skipped"
	// FailedUser: the unlock failed; the code is the type of the failure.
	FailedUser Decided = "failed"
	// OpenAlready: an unlock of the user was open already.
	OpenAlready Decided = "already_running"
	// AwaitsApproval: somebody must approve the unlock; its run waits for that by itself.
	AwaitsApproval Decided = "awaiting_approval"
)

// The codes of users that were skipped by the run itself, beside those of refusals.
const (
	CodeMaxPerUser = "max_per_user"
	CodeMaxPerRun  = "max_per_run"
	CodeAborted    = "aborted"
	CodeDuplicate  = "duplicate"
	// CodeHeld: nobody released the run.
	CodeHeld = "held"
)

// Decision is what became of one user, and why.
type Decision struct {
	// UserID is empty when the reference was by name or address and found nobody.
	UserID string `json:"userId,omitempty"`
	// Reference is how the list named the user, when it was not by the ID as the provider
	// spells it.
	Reference *connectors.UserRef `json:"reference,omitempty"`
	// Decision is what became of the user.
	Decision Decided `json:"decision"`
	// Code is why a user was skipped, or how the unlock failed, for machines.
	Code string `json:"code,omitempty"`
	// Explanation is one sentence for people.
	Explanation string `json:"explanation"`
	// UnlockSent says whether an unlock was sent to the provider.
	UnlockSent connectors.Answer `json:"unlockSent,omitempty"`
	// WorkflowID is that of the open run, for already_running and awaiting_approval.
	WorkflowID string `json:"workflowId,omitempty"`
}

// BulkResult is what UnlockLockedUsers answers. A failure carries it as its details.
type BulkResult struct {
	// Outcome is how the run ended.
	Outcome BulkOutcome `json:"outcome,omitempty"`
	// Explanation is one sentence for people.
	Explanation string `json:"explanation"`
	// Provider is the connection's provider.
	Provider string `json:"provider"`
	// Connection is the one that was asked.
	Connection string `json:"connection"`
	// DryRun says that nothing was changed.
	DryRun bool `json:"dryRun"`
	// WalkedAll says that the list was read whole: to its end, with nothing missing.
	WalkedAll bool `json:"walkedAll"`
	// Missing is what could not be read of the list; whoever is locked there was not found.
	Missing connectors.Missing `json:"missing,omitzero"`
	// Found counts the users that were found or given. Counts counts them by decision, and
	// Codes those that were skipped or failed by code.
	Found  int            `json:"found"`
	Counts map[string]int `json:"counts"`
	Codes  map[string]int `json:"codes"`
	// Failures are the first hundred users whose unlock failed; fewer where they take long.
	Failures []Decision `json:"failures"`
	// Decisions are those of the last run of the chain; each earlier run hands its own to
	// the next one's input.
	Decisions []Decision `json:"decisions"`
	// Runs counts the runs of the chain; FirstRunID is where it begins.
	Runs       int    `json:"runs"`
	FirstRunID string `json:"firstRunId"`
	// Interventions are what operators did.
	Interventions []Intervention `json:"interventions"`
	// FirstSeen is when locks of unknown age were first seen, for the next scheduled run.
	FirstSeen Sightings `json:"firstSeen"`
	// StartedAt is when the first run began, FinishedAt when the last one ended.
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
	// RequestReason and RequestedBy are those of the request.
	RequestReason string `json:"requestReason"`
	RequestedBy   string `json:"requestedBy"`
}

// The updates of a bulk run; each takes a Command and answers with the Progress.
const (
	PauseUpdate   = "pause"
	ResumeUpdate  = "resume"
	ReleaseUpdate = "release"
	AbortUpdate   = "abort"
	// ProgressQuery tells how far a bulk run is; see Progress.
	ProgressQuery = "progress"
)

// Command says who tells a bulk run what to do, and why.
type Command struct {
	// RequestedBy is who gives the command, RequestReason why.
	RequestedBy   string `json:"requestedBy,omitempty"`
	RequestReason string `json:"requestReason,omitempty"`
}

// Intervention is a command that a run was given.
type Intervention struct {
	Command
	// What is the command that was given.
	What string `json:"what"`
	// At is when it was given.
	At time.Time `json:"at"`
}

// BulkState is what a bulk run is doing.
type BulkState string

// The states of a bulk run.
const (
	StateListing   BulkState = "listing"
	StateUnlocking BulkState = "unlocking"
	StatePaused    BulkState = "paused"
	StateHeld      BulkState = "held"
	StateStopping  BulkState = "stopping"
	StateDone      BulkState = "done"
)

// Progress is how far a bulk run is.
type Progress struct {
	State BulkState `json:"state"`
	// Explanation says what it waits for.
	Explanation string `json:"explanation,omitempty"`
	// Found counts the users that are known to be there, Decided those that are done with.
	Found    int `json:"found"`
	Decided  int `json:"decided"`
	Unlocked int `json:"unlocked"`
	Skipped  int `json:"skipped"`
	Failed   int `json:"failed"`
	// InFlight counts the unlocks that are under way.
	InFlight  int            `json:"inFlight"`
	Remaining int            `json:"remaining"`
	Counts    map[string]int `json:"counts"`
	// PerMinute is how many users were decided upon a minute so far.
	PerMinute float64 `json:"perMinute"`
	// Missing is what could not be read of the list so far.
	Missing connectors.Missing `json:"missing,omitzero"`
	// Fresh counts the users that made the run hold, among them those that could not be read;
	// HeldUntil is when it gives up.
	Fresh         int            `json:"fresh,omitempty"`
	HeldUntil     time.Time      `json:"heldUntil,omitzero"`
	Runs          int            `json:"runs"`
	StartedAt     time.Time      `json:"startedAt"`
	Interventions []Intervention `json:"interventions"`
}

// Carried is what a run of a chain hands to the next.
type Carried struct {
	Given bool `json:"given,omitempty"`
	// Waiting are the users that were listed and not decided upon; After is the ID to go on
	// listing after, and WalkedAll says that there is nobody beyond Waiting.
	Waiting   []activities.Listed `json:"waiting,omitempty"`
	After     string              `json:"after,omitempty"`
	WalkedAll bool                `json:"walkedAll,omitempty"`
	// Total is the count of all locked users where one was made.
	Total    int                       `json:"total,omitempty"`
	Prepared *activities.PrepareResult `json:"prepared"`
	// Done are the IDs of a given list that were decided upon, so that a second reference
	// to one is noticed.
	Done []string `json:"done,omitempty"`
	// Sent counts the unlocks that were sent.
	Sent int `json:"sent,omitempty"`
	// WouldHold counts the users that would have made a run hold that is no dry run.
	WouldHold int `json:"wouldHold,omitempty"`
	// Stop is why nobody else is unlocked.
	Stop   string     `json:"stop,omitempty"`
	Paused bool       `json:"paused,omitempty"`
	Idle   Duration   `json:"idle,omitzero"`
	Book   SightBook  `json:"book"`
	Result BulkResult `json:"result"`
}

// SightBook is what a run of a chain knows of when locks of unknown age were first seen.
type SightBook struct {
	// Old are the sightings of earlier runs that this one did not come by yet; New those
	// that it saw itself.
	Old Sightings `json:"old,omitempty"`
	New Sightings `json:"new,omitempty"`
}

// Sightings are when locks of unknown age were first seen, those of one moment together.
type Sightings []Sighting

// Sighting holds the users whose locks were first seen at one moment.
type Sighting struct {
	// Since is the moment.
	Since time.Time `json:"since"`
	// Print tells one lock from another.
	Print string `json:"print"`
	// UserIDs are those whose locks were first seen then.
	UserIDs []string `json:"userIds"`
}
