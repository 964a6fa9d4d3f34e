package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// freshFor is how old a look-up may be when the unlock is sent without another.
const freshFor = 5 * time.Second

// UnlockInput is the account as it was looked up, and what is demanded, to judge it again.
type UnlockInput struct {
	// Account is without its User.
	Account       *connectors.Account `json:"account"`
	ReadAt        time.Time           `json:"readAt"`
	Demands       Demands             `json:"demands,omitzero"`
	RequestReason string              `json:"requestReason,omitempty"`
	// Approved is what somebody approved to unlock; nil when nobody had to.
	Approved *Approved `json:"approved,omitempty"`
	// Again are the locks that an accepted unlock left standing: it is sent once more while
	// none but these stand. Nil for the first.
	Again []connectors.Lock `json:"again,omitempty"`
}

// UnlockResult says whether the unlock was sent, and what the guard said at the last moment.
type UnlockResult struct {
	Verdict guard.Verdict `json:"verdict"`
	// Sent is over all attempts: yes when the provider accepted an unlock, unknown when
	// an answer is missing.
	Sent connectors.Answer `json:"sent"`
	// UnlockedAt is the provider's time of the unlock; zero when it tells none.
	UnlockedAt time.Time `json:"unlockedAt,omitzero"`
	// ProviderRequestID is the provider's own identifier of the unlock, where it tells one.
	ProviderRequestID string `json:"providerRequestId,omitempty"`
	// Account is the account as it was read afresh; nil when the look-up was young enough.
	Account *connectors.Account `json:"account,omitempty"`
	Attempt int                 `json:"attempt"`
	// Evidence is what the servers kept of failed sign-ins at the unlock; nil where they do not
	// tell it then.
	Evidence []connectors.Evidence `json:"evidence,omitempty"`
	// Refused holds the servers, of several, that did not accept the unlock.
	Refused []connectors.Refused `json:"refused,omitempty"`
	// Changed says that other locks than those of Again stand, so that nothing was sent.
	Changed bool `json:"changed,omitempty"`
}

// Unlock judges the account once more, reading it afresh when the look-up is old or an
// attempt was made before, and sends the unlock.
func (a *Activities) Unlock(ctx context.Context, in UnlockInput) (*UnlockResult, error) {
	if info := activity.GetInfo(ctx); !info.IsWorkflowActivity() {
		return nil, &sentError{&connectors.Error{Kind: connectors.Unsupported, Provider: a.Provider, Operation: "unlock",
			Message: "this is a step of a workflow, which asks for approvals, and none by itself"}, connectors.No}
	}
	current := thisAttempt(ctx)
	result := &UnlockResult{Sent: sentBefore(ctx, current), Attempt: current.number}
	account, err := a.decideAgain(ctx, in, result, current)
	if err != nil {
		return nil, &sentError{err, result.Sent}
	}
	if result.Changed {
		return result, nil
	}
	if result.Verdict.Decision != guard.Unlock {
		a.audit(ctx, in, result, "")
		return result, nil
	}
	return a.send(ctx, in, account, result)
}

// decideAgain judges the account at the last moment, and takes a place under the ceiling.
func (a *Activities) decideAgain(ctx context.Context, in UnlockInput, result *UnlockResult, current *attempt) (*connectors.Account, error) {
	account, err := a.fresh(ctx, in, current)
	if err != nil {
		return nil, err
	}
	if account != in.Account {
		result.Account = account
	}
	if in.Again != nil && !SameLocks(account.State.Locks, in.Again) {
		result.Changed = true
		return account, nil
	}
	result.Verdict = a.judge(account, in, current)
	if unread := a.unreadYet(result.Verdict, account.State, current); unread != nil {
		return nil, unread
	}
	if result.Verdict.Decision == guard.Unlock {
		err = a.admit(ctx, result)
	}
	return account, err
}

// fresh returns the account as the look-up left it when that is young enough and this is
// the first attempt, and reads it again otherwise.
func (a *Activities) fresh(ctx context.Context, in UnlockInput, current *attempt) (*connectors.Account, error) {
	age := current.began.Sub(in.ReadAt)
	if current.number == 1 && age >= 0 && age <= freshFor {
		return in.Account, nil
	}
	return a.lookUp(ctx, connectors.UserRef{ID: in.Account.ID})
}

func (a *Activities) send(ctx context.Context, in UnlockInput, account *connectors.Account, result *UnlockResult) (*UnlockResult, error) {
	// The server must know that an unlock may be under way before it is. The first heartbeat
	// of an attempt is sent at once, and a later one before the attempt's failure is; a short
	// throttle would break that: it sends the later one beside the failure, or not at all.
	activity.RecordHeartbeat(ctx, FailureDetails{Sent: connectors.StrongerClaim(result.Sent, connectors.Unknown), Attempt: result.Attempt})
	sent, failed := connectors.Unknown, TypeInternal // Until the connector has answered: it may panic.
	defer func() {
		if sent != connectors.No {
			result.Sent = connectors.StrongerClaim(result.Sent, sent)
			a.audit(ctx, in, result, failed)
		}
	}()
	unlocked, err := a.Connector.Unlock(ctx, account)
	if err != nil {
		sent, failed = sentBy(err), failureType(err)
		return nil, &sentError{err, connectors.StrongerClaim(result.Sent, sent)}
	}
	sent, failed = connectors.Yes, ""
	result.Sent = connectors.Yes
	result.UnlockedAt, result.ProviderRequestID, result.Refused = unlocked.At, unlocked.RequestID, unlocked.Refused
	result.Evidence = unlocked.Evidence
	return result, nil
}

// sentBefore says what earlier attempts have sent. An attempt that left nothing died
// before it could tell.
func sentBefore(ctx context.Context, current *attempt) connectors.Answer {
	if current.number == 1 {
		return connectors.No
	}
	var progress FailureDetails
	if err := activity.GetHeartbeatDetails(ctx, &progress); err != nil || progress.Sent == "" {
		return connectors.Unknown
	}
	return progress.Sent
}

// sentBy reads what a failed Unlock says; a failure that says nothing may have had effect.
func sentBy(err error) connectors.Answer {
	var failure *connectors.Error
	if errors.As(err, &failure) && failure.Sent != "" {
		return failure.Sent
	}
	return connectors.Unknown
}

// audit writes who asked for what, what was decided at the last moment, and, of an attempt
// that failed after something may have been sent, the type of its failure.
func (a *Activities) audit(ctx context.Context, in UnlockInput, result *UnlockResult, failed string) {
	info, approver := activity.GetInfo(ctx), ""
	if in.Approved != nil {
		approver = in.Approved.By
	}
	AuditEvent{
		Step:              AuditUnlock,
		WorkflowID:        info.WorkflowExecution.ID,
		RunID:             info.WorkflowExecution.RunID,
		Connection:        a.Connection,
		Provider:          a.Provider,
		UserID:            in.Account.ID,
		Decision:          string(result.Verdict.Decision),
		Code:              string(result.Verdict.Code),
		Explanation:       result.Verdict.Explanation,
		UnlockSent:        string(result.Sent),
		ProviderRequestID: result.ProviderRequestID,
		Failure:           failed,
		RequestedBy:       in.Demands.RequestedBy,
		RequestReason:     in.RequestReason,
		Approver:          approver,
	}.Write(a.Audit.Sugar().Infow)
}
