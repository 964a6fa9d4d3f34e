package workflows

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// The types of the guard are public through this package.
type (
	// Guard is what the caller demands of every lock before any is cleared.
	Guard = guard.Guard
	// Duration is a duration that is written as a string such as "15m".
	Duration = guard.Duration
	// RefusalCode says for machines why an unlock was refused.
	RefusalCode = guard.Code
)

// Emit says how much of the user the result holds.
type Emit string

// The values of Emit.
const (
	EmitFull    Emit = "full"
	EmitSummary Emit = activities.EmitSummary
)

// DefaultTimeout is how long UnlockUser tries when its input does not say.
const DefaultTimeout = 15 * time.Minute

// Input is what UnlockUser takes. Connection and exactly one of UserID, Username and
// Email are required.
type Input struct {
	// Connection is the name under which a worker serves the provider.
	Connection string `json:"connection"`
	// UserID is the provider's own identifier of the user.
	UserID string `json:"userId,omitempty"`
	// Username and Email find the user by name; more than one match is the failure Ambiguous.
	Username string `json:"username,omitempty"`
	Email    string `json:"email,omitempty"`
	// RequestReason and RequestedBy go to the result and to the workers' audit log.
	RequestReason string `json:"requestReason,omitempty"`
	RequestedBy   string `json:"requestedBy,omitempty"`
	// Guard is demanded of every lock.
	Guard Guard `json:"guard,omitzero"`
	// Override lifts the refusal of accounts that are "suspended" or "disabled", where
	// the connection permits it.
	Override []string `json:"override,omitempty"`
	// EvenIfUnlocked sends the unlock also when no lock was found.
	EvenIfUnlocked bool `json:"evenIfUnlocked,omitempty"`
	// DryRun decides and changes nothing.
	DryRun bool `json:"dryRun,omitempty"`
	// Timeout bounds all attempts together; the default is 15m.
	Timeout Duration `json:"timeout,omitzero"`
	// WatchFor is how long the account is watched for a new lock after the unlock.
	WatchFor Duration `json:"watchFor,omitzero"`
	// Emit leaves the user out of the result when it is "summary"; the default is "full".
	Emit Emit `json:"emit,omitempty"`
	// Approval asks for somebody's approval before the unlock. The connection may demand one
	// all the same, and says who may approve.
	Approval Approval `json:"approval,omitzero"`
	// RequestID becomes the workflow ID, so that a caller that starts twice gets one run; one
	// that failed, or was cancelled or terminated, begins anew when it is asked again.
	RequestID string `json:"requestId,omitempty"`
}

// Approval is what the caller demands of an approval.
type Approval struct {
	// Required waits for an approval whatever the connection's rules say.
	Required bool `json:"required,omitempty"`
	// Timeout is how long it is waited for; the default is the connection's. Without Required
	// it is refused, as Approvers is: neither demands an approval by itself.
	Timeout Duration `json:"timeout,omitzero"`
	// Approvers narrows who may approve, with * for any text; the connection's list holds too.
	Approvers []string `json:"approvers,omitempty"`
	// TellParent signals the parent workflow while an approval is waited for; see
	// AwaitingApprovalSignal.
	TellParent bool `json:"tellParent,omitempty"`
}

// Ref returns the reference to the user.
func (in *Input) Ref() connectors.UserRef {
	return connectors.UserRef{ID: in.UserID, Username: in.Username, Email: in.Email}
}

// Bounds of the input.
const (
	MaxTimeout = 30 * 24 * time.Hour
	minTimeout = time.Second
	maxText    = 1024
)

var requestIDShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$`)

// Normalise fills the defaults in, then validates. Its error names every wrong field, and
// never a value that may be personal. The ID stays as it is spelt: only the provider knows
// whether case means something in it.
func (in *Input) Normalise() error {
	if in.Timeout == 0 {
		in.Timeout = Duration(DefaultTimeout)
	}
	if in.Emit == "" {
		in.Emit = EmitFull
	}
	return in.faults().join()
}

func (f *faults) noteConnection(name string) {
	if name == "" {
		f.note(true, "connection", "is missing: give the name under which a worker serves the provider")
	} else if err := ValidateConnection(name); err != nil {
		*f = append(*f, err)
	}
}

func (f *faults) noteRequest(id, reason, by string) {
	f.note(id != "" && !requestIDShape.MatchString(id),
		"requestId", "must be 1 to 200 letters, digits and . _ : / -, beginning with a letter or digit; it is stored in the clear")
	f.note(reserved(id), "requestId", "begins like the IDs of Latchkey's own runs (%s): choose another, such as one that begins with the ticket's", strings.Join(reservedIDs, ", "))
	f.note(len(reason) > maxText, "requestReason", "is longer than %d bytes", maxText)
	f.note(len(by) > maxText, "requestedBy", "is longer than %d bytes", maxText)
	f.note(guard.Invisible(by), "requestedBy", holdsInvisible)
}

// What is said of the name of somebody who asks or answers.
const (
	holdsInvisible  = "holds a control character, or one that cannot be seen: write the name without it"
	namelessRequest = "is missing: an approval is needed, which whoever asks must not give, so say who asks"
)

func (in *Input) faults() (found faults) {
	found.noteConnection(in.Connection)
	if err := in.Ref().Validate(); err != nil {
		found = append(found, err)
	}
	for _, word := range in.Override {
		found.note(word != connectors.BlockSuspended && word != connectors.BlockDisabled,
			"override", "holds an unknown word: use %q and %q", connectors.BlockSuspended, connectors.BlockDisabled)
	}
	found.note(len(in.Override) > maxWords, "override", "may hold %d words at most", maxWords)
	found.note(len(in.Guard.OnlyReasons) > maxWords, "guard.onlyReasons", "may hold %d words at most", maxWords)
	found.note(slices.ContainsFunc(in.Guard.OnlyReasons, unknownReason), "guard.onlyReasons", unknownReasonText)
	found.notePatterns("guard", in.Guard.Exclude, in.Guard.Include)
	least, most := in.Guard.MinLockedFor, in.Guard.MaxLockedFor
	found.noteAges("guard", least, most)
	found.note(in.Timeout.Std() < minTimeout || in.Timeout.Std() > MaxTimeout, "timeout", "must be between %s and %s", guard.Round(minTimeout), guard.Round(MaxTimeout))
	found.note(in.WatchFor.Std() < 0 || in.WatchFor.Std() > MaxTimeout, "watchFor", "must be between 0s and %s", guard.Round(MaxTimeout))
	found.note(in.Emit != EmitFull && in.Emit != EmitSummary, "emit", `must be "full" or "summary"`)
	found.note(in.Approval.Timeout != 0 && outside(in.Approval.Timeout), "approval.timeout", "must be between %s and %s", guard.Round(minTimeout), guard.Round(MaxTimeout))
	found.noteAll("approval.approvers", validatePatterns(in.Approval.Approvers))
	found.note(slices.ContainsFunc(in.Approval.Approvers, guard.Invisible), "approval.approvers", holdsInvisible)
	const alone = "demands no approval by itself: require one too, or leave it out"
	found.note(!in.Approval.Required && in.Approval.Timeout != 0, "approval.timeout", alone)
	found.note(!in.Approval.Required && in.Approval.Approvers != nil, "approval.approvers", alone)
	found.note(in.Approval.Required && in.Approval.Approvers != nil && len(in.Approval.Approvers) == 0,
		"approval.approvers", "is empty: name somebody, or leave it out for whoever the connection lets approve")
	found.note(in.Approval.Required && strings.TrimSpace(in.RequestedBy) == "", "requestedBy", namelessRequest)
	found.noteRequest(in.RequestID, in.RequestReason, in.RequestedBy)
	return found
}

// DecodeInput reads an Input as Decode does.
func DecodeInput(raw converter.RawValue) (*Input, error) { return Decode[Input](raw) }

// ParseInput reads an Input from JSON, as strictly as DecodeInput.
func ParseInput(data []byte) (*Input, error) { return Parse[Input](data) }
