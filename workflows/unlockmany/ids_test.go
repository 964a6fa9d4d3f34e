package unlockmany_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestIDsStayAsTheyAreSpelt: only a provider knows whether case means something in its IDs.
func TestIDsStayAsTheyAreSpelt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[A-Za-z0-9|._:$%+-]{1,64}`).Draw(t, "id")
		require.NoError(t, connectors.ValidateID(id))
		single, err := json.Marshal(workflows.Input{Connection: "jc-prod", UserID: id})
		require.NoError(t, err)
		one, err := workflows.ParseInput(single)
		require.NoError(t, err)
		require.Equal(t, id, one.UserID)
		require.Equal(t, "unlock/jc-prod/"+id, one.WorkflowID(nil))
		list, err := json.Marshal(workflows.BulkInput{Connection: "jc-prod", Users: []connectors.UserRef{{ID: id}}})
		require.NoError(t, err)
		many, err := workflows.ParseBulkInput(list)
		require.NoError(t, err)
		require.Equal(t, []connectors.UserRef{{ID: id}}, many.Users)
	})
}

// The IDs of two users at a provider where case means something.
const (
	oneID   = "auth0|5F7c8E"
	otherID = "auth0|5f7C8e"
)

// casedUsers are two locked users whose IDs differ in case alone.
func casedUsers() []*connectors.Account {
	members := latchkeytest.Locked(2)
	members[0].ID, members[1].ID = oneID, otherID
	return members
}

// TestCaseMakesTwoUsers: where case means something, only the user is unlocked who is meant,
// from the request to the connector.
func TestCaseMakesTwoUsers(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{}, casedUsers()...)
	run, err := c.Client.Start(t.Context(), workflows.Input{Connection: c.Name, UserID: oneID})
	require.NoError(t, err)
	require.Equal(t, "unlock/"+c.Name+"/"+oneID, run.WorkflowID)
	result, err := run.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.Unlocked, result.Outcome)
	require.Equal(t, oneID, result.UserID)
	require.Equal(t, map[string]int{oneID: 1}, c.Unlocked())

	require.Equal(t, map[string]int{"already_unlocked": 1, "unlocked": 1},
		c.Bulk(workflows.BulkInput{Users: []connectors.UserRef{{ID: oneID}, {ID: otherID}}}).Counts)
	require.Equal(t, map[string]int{oneID: 1, otherID: 1}, c.Unlocked())
	require.Equal(t, workflows.Decided("unlocked"), c.Report()[otherID].Decision)
}

// TestSpellingsInAList: where case means nothing, two spellings are one user, who is decided
// upon once, by what is known of that user. What cannot be an ID fails alone.
func TestSpellingsInAList(t *testing.T) {
	t.Parallel()
	c := latchkeytest.UnservedCrowd(t, latchkeytest.Locked(3)...)
	c.FoldsIDs = true
	c.Serve(latchkeytest.Connection{Records: latchkeytest.Retained(map[string]int{latchkeytest.MemberID(3): 2})})
	upper := func(n int) string { return strings.ToUpper(latchkeytest.MemberID(n)) }
	result := c.Bulk(workflows.BulkInput{
		Users: []connectors.UserRef{
			{ID: upper(1)}, {ID: latchkeytest.MemberID(1)}, {Username: "member2"}, {ID: upper(2)}, {ID: upper(3)},
			{ID: latchkeytest.MisshapenID}, {ID: latchkeytest.MisshapenID},
		},
		Policy: workflows.Policy{MaxPerUser: &workflows.MaxPerUser{Unlocks: 2}},
	})
	require.Equal(t, map[string]int{"unlocked": 2, "skipped": 4, "failed": 1}, result.Counts)
	require.Equal(t, map[string]int{"duplicate": 3, "max_per_user": 1, "RejectedByProvider": 1}, result.Codes)
	require.Equal(t, map[string]int{latchkeytest.MemberID(1): 1, latchkeytest.MemberID(2): 1}, c.Unlocked())
	require.NoError(t, c.Run.Decisions(t.Context(), func(d workflows.Decision) error {
		if d.UserID == latchkeytest.MemberID(1) && d.Code == "" {
			require.Equal(t, &connectors.UserRef{ID: upper(1)}, d.Reference, "it is found as it was given")
		}
		return nil
	}))
}

// TestTwoSpellingsAtOnce: two requests for one user that spell the ID differently do not meet
// before they start, and do no harm.
func TestTwoSpellingsAtOnce(t *testing.T) {
	t.Parallel()
	c := latchkeytest.UnservedCrowd(t, latchkeytest.Locked(1)...)
	c.FoldsIDs = true
	c.Serve(latchkeytest.Connection{})
	entered, release := c.Hold(2)
	id := latchkeytest.MemberID(1)
	var runs []*client.Run
	for _, spelling := range []string{id, strings.ToUpper(id)} {
		run, err := c.Client.Start(t.Context(), workflows.Input{Connection: c.Name, UserID: spelling})
		require.NoError(t, err)
		require.False(t, run.Joined)
		runs = append(runs, run)
	}
	require.Equal(t, []string{id, id}, []string{<-entered, <-entered})
	close(release)
	for _, run := range runs {
		ctx, cancel := context.WithTimeout(t.Context(), latchkeytest.Patience)
		result, err := run.Result(ctx)
		cancel()
		require.NoError(t, err)
		require.Equal(t, workflows.Unlocked, result.Outcome)
		require.Equal(t, id, result.UserID)
	}
	require.Equal(t, map[string]int{id: 1}, c.Unlocked())
}
