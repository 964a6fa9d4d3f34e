package workflows

import (
	"cmp"
	"errors"
	"fmt"

	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// UnlockLockedUsersName is the name of the workflow type that unlocks many users.
const UnlockLockedUsersName = "UnlockLockedUsers"

// MaxUsers bounds a given list: it goes in one start.
const MaxUsers = 5000

const (
	// maxBulkSize bounds an input, in bytes as they are stored: with what a run hands to the
	// next one of its chain it must stay below the 2 MiB that a server takes.
	maxBulkSize = 1_200_000
	// maxIDSize is what the chain keeps of each user of a list: the ID, quoted.
	maxIDSize = 67
)

// BulkInput is what UnlockLockedUsers takes. Connection is required.
type BulkInput struct {
	// Connection is the name under which a worker serves the provider.
	Connection string `json:"connection"`
	// Users are the users to unlock, each by exactly one of userId, username and email, at
	// most 5,000; when the field is left out, all locked users are meant.
	Users []connectors.UserRef `json:"users,omitempty"`
	// Policy says whom of them to unlock.
	Policy Policy `json:"policy,omitzero"`
	// RequestReason and RequestedBy go to the results and to the workers' audit log.
	RequestReason string `json:"requestReason,omitempty"`
	RequestedBy   string `json:"requestedBy,omitempty"`
	// Timeout bounds all attempts of one user's unlock together; the default is 15m.
	Timeout Duration `json:"timeout,omitzero"`
	// RequestID becomes the workflow ID, so that a caller that starts twice gets one run.
	RequestID string `json:"requestId,omitempty"`
	// Carried is what a run hands to the one that continues it. Callers leave it out.
	Carried *Carried `json:"carried,omitempty"`
}

// ValidateStart reports whether the input may start a chain of runs, which Normalise cannot
// know: those that continue one carry what was done before.
func (in *BulkInput) ValidateStart() error {
	if in.Carried != nil {
		return Fault{Field: "carried", Message: "is what a run hands to the one that continues it: leave it out"}
	}
	return nil
}

// Given says that a list was given; otherwise all locked users are meant.
func (in *BulkInput) Given() bool { return in.Users != nil || in.Carried != nil && in.Carried.Given }

// Normalise fills the defaults in, then validates. Its error names every wrong field, and
// never a value that may be personal.
func (in *BulkInput) Normalise() error {
	in.Policy.complete(in.Given())
	in.Timeout = cmp.Or(in.Timeout, Duration(DefaultTimeout))
	return in.faults().join()
}

func (in *BulkInput) faults() (found faults) {
	found.noteConnection(in.Connection)
	found.note(in.Users != nil && len(in.Users) == 0 && in.Carried == nil, "users", "is empty: name somebody, or leave the field out for all locked users")
	found = append(found, usersFaults(in.Users)...)
	found = append(found, in.sizeFaults()...)
	found = append(found, in.Policy.faults()...)
	found.note(outside(in.Timeout), "timeout", "must be between %s and %s", guard.Round(minTimeout), guard.Round(MaxTimeout))
	found.noteRequest(in.RequestID, in.RequestReason, in.RequestedBy)
	return found
}

// maxUsersFaults keeps the message of a list that is wrong throughout short.
const maxUsersFaults = 10

func usersFaults(users []connectors.UserRef) []error {
	if len(users) > MaxUsers {
		return []error{Fault{Field: "users", Message: fmt.Sprintf("holds %d references; at most %d go in one start: split the list into %d", len(users), MaxUsers, (len(users)+MaxUsers-1)/MaxUsers)}}
	}
	var faults []error
	for i, ref := range users {
		if err := ref.Validate(); err != nil && len(faults) < maxUsersFaults {
			faults = append(faults, ofUser(i, err))
		}
	}
	return faults
}

// ofUser is what is wrong with one reference of a list.
func ofUser(at int, err error) error {
	fault := Fault{Field: fmt.Sprintf("users[%d]", at), Message: "is no reference: " + err.Error()}
	var of Fault
	if errors.As(err, &of) && of.Field != "" {
		fault.Field, fault.Message = fault.Field+"."+of.Field, of.Message
	}
	return fault
}

// sizeFaults refuses a list with which a chain would be stuck.
func (in *BulkInput) sizeFaults() []error {
	given := *in
	given.Carried = nil
	size := activities.StoredSize(given) + len(in.Users)*maxIDSize
	if size <= maxBulkSize {
		return nil
	}
	return []error{Fault{Field: "users", Message: fmt.Sprintf("takes %d bytes as it is stored, where some letters take six; at most %d go in one start: split the list into %d",
		size, maxBulkSize, size/maxBulkSize+1)}}
}

// DecodeBulkInput reads a BulkInput as Decode does.
func DecodeBulkInput(raw converter.RawValue) (*BulkInput, error) { return Decode[BulkInput](raw) }

// ParseBulkInput reads a BulkInput from JSON, as strictly as DecodeBulkInput.
func ParseBulkInput(data []byte) (*BulkInput, error) { return Parse[BulkInput](data) }

// ParsePolicy reads a policy from JSON as strictly, and checks it with the defaults of a
// run over all locked users.
func ParsePolicy(data []byte) (*Policy, error) { return parsePolicy(data, false) }

// ParseListPolicy is ParsePolicy for a run over a given list, which has other defaults.
func ParseListPolicy(data []byte) (*Policy, error) { return parsePolicy(data, true) }

func parsePolicy(data []byte, given bool) (*Policy, error) {
	var policy Policy
	if err := decode(data, &policy); err != nil {
		return nil, err
	}
	checked := policy
	checked.complete(given)
	if err := checked.faults().join(); err != nil {
		return nil, err
	}
	return &policy, nil
}
