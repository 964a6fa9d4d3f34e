package activities

import (
	"context"
	"time"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// LookupInput names the user to look up.
type LookupInput struct {
	Ref connectors.UserRef `json:"ref"`
}

// LookupResult is the account, and what a workflow must know of its connection.
type LookupResult struct {
	Account          *connectors.Account `json:"account"`
	Provider         string              `json:"provider"`
	Rules            guard.Rules         `json:"rules"`
	SearchAttributes []string            `json:"searchAttributes,omitempty"`
	// ReadAt is when the attempt began, by the Temporal server's clock.
	ReadAt  time.Time `json:"readAt"`
	Attempt int       `json:"attempt"`
}

// Lookup reads one account.
func (a *Activities) Lookup(ctx context.Context, in LookupInput) (_ *LookupResult, err error) {
	ctx, cancel, current := begin(ctx)
	defer cancel()
	defer a.recovered(&err, current, connectors.No)
	account, err := a.lookUp(ctx, in.Ref)
	if err != nil {
		return nil, a.failure(err, current, connectors.No)
	}
	return &LookupResult{
		Account:          account,
		Provider:         a.Provider,
		Rules:            a.Rules,
		SearchAttributes: a.SearchAttributes,
		ReadAt:           current.began,
		Attempt:          current.number,
	}, nil
}
