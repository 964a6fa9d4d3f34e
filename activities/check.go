package activities

import (
	"context"
	"errors"

	"github.com/latchkey-iam/latchkey/connectors"
)

// CheckName is the name under which Check is registered.
const CheckName = "Check"

// The rights that Check asks for.
const (
	RightRead   = "read"
	RightFind   = "find"
	RightUnlock = "unlock"
)

// Right is one thing that a connection's credential may or may not do.
type Right struct {
	Right   string            `json:"right"`
	Granted connectors.Answer `json:"granted"`
	// Kind and Advice say why not, and what to do about it.
	Kind   connectors.Kind `json:"kind,omitempty"`
	Advice string          `json:"advice,omitempty"`
}

// CheckResult says what the connection's credential may do.
type CheckResult struct {
	Connection string  `json:"connection"`
	Provider   string  `json:"provider"`
	Rights     []Right `json:"rights"`
	// Lists says whether the provider can list who is locked.
	Lists bool `json:"lists"`
}

// absentUsername is nobody's: looking for it proves the right to look.
const absentUsername = "latchkey-connection-check-nobody"

// Check asks for an account that does not exist, by its ID and by a name, and unlocks it:
// an answer that there is no such account proves the right. Nothing is changed. A search
// is answered with a list, so it shows first that the provider's own API is at the address:
// at a wrong one nothing is there, and any ID is not found.
func (a *Activities) Check(ctx context.Context) (*CheckResult, error) {
	nobody := &connectors.Account{ID: a.AbsentID}
	_, reading := a.Connector.Lookup(ctx, connectors.UserRef{ID: a.AbsentID})
	_, finding := a.Connector.Lookup(ctx, connectors.UserRef{Username: absentUsername})
	_, unlocking := a.Connector.Unlock(ctx, nobody)
	return &CheckResult{
		Connection: a.Connection,
		Provider:   a.Provider,
		Rights: []Right{
			right(RightRead, reading, reaches(finding)),
			right(RightFind, finding, true),
			right(RightUnlock, unlocking, reaches(finding)),
		},
		Lists: a.Connector.Lists(),
	}, nil
}

// reaches reports whether what came of a search shows that the provider's API is there:
// it found nobody, or the provider itself refused. Where a provider cannot search, nothing
// can show it.
func reaches(finding error) bool {
	var failure *connectors.Error
	if !errors.As(finding, &failure) {
		return false
	}
	switch failure.Kind {
	case connectors.NotFound, connectors.Ambiguous, connectors.PermissionDenied:
		return true
	case connectors.Unsupported:
		return failure.Status == 0
	default:
		return false
	}
}

// right reads what the failure to do something to nobody proves.
func right(name string, err error, reached bool) Right {
	var failure *connectors.Error
	switch {
	case err == nil:
		return Right{Right: name, Granted: connectors.Unknown, Kind: connectors.MalformedResponse,
			Advice: "something answered about an account that does not exist; check the address and any proxy"}
	case connectors.KindOf(err) == connectors.NotFound && !reached:
		return Right{Right: name, Granted: connectors.Unknown, Kind: connectors.NotFound,
			Advice: "it was answered that there is no such account, which proves nothing while users cannot be looked for: the address may be wrong"}
	case connectors.KindOf(err) == connectors.NotFound:
		return Right{Right: name, Granted: connectors.Yes}
	case !errors.As(err, &failure):
		return Right{Right: name, Granted: connectors.Unknown, Advice: "the connector failed in an unforeseen way; this is a fault in Latchkey"}
	case failure.Kind == connectors.Unauthenticated || failure.Kind == connectors.PermissionDenied:
		return Right{Right: name, Granted: connectors.No, Kind: failure.Kind, Advice: failure.Error()}
	default:
		return Right{Right: name, Granted: connectors.Unknown, Kind: failure.Kind, Advice: failure.Error()}
	}
}
