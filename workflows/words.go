package workflows

import (
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/guard"
)

// Word is a value that machines branch on, with its meaning for people. The generated
// reference is made of these.
type Word struct {
	Word    string
	Meaning string
	// Retried says, of a failure, that it is tried again within the timeout.
	Retried bool
}

// OutcomeWords explains every outcome.
func OutcomeWords() []Word {
	return []Word{
		{Word: string(Unlocked), Meaning: "It was locked, and a later read shows no lock on any layer or server."},
		{Word: string(AlreadyUnlocked), Meaning: "A full read found no lock, so nothing was sent; with `evenIfUnlocked` the unlock is sent all the same."},
		{Word: string(PartiallyUnlocked), Meaning: "Some layers or servers are unlocked; others could not be by the deadline or could not be read. `after` names them."},
		{Word: string(WouldUnlock), Meaning: "A dry run that found a lock and no objection."},
		{Word: string(Refused), Meaning: "The guard or the connection's rules said no: `refusal.code` says why for machines, `explanation` for people."},
		{Word: string(Denied), Meaning: "An approver said no."},
		{Word: string(ApprovalExpired), Meaning: "An approval was needed, and nobody answered in time."},
		{Word: string(Relocked), Meaning: "The unlock was proven and a new lock appeared: a saved password that is out of date, or an attack."},
	}
}

// BulkOutcomeWords explains every outcome of a run over many users.
func BulkOutcomeWords() []Word {
	return []Word{
		{Word: string(Completed), Meaning: "Everybody who was found was decided upon; `counts` says how."},
		{Word: string(LimitReached), Meaning: "The policy's `maxPerRun` stopped it; the rest was left alone."},
		{Word: string(Held), Meaning: "More users were locked lately than the policy takes for usual, and nobody released the run in time; nobody was unlocked."},
		{Word: string(Aborted), Meaning: "An operator stopped it; the rest was left alone."},
	}
}

// DecisionWords explains what can become of one of many users.
func DecisionWords() []Word {
	var words []Word
	for _, word := range OutcomeWords() {
		if word.Word != string(Refused) {
			words = append(words, word)
		}
	}
	return append(words,
		Word{Word: string(Skipped), Meaning: "The policy, the guard, the connection's rules or the run's end left the user out: `code` says why for machines, `explanation` for people."},
		Word{Word: string(FailedUser), Meaning: "The unlock failed; `code` is the type of the failure."},
		Word{Word: string(OpenAlready), Meaning: "An unlock of the user was open already; `workflowId` names it, and its own result says how it ended."})
}

// SkipWords explains the codes of users whom a run over many skipped, beside those of a
// refusal.
func SkipWords() []Word {
	return []Word{
		{Word: CodeMaxPerUser, Meaning: "The user was unlocked as often as `maxPerUser` allows within its window."},
		{Word: CodeMaxPerRun, Meaning: "The run had unlocked as many as `maxPerRun` allows."},
		{Word: CodeHeld, Meaning: "The run held, and nobody released it in time."},
		{Word: CodeAborted, Meaning: "An operator had stopped the run."},
		{Word: outcomeCancelled, Meaning: "The run had been cancelled."},
		{Word: CodeDuplicate, Meaning: "The list names the account more than once, by different references."},
	}
}

// FailureWords explains every type of failure.
func FailureWords() []Word {
	words := []Word{{Word: TypeInvalidInput, Meaning: "The input is wrong; the message names the field."}}
	for _, kind := range connectors.Kinds() {
		words = append(words, Word{Word: string(kind), Meaning: kindMeanings[kind], Retried: kind.Retryable()})
	}
	return append(words,
		Word{Word: TypeStillLocked, Meaning: "The provider accepted an unlock, and the account was still locked when time ran out.", Retried: true},
		Word{Word: TypeNoWorker, Meaning: "Nobody serves the connection: said before the start by `latchkey` and package `client`, or by a run whose step no worker took up in time."},
		Word{Word: TypeAlreadyRunning, Meaning: "A request for the same user that would do something else is open. Said by `latchkey` and package `client`; other starters get Temporal's own error."},
		Word{Word: TypeInternal, Meaning: "A fault of Latchkey's own."})
}

var kindMeanings = map[connectors.Kind]string{
	connectors.NotFound:           "No account matches the reference.",
	connectors.Ambiguous:          "More than one account matches the reference; ask by `userId`.",
	connectors.RejectedByProvider: "The provider understood the request and will not do it.",
	connectors.Unauthenticated:    "The connection's credential is wrong, expired or for another region.",
	connectors.PermissionDenied:   "The connection's credential lacks a right.",
	connectors.Conflict:           "The account is being changed by somebody else.",
	connectors.RateLimited:        "Too many requests; `Retry-After` is honoured.",
	connectors.Unavailable:        "The provider could not be reached, failed or did not answer in time.",
	connectors.MalformedResponse:  "The answer is not what the provider documents.",
	connectors.Unsupported:        "The provider or its configuration cannot do this at all.",
}

// RefusalWords explains every code of a refusal.
func RefusalWords() []Word {
	var words []Word
	for _, code := range guard.Codes() {
		words = append(words, Word{Word: string(code.Code), Meaning: code.Meaning})
	}
	return words
}
