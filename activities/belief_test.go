package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// TestRefusalsAreAskedAgain: a refusal that the provider may not mean is final from the
// third attempt, and any other at once.
func TestRefusalsAreAskedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure connectors.Error
		// final is the attempt from which it is.
		final int
	}{
		"not allowed":         {connectors.Error{Kind: connectors.PermissionDenied, Status: 403}, 3},
		"no such ID":          {connectors.Error{Kind: connectors.NotFound, Status: 404}, 3},
		"nobody of that name": {connectors.Error{Kind: connectors.NotFound}, 1},
		"two of that name":    {connectors.Error{Kind: connectors.Ambiguous}, 1},
		"rejected":            {connectors.Error{Kind: connectors.RejectedByProvider, Status: 400}, 1},
		"not known":           {connectors.Error{Kind: connectors.Unauthenticated, Status: 401}, 1},
		"a secret in a file":  {connectors.Error{Kind: connectors.Unauthenticated, Status: 401, RetryAnyway: true}, 1000},
		"untrusted":           {connectors.Error{Kind: connectors.Untrusted}, 1},
		"cannot":              {connectors.Error{Kind: connectors.Unsupported, Status: 405}, 1},
		"down":                {connectors.Error{Kind: connectors.Unavailable, Status: 503}, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := &Activities{Connection: "jc-prod"}
			for _, number := range []int{1, 2, 3, 4, 999} {
				var failed *temporal.ApplicationError
				require.ErrorAs(t, steps.failure(&test.failure, attempt{number: number}, connectors.No), &failed)
				require.Equal(t, number >= test.final, failed.NonRetryable(), number)
				if test.final == believedFrom && number < believedFrom {
					require.Equal(t, time.Duration(number)*time.Second, failed.NextRetryDelay(), number)
				}
			}
		})
	}
}

// TestUnreadLayersAreAskedAgain: a layer that was refused is read again as often.
func TestUnreadLayersAreAskedAgain(t *testing.T) {
	t.Parallel()
	for kind, final := range map[connectors.Kind]int{connectors.PermissionDenied: 3, connectors.Unsupported: 1, connectors.Unavailable: 1000} {
		state := connectors.State{Unread: []connectors.Unread{{Layer: connectors.LayerPassword, Kind: kind}}}
		for _, number := range []int{1, 2, 3, 999} {
			require.Equal(t, number >= final, settled(FoundUnread, state, &attempt{number: number}), "%s, attempt %d", kind, number)
			unread := (&Activities{}).unreadYet(guard.Refusal(guard.CodeStateUnknown, "x"), state, &attempt{number: number})
			require.Equal(t, number >= min(final, believedFrom), unread == nil, "%s, attempt %d", kind, number)
		}
	}
}

// TestRefusalsForWhatIsUnread: no refusal but one that rests on what could not be read is
// put off, and none where the provider never tells it.
func TestRefusalsForWhatIsUnread(t *testing.T) {
	t.Parallel()
	unread := connectors.State{Unread: []connectors.Unread{{Layer: connectors.LayerPassword, Kind: connectors.PermissionDenied}}}
	for name, test := range map[string]struct {
		code   guard.Code
		state  connectors.State
		hides  bool
		putOff bool
	}{
		"groups":                       {code: guard.CodeGroupsUnknown, putOff: true},
		"groups that are never told":   {code: guard.CodeGroupsUnknown, hides: true},
		"a layer":                      {code: guard.CodeStateUnknown, state: unread, putOff: true},
		"another refusal":              {code: guard.CodeProtectedUser, state: unread},
		"none":                         {state: unread},
		"a state that was read whole":  {code: guard.CodeStateUnknown},
		"what a list does not tell":    {code: guard.CodeStateUnknown, state: connectors.State{Unread: []connectors.Unread{{Kind: connectors.Unsupported}}}},
		"an answer that was malformed": {code: guard.CodeStateUnknown, state: connectors.State{Unread: []connectors.Unread{{Kind: connectors.MalformedResponse}}}, putOff: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := &Activities{HidesGroups: test.hides}
			require.Equal(t, test.putOff, steps.unreadYet(guard.Refusal(test.code, "x"), test.state, &attempt{number: 1}) != nil)
			require.Nil(t, steps.unreadYet(guard.Refusal(test.code, "x"), test.state, &attempt{number: believedFrom}))
		})
	}
}
