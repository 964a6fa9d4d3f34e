package workflows

import (
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-iam/latchkey/activities/guard"
)

// The types of a JoinUpdate that a run refuses since it has no need of it: who asks waits for
// the run all the same.
const (
	// TypeJoinedBefore: the name has asked for this run, or joined it, before.
	TypeJoinedBefore = "JoinedBefore"
	// TypeJoinsFull: as many have joined as a run remembers.
	TypeJoinsFull = "JoinsFull"
)

// Join is what JoinUpdate takes: who else waits for this run, and why.
type Join struct {
	RequestedBy   string `json:"requestedBy,omitempty"`
	RequestReason string `json:"requestReason,omitempty"`
}

// Validate refuses what could not be kept. Whoever joins a run that waits for an approval must
// give a name, which then must not answer.
func (j Join) Validate(awaitingApproval bool) error {
	if err := validateWho(j.RequestedBy, j.RequestReason); err != nil {
		return err
	}
	if awaitingApproval && strings.TrimSpace(j.RequestedBy) == "" {
		return Fault{Field: "requestedBy", Message: namelessRequest}
	}
	return nil
}

// Validate refuses what could not be kept.
func (c Command) Validate() error { return validateWho(c.RequestedBy, c.RequestReason) }

func validateWho(by, reason string) error {
	if len(by) > maxText || len(reason) > maxText {
		return fmt.Errorf("requestedBy and requestReason may be %d bytes long at most", maxText)
	}
	if guard.Invisible(by) {
		return errors.New("requestedBy " + holdsInvisible)
	}
	return nil
}
