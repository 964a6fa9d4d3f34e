package unlockmany_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/unlockmany"
)

// payload is what the server takes at most, in bytes.
const payload = 2 << 20

// letters take one byte to six as they are stored.
var letters = []string{"a", "&", "<", `"`, "é", "😀"}

// TestChainsFitPayloads: whatever the letters of a list that is accepted, of its policy, of
// what becomes of its users and of what operators say, each run can hand the rest to the next.
func TestChainsFitPayloads(t *testing.T) {
	t.Parallel()
	ids := make([]string, 15_000)
	for n := range ids {
		ids[n] = latchkeytest.MemberID(n)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := func(what string, most int) string {
			letter := rapid.SampledFrom(letters).Draw(t, what)
			return strings.Repeat(letter, rapid.IntRange(1, most/len(letter)).Draw(t, what+" length"))
		}
		in := workflows.BulkInput{Connection: strings.Repeat("c", 63), RequestReason: text("reason", 1024), RequestedBy: text("by", 1024)}
		in.Policy.Exclude = slices.Repeat([]string{text("pattern", 512)}, rapid.IntRange(0, 100).Draw(t, "patterns"))
		var listed []activities.Listed
		var book workflows.Sightings
		if rapid.Bool().Draw(t, "a list is given") {
			ref := rapid.SampledFrom([]connectors.UserRef{{Username: text("name", 512)}, {Email: text("address", 512)}, {ID: latchkeytest.UserID}}).Draw(t, "user")
			in.Users = slices.Repeat([]connectors.UserRef{ref}, rapid.IntRange(1, workflows.MaxUsers).Draw(t, "users"))
		} else {
			explanation := text("why not", 400)
			one := activities.Listed{UserID: latchkeytest.UserID, Explanation: explanation}
			listed = slices.Repeat([]activities.Listed{one}, min(activities.SurveyPage, (768<<10)/activities.StoredSize(one))) // As a survey bounds its page.
			book = workflows.Sightings{{Since: noon, UserIDs: ids}}
		}
		for err := in.Normalise(); err != nil; err = in.Normalise() { // Until it is accepted.
			if strings.Contains(err.Error(), "policy.exclude takes") {
				in.Policy.Exclude = in.Policy.Exclude[:len(in.Policy.Exclude)*4/5]
				continue
			}
			require.ErrorContains(t, err, "users takes")
			in.Users = in.Users[:len(in.Users)*4/5]
		}
		decision := workflows.Decision{UserID: strings.Repeat("i", 64), Decision: workflows.FailedUser, Code: string(connectors.MalformedResponse), Explanation: text("explanation", 3000)}
		decide := func(ref *connectors.UserRef) workflows.Decision {
			decision.Reference = ref
			decision.WorkflowID = workflows.UnlockID(in.Connection, decision.UserID)
			return decision
		}
		unlockmany.HandOn(in, decide, workflows.Command{RequestedBy: text("operator", 1024), RequestReason: text("command", 1024)}, listed, book, func(next workflows.BulkInput) {
			require.Less(t, activities.StoredSize(next), payload)
		})
	})
}

// addresses returns references by addresses of the length, the first part of them ampersands.
func addresses(many, length, ampersands int) []connectors.UserRef {
	users := make([]connectors.UserRef, many)
	for n := range users {
		users[n].Email = fmt.Sprintf("%s%0*d@example.org", strings.Repeat("&", ampersands), length-ampersands-len("@example.org"), n)
	}
	return users
}

// TestLongLists: a list with which a chain would be stuck is refused before the start and, of
// whoever starts without package client, by the run, in the same words.
func TestLongLists(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{})
	in := workflows.BulkInput{Connection: c.Name, Users: addresses(3000, 500, 480)}
	_, err := c.Client.StartBulk(t.Context(), in)
	var before *client.Failure
	require.ErrorAs(t, err, &before)
	require.Equal(t, workflows.TypeInvalidInput, before.Type)
	require.Regexp(t, `^users takes \d+ bytes as it is stored, .* split the list into 2$`, before.Message)

	c.StartRaw(workflows.UnlockLockedUsersName, in)
	_, err = c.End()
	var during *client.Failure
	require.ErrorAs(t, err, &during)
	require.Equal(t, workflows.TypeInvalidInput, during.Type)
	require.Contains(t, during.Message, "users takes ")
}

// TestLongListEnds: one that is accepted ends, over as many runs as it takes.
func TestLongListEnds(t *testing.T) {
	t.Parallel()
	c := latchkeytest.NewCrowd(t, latchkeytest.Connection{})
	result := c.Bulk(workflows.BulkInput{Users: addresses(380, 500, 480)})
	require.Equal(t, 2, result.Runs)
	require.Equal(t, map[string]int{"failed": 380}, result.Counts)
	require.NotEmpty(t, result.Failures)
}
