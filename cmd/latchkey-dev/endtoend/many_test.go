package endtoend

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestTwoHundredAtOnce asks two hundred times for one user, in two ways that would not do
// the same: one effective unlock, and every request has an answer or AlreadyRunning.
func TestTwoHundredAtOnce(t *testing.T) {
	t.Parallel()
	const requests = 200
	h := newHouse(t, false)
	id := h.tenant.MustCreateUser(map[string]any{"username": "ada"})
	require.NoError(t, h.tenant.LockByFailures(id))
	h.startWorker()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()

	outcomes := make([]workflows.Outcome, requests)
	failures := make([]error, requests)
	var group sync.WaitGroup
	for i := range requests {
		group.Go(func() {
			in := workflows.Input{Connection: h.connection, UserID: id, EvenIfUnlocked: i%2 == 1}
			outcomes[i], failures[i] = h.ask(ctx, in)
		})
	}
	group.Wait()
	for i := range requests {
		var failure *client.Failure
		if errors.As(failures[i], &failure) {
			require.Equal(t, workflows.TypeAlreadyRunning, failure.Type)
			continue
		}
		require.NoError(t, failures[i])
		require.Contains(t, []workflows.Outcome{workflows.Unlocked, workflows.AlreadyUnlocked}, outcomes[i])
	}
	require.Contains(t, outcomes, workflows.Unlocked)
	require.Equal(t, 1, h.unlocksInBook(id), "exactly one effective unlock")
}

func (h *house) ask(ctx context.Context, in workflows.Input) (workflows.Outcome, error) {
	run, err := h.client.Start(ctx, in)
	if err != nil {
		return "", err
	}
	result, err := run.Result(ctx)
	if err != nil {
		return "", err
	}
	return result.Outcome, nil
}
