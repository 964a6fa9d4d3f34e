package readonly_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

func listed(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(3)...)
	c.StartRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.Name, ListLockedInput: activities.ListLockedInput{
		Reasons: []connectors.Reason{connectors.ReasonFailedSignIn}, MinAge: guard.Duration(time.Minute),
	}})
	var page activities.ListLockedResult
	require.NoError(t, c.Client.Temporal.GetWorkflow(t.Context(), c.Run.WorkflowID, "").Get(t.Context(), &page))
	require.Len(t, page.Accounts, 3)
	return c
}

func listedInPart(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(1)...)
	c.Missing = func(string) connectors.Missing { return latchkeytest.Lacking() }
	c.StartRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.Name})
	var page activities.ListLockedResult
	require.NoError(t, c.Client.Temporal.GetWorkflow(t.Context(), c.Run.WorkflowID, "").Get(t.Context(), &page))
	require.Equal(t, latchkeytest.Lacking(), page.Missing)
	require.Contains(t, latchkeytest.Metadata(t, c.Client.Temporal, c.Run.WorkflowID, "").GetCurrentDetails(), "the list is not whole, and others may be locked: 2 accounts")
	return c
}

func listDenied(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(1)...)
	c.OnList = func(context.Context, string) error { return latchkeytest.Fail(connectors.PermissionDenied) }
	c.StartRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.Name})
	_ = c.Fails(string(connectors.PermissionDenied))
	return c
}

func listCancelled(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(1)...)
	entered := make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) })
	c.OnList = func(ctx context.Context, _ string) error {
		enter()
		<-ctx.Done()
		return ctx.Err()
	}
	c.StartRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.Name})
	<-entered
	require.NoError(t, c.Client.Temporal.CancelWorkflow(t.Context(), c.Run.WorkflowID, ""))
	_ = c.Fails(workflows.TypeCancelled)
	return c
}

func wrongListInput(t *testing.T) *latchkeytest.Crowd {
	t.Helper()
	c := latchkeytest.UnservedCrowd(t)
	c.StartRaw(workflows.ListLockedUsersName, workflows.ListInput{Connection: c.Name, ListLockedInput: activities.ListLockedInput{After: "jane doe"}})
	_ = c.Fails(workflows.TypeInvalidInput)
	return c
}

// TestShownOfQuestions: so do the runs that only ask.
func TestShownOfQuestions(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, latchkeytest.Locked(1)...)
	_, err := c.Client.CheckConnection(t.Context(), c.Name)
	require.NoError(t, err)
	require.NoError(t, c.Client.Locked(t.Context(), workflows.ListInput{Connection: c.Name}, func(*activities.ListLockedResult) error { return nil }))
	latchkeytest.RequireShown(t, c.Only("check/"), workflows.ShownCheck(c.Name))
	latchkeytest.RequireShown(t, c.Only("list/"), workflows.ShownList(c.Name))
}

// lists are the ends of ListLockedUsers. Each is tested, and recorded for the replay.
func lists() map[string]func(*testing.T) *latchkeytest.Crowd {
	return map[string]func(*testing.T) *latchkeytest.Crowd{
		"list of locked users":    listed,
		"list that is not whole":  listedInPart,
		"list that fails":         listDenied,
		"list with a wrong input": wrongListInput,
		"list that is cancelled":  listCancelled,
	}
}

// TestLists plays every list.
func TestLists(t *testing.T) {
	t.Parallel()
	for name, play := range lists() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t).RequireEnded()
		})
	}
}
