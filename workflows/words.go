package workflows

import (
	"slices"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// Word is a value that machines branch on, with its meaning for people. The generated
// reference is made of these.
type Word struct {
	Word    string
	Meaning string
	// Remedy is what a person can do about it; empty when nothing needs doing.
	Remedy string
	// Retried says, of a failure, that it is tried again within the timeout; Doubted, that
	// it is tried twice more before it is believed.
	Retried, Doubted bool
}

// OutcomeWords explains every outcome.
func OutcomeWords() []Word {
	return []Word{
		{Word: string(Unlocked), Meaning: "It was locked, and a later read shows no lock on any layer or server."},
		{Word: string(AlreadyUnlocked), Meaning: "A full read found no lock, so nothing was sent; with `evenIfUnlocked` the unlock is sent all the same."},
		{Word: string(PartiallyUnlocked), Meaning: "Some layers or servers are unlocked; others could not be by the deadline or could not be read. `after` names them.",
			Remedy: "See `after` in the result for what is left, mend that at the provider, and ask again."},
		{Word: string(WouldUnlock), Meaning: "A dry run that found a lock and no objection."},
		{Word: string(Refused), Meaning: "The guard or the connection's rules said no: `refusal.code` says why for machines, `explanation` for people.",
			Remedy: "Mend at the provider what the explanation names, or let whoever owns the rule decide; then ask again."},
		{Word: string(Denied), Meaning: "An approver said no.", Remedy: "Speak with who denied it."},
		{Word: string(ApprovalExpired), Meaning: "An approval was needed, and nobody answered in time.", Remedy: "Tell an approver, and ask again."},
		{Word: string(Relocked), Meaning: "The unlock was proven and a new lock appeared: a saved password that is out of date, or an attack.",
			Remedy: "Find the device or the attacker that tries the wrong password before you ask again."},
	}
}

// BulkOutcomeWords explains every outcome of a run over many users.
func BulkOutcomeWords() []Word {
	return []Word{
		{Word: string(Completed), Meaning: "Everybody who was found was decided upon; `counts` says how."},
		{Word: string(LimitReached), Meaning: "The policy's `maxPerRun` stopped it; the rest was left alone.",
			Remedy: "See that so many are as expected; then run it again for the rest."},
		{Word: string(Held), Meaning: "More users were locked lately than the policy takes for usual, and nobody released the run in time; nobody was unlocked.",
			Remedy: "Find out at the provider whether it is an attack; then run it again and release it, or leave them locked."},
		{Word: string(Aborted), Meaning: "An operator stopped it; the rest was left alone.",
			Remedy: "Speak with who stopped it; then run it again for the rest."},
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
		Word{Word: string(AwaitsApproval), Meaning: "Somebody must approve the unlock; the run that `workflowId` names waits for that by itself.", Remedy: "`latchkey approvals`"},
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
	words := []Word{{Word: TypeInvalidInput, Meaning: "The input is wrong; the message names the field.", Remedy: "Mend the field, and start again."}}
	for _, kind := range connectors.Kinds() {
		word := kindWords[kind]
		word.Word, word.Retried = string(kind), kind.Retryable()
		words = append(words, word)
	}
	return append(words,
		Word{Word: TypeStillLocked, Meaning: "The provider accepted an unlock, and the account was still locked when time ran out.", Retried: true,
			Remedy: "Look at the account in the provider's console, and ask again."},
		Word{Word: TypeNoWorker, Meaning: "Nobody serves the connection: said before the start by `latchkey` and package `client`, or by a run whose step no worker took up in time.",
			Remedy: "Start a worker that serves the connection, or look at its log; then ask again."},
		Word{Word: TypeAlreadyRunning, Meaning: "A request for the same user that would do something else is open. Said by `latchkey` and package `client`; other starters get Temporal's own error.",
			Remedy: "Wait for the open run."},
		Word{Word: TypeInternal, Meaning: "A fault of Latchkey's own.", Remedy: "Look at the worker's log, and report it."})
}

var kindWords = map[connectors.Kind]Word{
	connectors.NotFound:           {Doubted: true, Meaning: "No account matches the reference.", Remedy: "Check the reference, the connection, and what its credential may see."},
	connectors.Ambiguous:          {Meaning: "More than one account matches the reference.", Remedy: "Ask by `userId`."},
	connectors.RejectedByProvider: {Meaning: "The provider understood the request and will not do it.", Remedy: "Look up the code that the message names, and look at the account in the provider's console."},
	connectors.Unauthenticated:    {Meaning: "The connection's credential is wrong, expired or for another region. A secret in a file is tried again for half a minute, since the file may be about to change.", Remedy: "Put the right secret into its file, which is read again by itself, or mend the connection's settings and restart its worker; then ask again."},
	connectors.PermissionDenied:   {Doubted: true, Meaning: "The connection's credential lacks a right.", Remedy: "`latchkey connections check` names the right; give it at the provider, and ask again."},
	connectors.Conflict:           {Meaning: "The account is being changed by somebody else.", Remedy: "Ask again when the other change is done."},
	connectors.RateLimited:        {Meaning: "Too many requests; `Retry-After` is honoured.", Remedy: "Ask again later; `RATE_LIMIT` keeps Latchkey below the provider's limit."},
	connectors.Unavailable:        {Meaning: "The provider could not be reached, failed or did not answer in time, or something in between answered.", Remedy: "Ask again once the provider answers: `latchkey connections check`."},
	connectors.Untrusted:          {Meaning: "The certificate of the server at the connection's address is unknown, out of date or another's, or its TLS is older than 1.2.", Remedy: "Check the connection's address, any proxy, and the authorities that its worker knows (`SSL_CERT_FILE`)."},
	connectors.MalformedResponse:  {Meaning: "The answer is not what the provider documents.", Remedy: "Check the connection's address and what stands between, such as a proxy."},
	connectors.Unsupported:        {Meaning: "The provider or its configuration cannot do this at all.", Remedy: "Change the request or the connection as the message says."},
}

// remedy is what a person can do about an outcome or a failure; empty when nothing needs doing.
func remedy(word string) string {
	for _, each := range slices.Concat(OutcomeWords(), BulkOutcomeWords(), FailureWords()) {
		if each.Word == word {
			return each.Remedy
		}
	}
	return ""
}

// RefusalWords explains every code of a refusal.
func RefusalWords() []Word {
	var words []Word
	for _, code := range guard.Codes() {
		words = append(words, Word{Word: string(code.Code), Meaning: code.Meaning})
	}
	return words
}
