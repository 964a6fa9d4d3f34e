package activities

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
)

// VerifyInput asks for proof that an account is unlocked.
type VerifyInput struct {
	AccountID string `json:"accountId"`
	// UnlockedAt is the provider's time of the unlock; zero when it tells none.
	UnlockedAt time.Time `json:"unlockedAt,omitzero"`
	// Deadline is when the last read is made, by the Temporal server's clock.
	Deadline time.Time `json:"deadline"`
}

// Finding is what a read after the unlock shows.
type Finding string

// The findings.
const (
	// FoundClear: every layer was read and none is locked.
	FoundClear Finding = "clear"
	// FoundLocked: a lock is still there at the deadline.
	FoundLocked Finding = "locked"
	// FoundUnread: no lock was seen, but a layer could not be read.
	FoundUnread Finding = "unread"
	// FoundRelocked: there is a lock that is newer than the unlock.
	FoundRelocked Finding = "relocked"
)

// VerifyResult is the account as it was last read.
type VerifyResult struct {
	Finding Finding             `json:"finding"`
	Account *connectors.Account `json:"account"`
	Attempt int                 `json:"attempt"`
	// Unsettled says that a later read may find something else.
	Unsettled bool `json:"unsettled,omitempty"`
}

// Verify reads the account until it is seen unlocked. While a lock is still seen, an
// attempt fails as benign and is made again: a provider's reads may lag behind its writes.
func (a *Activities) Verify(ctx context.Context, in VerifyInput) (*VerifyResult, error) {
	current := thisAttempt(ctx)
	current.until = in.Deadline
	account, err := a.lookUp(ctx, connectors.UserRef{ID: in.AccountID})
	if err != nil {
		return nil, err
	}
	result := &VerifyResult{Finding: find(account.State, in.UnlockedAt), Account: account, Attempt: current.number}
	wait := pollDelay(current.number)
	result.Unsettled = !settled(result.Finding, account.State, current)
	if !result.Unsettled || current.now().Add(wait).After(in.Deadline) {
		return result, nil
	}
	return nil, stillLocked(wait)
}

// settled reports whether another read can say nothing else.
func settled(finding Finding, state connectors.State, current *attempt) bool {
	switch finding {
	case FoundLocked:
		return false
	case FoundUnread:
		return !slices.ContainsFunc(state.Unread, func(u connectors.Unread) bool {
			return mayPass(&connectors.Error{Kind: u.Kind}, current.number)
		})
	default:
		return true
	}
}

func find(state connectors.State, unlockedAt time.Time) Finding {
	switch {
	case state.Clear():
		return FoundClear
	case slices.ContainsFunc(state.Locks, func(l connectors.Lock) bool { return newer(l, unlockedAt) }):
		return FoundRelocked
	case state.Locked():
		return FoundLocked
	default:
		return FoundUnread
	}
}

// newer reports whether the provider's own times prove that a lock began after the
// unlock. The Date header that unlockedAt comes from is cut to the second.
func newer(lock connectors.Lock, unlockedAt time.Time) bool {
	return !unlockedAt.IsZero() && lock.Since != nil && !lock.Since.Before(unlockedAt.Add(time.Second))
}

// SameLocks reports whether each of the locks stood before, as the provider's own dates prove:
// one without a date may be a new one.
func SameLocks(locks, before []connectors.Lock) bool {
	return !slices.ContainsFunc(locks, func(lock connectors.Lock) bool {
		return !slices.ContainsFunc(before, func(old connectors.Lock) bool {
			return lock.SameLayerAndServer(old) && lock.Since != nil && old.Since != nil && lock.Since.Equal(*old.Since)
		})
	})
}

// pollDelay doubles from a quarter of a second to 15 seconds.
func pollDelay(attempt int) time.Duration {
	return min(250*time.Millisecond<<min(attempt-1, 10), 15*time.Second)
}

// WatchInput asks whether an account that was proven unlocked stays so.
type WatchInput struct {
	AccountID  string    `json:"accountId"`
	UnlockedAt time.Time `json:"unlockedAt,omitzero"`
	// Until is the end of the watch, by the Temporal server's clock; For its length.
	Until time.Time     `json:"until"`
	For   time.Duration `json:"for"`
}

// Watch reads the account now and then until a new lock appears or the watch ends.
func (a *Activities) Watch(ctx context.Context, in WatchInput) (*VerifyResult, error) {
	current := thisAttempt(ctx)
	account, err := a.lookUp(ctx, connectors.UserRef{ID: in.AccountID})
	if err != nil {
		return nil, err
	}
	result := &VerifyResult{Finding: FoundClear, Account: account, Attempt: current.number}
	if slices.ContainsFunc(account.State.Locks, func(l connectors.Lock) bool { return !stale(l, in.UnlockedAt) }) {
		result.Finding = FoundRelocked
		return result, nil
	}
	left := in.Until.Sub(current.now())
	if left <= 0 {
		return result, nil
	}
	return nil, watching(min(left, watchDelay(in.For)))
}

// stale reports whether the lock was made before the unlock, so that the read that
// shows it must be older than the unlock too.
func stale(lock connectors.Lock, unlockedAt time.Time) bool {
	return !unlockedAt.IsZero() && lock.Since != nil && lock.Since.Before(unlockedAt)
}

// watchDelay reads about ten times within the watch.
func watchDelay(watch time.Duration) time.Duration {
	return min(max(watch/10, time.Second), 30*time.Second)
}
