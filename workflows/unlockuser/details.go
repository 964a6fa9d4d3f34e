package unlockuser

import (
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/internal/run"
)

// details say in Markdown what a run of UnlockUser does now, until when, and what an
// operator can do about it.
func (r *unlockRun) details(until time.Time) string {
	at, doing := run.Clock(until), ""
	switch r.step {
	case workflows.StepLookup:
		doing = "the account is looked up, and attempts that fail are made again until " + at + ". *Request Cancellation* ends it, with nothing sent"
	case workflows.StepApproval:
		doing = fmt.Sprintf("it waits for an approval until %s (needed because: %s). To answer: %s. When nobody does, it ends as `%s`, and nothing is sent. *Request Cancellation* ends it at once",
			at, strings.Join(r.result.Approval.Cases, ", "), workflows.HowToAnswer, workflows.ApprovalExpired)
	case workflows.StepUnlock:
		doing = "the unlock is being sent, and attempts that fail are made again until " + at + ". *Request Cancellation* begins no further attempt, and has the account read where one may have been sent"
	case workflows.StepVerify:
		doing = "the unlock was, or may have been, sent, and the account is read until " + at + " at the latest to prove it. *Request Cancellation* has it read for " + guard.Round(verifyGrace) + " more at most"
	case workflows.StepWatch:
		doing = "the account is unlocked, and is watched for a new lock until " + at + ". *Request Cancellation* ends the watch"
	case workflows.StepDone: // run.EndDetails says how it ended.
	}
	return fmt.Sprintf("**%s** at `%s`: %s.", r.step, r.in.Connection, doing)
}
