package activities

import (
	"context"
	"time"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// LookupInput names the user to look up, and says what is demanded of an unlock.
type LookupInput struct {
	Ref     connectors.UserRef `json:"ref"`
	Demands Demands            `json:"demands,omitzero"`
	// Emit is "summary" where nobody asks for the provider's object of the user.
	Emit string `json:"emit,omitempty"`
	// Approved is what was approved; nil when nobody did so, or not yet.
	Approved *Approved `json:"approved,omitempty"`
}

// EmitSummary is the LookupInput.Emit that leaves out the provider's object of the user.
const EmitSummary = "summary"

// LookupResult is the account, and what a workflow must know of its connection: whether the
// account may be unlocked, but not the rules that say so.
type LookupResult struct {
	Account  *connectors.Account `json:"account"`
	Provider string              `json:"provider"`
	Verdict  guard.Verdict       `json:"verdict"`
	// Approval is there where the unlock has to be approved first.
	Approval *Approval `json:"approval,omitempty"`
	// ReadAt is when the attempt began, by the Temporal server's clock.
	ReadAt  time.Time `json:"readAt"`
	Attempt int       `json:"attempt"`
}

// Lookup reads one account, and judges whether it may be unlocked.
func (a *Activities) Lookup(ctx context.Context, in LookupInput) (*LookupResult, error) {
	current := thisAttempt(ctx)
	account, err := a.lookUp(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	verdict, approval := a.foresee(account, in, current)
	if unread := a.unreadYet(verdict, account.State, current); unread != nil {
		return nil, unread
	}
	if in.Emit == EmitSummary {
		account = account.WithoutUser()
	}
	return &LookupResult{
		Account:  account,
		Provider: a.Provider,
		Verdict:  verdict,
		Approval: approval,
		ReadAt:   current.began,
		Attempt:  current.number,
	}, nil
}
