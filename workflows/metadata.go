package workflows

import "fmt"

// Shown is what the Temporal UI shows of a run from its start: a line of plain text, and
// Markdown. Both are stored in the clear, so that they name the connection and nobody.
type Shown struct {
	Summary string
	Details string
}

// howTo is one thing that an operator can do to a run, and how.
type howTo struct{ what, how string }

// HowToAnswer says how an approval is answered.
const HowToAnswer = "update `" + ApproveUpdate + "` or `" + DenyUpdate + "` with `{\"by\": \"who answers\", \"reason\": \"why\"}`"

// ShownUnlock is what is shown of UnlockUser.
func ShownUnlock(connection string) Shown {
	return shown("Unlock a user at "+connection,
		fmt.Sprintf("Unlocks one account at `%s`: looks it up, decides whether it may be unlocked, unlocks it, and reads it again to prove it. It never enables, unsuspends or resets a password.", connection),
		howTo{"See the step, and the result so far", "query `" + StatusQuery + "`"},
		howTo{"Answer while it waits for an approval", HowToAnswer},
		howTo{"Stop it", "*Request Cancellation*: it begins no further attempt; where an unlock may have been sent it reads the account first"},
		howTo{"Ask again after *Terminate* or a failure", "start it again: it looks the account up first, and sends nothing that is not needed"})
}

// ShownBulk is what is shown of UnlockLockedUsers.
func ShownBulk(connection string) Shown {
	return shown("Unlock many users at "+connection,
		fmt.Sprintf("Unlocks users who are locked at `%s`, all or those of a list, as its policy says, each by an `%s` of its own.", connection, UnlockUserName),
		howTo{"See how far it is", "query `" + ProgressQuery + "`"},
		howTo{"Begin no further unlock, and go on later", "updates `" + PauseUpdate + "` and `" + ResumeUpdate + "`"},
		howTo{"Let it go on while it holds, since many were locked lately", "update `" + ReleaseUpdate + "`"},
		howTo{"End it, and leave the rest alone", "update `" + AbortUpdate + "`"},
		howTo{"Say who does it, and why", "give an update `{\"requestedBy\": \"who\", \"requestReason\": \"why\"}`"},
		howTo{"Stop it", "*Request Cancellation*: it waits for the unlocks that are under way, and begins no other"})
}

// ShownCheck is what is shown of CheckConnection.
func ShownCheck(connection string) Shown {
	return shown("Check the connection "+connection,
		fmt.Sprintf("Asks a worker that serves `%s` what the connection's credential may do. It changes nothing at the provider.", connection),
		howTo{"Read the answer", "*Result*: every right, and whether it is granted"},
		howTo{"Start a worker when it fails as `" + TypeNoWorker + "`", "one that serves this connection"})
}

// ShownList is what is shown of ListLockedUsers.
func ShownList(connection string) Shown {
	return shown("List who is locked at "+connection,
		fmt.Sprintf("Reads one page of who is locked at `%s`. It changes nothing at the provider.", connection),
		howTo{"Read the answer", "*Result*: the users, and `next` when there are more"},
		howTo{"Stop it", "*Request Cancellation*: nothing is left behind"})
}

// ShownCeiling is what is shown of KeepCeiling.
func ShownCeiling(connection string) Shown {
	return shown("Count the unlocks at "+connection,
		fmt.Sprintf("Counts the unlocks of the last hour at `%s`, for all workers that serve it, which ask before they send one. It unlocks nobody, and ends when nothing has been unlocked for an hour.", connection),
		howTo{"Change the ceiling", "set `MAX_UNLOCKS_PER_HOUR` of the connection on each worker, and restart them: what was counted stays"},
		howTo{"Begin to count anew, and so let as many unlocks pass again", "*Terminate*"})
}

func shown(summary, what string, can ...howTo) Shown {
	text := what + "\n\n| to | do |\n|---|---|\n"
	for _, each := range can {
		text += "| " + each.what + " | " + each.how + " |\n"
	}
	return Shown{Summary: summary, Details: text}
}
