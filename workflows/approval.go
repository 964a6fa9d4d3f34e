package workflows

import (
	"fmt"
	"time"

	"github.com/latchkey-iam/latchkey/activities/guard"
)

// The updates by which a request is approved or denied; each takes an Answer.
const (
	ApproveUpdate = "approve"
	DenyUpdate    = "deny"
)

// AwaitingApprovalSignal tells a parent that its child waits for an approval; it carries
// the child's workflow ID.
const AwaitingApprovalSignal = "awaiting-approval"

// DefaultApprovalTimeout is how long an approval is waited for when neither the request nor
// the connection says.
const DefaultApprovalTimeout = time.Hour

// CaseRequested is the case of an approval that the caller asked for.
const CaseRequested = guard.ApprovalRequested

// Answer says who approves or denies, and why. Names are claims, unless an authenticating
// proxy or Temporal's own authorization stands in front.
type Answer struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Validate refuses what is too long to be kept; who may answer, the run decides.
func (a Answer) Validate() error {
	if len(a.By) > maxText || len(a.Reason) > maxText {
		return fmt.Errorf("by and reason may be %d bytes long at most", maxText)
	}
	return nil
}

// ApprovalRecord is what became of an approval.
type ApprovalRecord struct {
	// Cases say why one was needed: requested, always, privileged, admin_locks.
	Cases []string `json:"cases"`
	// Decision is approved, denied or expired; empty while somebody may still answer.
	Decision string `json:"decision,omitempty"`
	// By is who answered, Reason what they said, At when.
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero"`
	// Until is when the wait ends.
	Until time.Time `json:"until"`
}
