package workflows

import (
	"slices"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// Word is a value that machines branch on, with what people must know of it. What the CLI's
// exit codes, the Temporal UI and the reference say comes from the words of Catalogue.
type Word struct {
	Vocabulary Vocabulary
	Word       string
	Class      Class
	Meaning    string
	// Remedy is what a person can do about it; empty when nothing needs doing.
	Remedy string
	// Again says, of a failure, whether it is tried again within the timeout.
	Again Again
}

// Vocabulary is a set of words that stand at the same place.
type Vocabulary string

// The vocabularies.
const (
	// Outcomes of UnlockUser, in Result.Outcome; without refused also in Decision.Decision.
	OfOutcomes Vocabulary = "outcome"
	// OfRefusals: in Refusal.Code, and in Decision.Code of a user who was skipped.
	OfRefusals Vocabulary = "refusal"
	// OfBulkOutcomes: in BulkResult.Outcome.
	OfBulkOutcomes Vocabulary = "bulk outcome"
	// OfDecisions: in Decision.Decision, beside the outcomes.
	OfDecisions Vocabulary = "decision"
	// OfSkips: in Decision.Code of a user who was skipped, beside the refusals.
	OfSkips Vocabulary = "skip"
	// OfFailures are types of failures with which a workflow ends.
	OfFailures Vocabulary = "failure"
	// OfRequests are types of failures that whoever asks is told: of runs that did not come to
	// an end of their own, and of what was not begun.
	OfRequests Vocabulary = "request"
)

// Again says whether a failure is tried again.
type Again string

// The values of Again; a word that is no failure has none.
const (
	AgainNo Again = "no"
	// AgainTwice: it is tried twice more before it is believed.
	AgainTwice Again = "twice"
	AgainYes   Again = "yes"
)

// Class says what a word comes down to for whoever asked.
type Class string

// The classes.
const (
	ClassDone        Class = "done"
	ClassOpen        Class = "open"
	ClassIncomplete  Class = "incomplete"
	ClassRefused     Class = "refused"
	ClassLocked      Class = "locked"
	ClassInvalid     Class = "invalid"
	ClassNotFound    Class = "not_found"
	ClassConflict    Class = "conflict"
	ClassEnded       Class = "ended"
	ClassNotSetUp    Class = "not_set_up"
	ClassProvider    Class = "provider"
	ClassUnavailable Class = "unavailable"
	ClassInternal    Class = "internal"
)

// ExplainedClass is a class, and what is made of it.
type ExplainedClass struct {
	Class   Class
	Meaning string
	// ExitCode is what a command exits with.
	ExitCode int
	// HTTPStatus is what an API answers with.
	HTTPStatus int
}

// Classes explains every class.
func Classes() []ExplainedClass {
	return []ExplainedClass{
		{ClassDone, "The account is unlocked, or would be (dry run); of many, each was, or the policy left it out.", 0, 200},
		{ClassInternal, "A fault of Latchkey's own.", 1, 500},
		{ClassInvalid, "A wrong request or configuration.", 2, 400},
		{ClassNotSetUp, "The namespace lacks what this needs.", 2, 503},
		{ClassRefused, "The guard, the connection's rules or an approver said no; a run over many users was held or aborted.", 3, 403},
		{ClassLocked, "The account is locked still, in part, or again; of many, at least one is, or its unlock failed.", 4, 409},
		{ClassNotFound, "No such user, more than one, or no such workflow or schedule.", 5, 404},
		{ClassProvider, "The provider will not do it, or not for this connection: somebody must change one of them.", 6, 502},
		{ClassUnavailable, "The provider, Temporal or a worker could not do it now.", 6, 503},
		{ClassConflict, "A run will not do it, or another run or schedule is in the way.", 7, 409},
		{ClassEnded, "The run was ended from outside.", 7, 409},
		{ClassIncomplete, "What was found was shown or decided upon, and the provider's list could not be read whole: others may be locked.", 8, 200},
		{ClassOpen, "It goes on, and its end was not waited for.", 130, 202},
	}
}

// Explain returns what is made of the class; of one that is not known, what is made of a
// fault of Latchkey's own.
func (c Class) Explain() ExplainedClass {
	classes := Classes()
	for _, class := range []Class{c, ClassInternal} {
		if at := slices.IndexFunc(classes, func(e ExplainedClass) bool { return e.Class == class }); at >= 0 {
			return classes[at]
		}
	}
	return ExplainedClass{}
}

// Catalogue holds every word, once in each vocabulary that it belongs to.
func Catalogue() []Word { //nolint:funlen // It is a table.
	words := []Word{
		{OfOutcomes, string(Unlocked), ClassDone, "It was locked, and a later read shows no lock on any layer or server.", "", ""},
		{OfOutcomes, string(AlreadyUnlocked), ClassDone, "A full read found no lock, so nothing was sent; with `evenIfUnlocked` the unlock is sent all the same.", "", ""},
		{OfOutcomes, string(PartiallyUnlocked), ClassLocked, "Some layers or servers are unlocked; others could not be by the deadline or could not be read. `after` names them.",
			"See `after` in the result for what is left, fix that at the provider, and ask again.", ""},
		{OfOutcomes, string(WouldUnlock), ClassDone, "A dry run that found a lock and no objection; with `evenIfUnlocked` no lock is needed.", "", ""},
		{OfOutcomes, string(Refused), ClassRefused, "The guard or the connection's rules said no: `refusal.code` says why for machines, `explanation` for people.",
			"Fix at the provider what the explanation names, or let whoever owns the rule decide; then ask again.", ""},
		{OfOutcomes, string(Denied), ClassRefused, "An approver said no.", "Speak with whoever denied it.", ""},
		{OfOutcomes, string(ApprovalExpired), ClassRefused, "An approval was needed, and nobody answered in time.", "Tell an approver, and ask again.", ""},
		{OfOutcomes, string(Relocked), ClassLocked, "The unlock was proven and a new lock appeared: a saved password that is out of date, or an attack.",
			"Find the device or the attacker that tries the wrong password before you ask again.", ""},

		{OfBulkOutcomes, string(Completed), ClassDone, "Everybody who was found was decided upon; `counts` says how.", "", ""},
		{OfBulkOutcomes, string(Incomplete), ClassIncomplete, "Everybody who was found was decided upon, and the list could not be read whole: `missing` says what it lacks, and whoever is locked there was not found.",
			"Look at the provider at the accounts and servers that `missing` names; then run it again.", ""},
		{OfBulkOutcomes, string(LimitReached), ClassDone, "The policy's `maxPerRun` stopped it; the rest was left alone.",
			"See that so many are as expected; then run it again for the rest.", ""},
		{OfBulkOutcomes, string(Held), ClassRefused, "More users were locked lately than the policy takes for usual, and nobody released the run in time; nobody was unlocked.",
			"Find out at the provider whether it is an attack; then run it again and release it, or leave them locked.", ""},
		{OfBulkOutcomes, string(Aborted), ClassRefused, "An operator stopped it; the rest was left alone.",
			"Speak with whoever stopped it; then run it again for the rest.", ""},

		{OfDecisions, string(Skipped), ClassRefused, "The policy, the guard, the connection's rules or the run's end left the user out: `code` says why for machines, `explanation` for people.", "", ""},
		{OfDecisions, string(FailedUser), ClassLocked, "The unlock failed; `code` is the type of the failure.", "", ""},
		{OfDecisions, string(AwaitsApproval), ClassOpen, "Somebody must approve the unlock; the run that `workflowId` names waits for that by itself.",
			"Tell an approver; the run takes the updates `" + ApproveUpdate + "` and `" + DenyUpdate + "`.", ""},
		{OfDecisions, string(OpenAlready), ClassOpen, "An unlock of the user was open already; `workflowId` names it, and its own result says how it ended.", "", ""},

		{OfSkips, CodeMaxPerUser, ClassRefused, "The user was unlocked as often as `maxPerUser` allows within its window.", "", ""},
		{OfSkips, CodeMaxPerRun, ClassRefused, "The run had unlocked as many as `maxPerRun` allows.", "", ""},
		{OfSkips, CodeHeld, ClassRefused, "The run held, and nobody released it in time.", "", ""},
		{OfSkips, CodeAborted, ClassRefused, "An operator had stopped the run.", "", ""},
		{OfSkips, OutcomeCancelled, ClassEnded, "The run had been cancelled.", "", ""},
		{OfSkips, CodeDuplicate, ClassRefused, "The list names the account more than once, by different references.", "", ""},

		{OfFailures, TypeInvalidInput, ClassInvalid, "The input is wrong; the message names the field.", "Fix the field, and start again.", AgainNo},
		{OfFailures, string(connectors.NotFound), ClassNotFound, "No account matches the reference.", "Check the reference, the connection, and what its credential may see.", AgainTwice},
		{OfFailures, string(connectors.Ambiguous), ClassNotFound, "More than one account matches the reference.", "Ask by `userId`.", AgainNo},
		{OfFailures, string(connectors.RejectedByProvider), ClassProvider, "The provider understood the request and will not do it.",
			"Look up the code that the message names, and look at the account in the provider's console.", AgainNo},
		{OfFailures, string(connectors.Unauthenticated), ClassProvider, "The connection's credential is wrong, expired or for another region. A secret in a file is tried again for half a minute, since the file may be about to change.",
			"Put the right secret into its file, which is read again by itself, or fix the connection's settings and restart its worker; then ask again.", AgainNo},
		{OfFailures, string(connectors.PermissionDenied), ClassProvider, "The connection's credential lacks a right.",
			"A run of `" + CheckConnectionName + "` names the right; give it at the provider, and ask again.", AgainTwice},
		{OfFailures, string(connectors.Conflict), ClassUnavailable, "The account is being changed by somebody else.", "Ask again when the other change is done.", AgainYes},
		{OfFailures, string(connectors.RateLimited), ClassUnavailable, "Too many requests; `Retry-After` is honoured.",
			"Ask again later; `RATE_LIMIT` keeps Latchkey below the provider's limit.", AgainYes},
		{OfFailures, string(connectors.Unavailable), ClassUnavailable, "The provider could not be reached, failed or did not answer in time, or something in between answered.",
			"Ask again once the provider answers, which a run of `" + CheckConnectionName + "` tells.", AgainYes},
		{OfFailures, string(connectors.Untrusted), ClassProvider, "The certificate of the server at the connection's address is unknown, out of date or another's, or its TLS is older than 1.2.",
			"Check the connection's address, any proxy, and the authorities that its worker knows (`SSL_CERT_FILE`).", AgainNo},
		{OfFailures, string(connectors.MalformedResponse), ClassProvider, "The answer is not what the provider documents.",
			"Check the connection's address and what stands between, such as a proxy.", AgainYes},
		{OfFailures, string(connectors.Unsupported), ClassProvider, "The provider or its configuration cannot do this at all.",
			"Change the request or the connection as the message says.", AgainNo},
		{OfFailures, TypeStillLocked, ClassLocked, "The provider accepted an unlock, and the account was still locked when time ran out.",
			"Look at the account in the provider's console, and ask again.", AgainYes},
		{OfFailures, TypeNoWorker, ClassUnavailable, "Nobody serves the connection: said before the start by `latchkey` and package `client`, or by a run whose step no worker took up in time.",
			"Start a worker that serves the connection, or look at its log; then ask again.", AgainNo},
		{OfFailures, TypeInternal, ClassInternal, "A fault of Latchkey's own.", "Look at the worker's log, and report it.", AgainNo},

		{OfRequests, TypeAlreadyRunning, ClassConflict, "A request for the same user that would do something else is open; starters other than `latchkey` and package `client` get Temporal's own error.", "Wait for the open run.", AgainNo},
		{OfRequests, TypeCancelled, ClassEnded, "Somebody cancelled the run; its details carry the result so far.", "Ask again if the account is locked still.", AgainNo},
		{OfRequests, TypeTerminated, ClassEnded, "Somebody terminated the run; what it did is in its history.",
			"Ask again: the account is looked up first, and nothing is sent that is not needed.", AgainNo},
		{OfRequests, TypeTimedOut, ClassEnded, "The run exceeded a time-out that its starter gave it; what it did is in its history.", "Ask again, without that time-out.", AgainNo},
		{OfRequests, TypeRejected, ClassConflict, "A run will not take an update, such as an answer by a name that must not answer, as it stands.", "Do as the message says.", AgainNo},
		{OfRequests, TypeNotSetUp, ClassNotSetUp, "The namespace lacks what this needs.", "Register Latchkey's search attributes in the namespace.", AgainNo},
		{OfRequests, TypeTemporalUnavailable, ClassUnavailable, "Temporal cannot be reached, or turns the request away.", "Check Temporal's address, namespace and credential; then ask again.", AgainNo},
		{OfRequests, TypeScheduleExists, ClassConflict, "The schedule that was to be created is there already.", "Change that one, or give another ID.", AgainNo},
		{OfRequests, TypeInterrupted, ClassOpen, "Whoever waited was interrupted; an unlock that was started goes on.", "Look at the run, which the message names.", AgainNo},
	}
	for _, code := range guard.Codes() {
		words = append(words, Word{Vocabulary: OfRefusals, Word: string(code.Code), Class: ClassRefused, Meaning: code.Meaning})
	}
	return words
}

// Words are those of the vocabularies.
func Words(of ...Vocabulary) []Word {
	return slices.DeleteFunc(Catalogue(), func(word Word) bool { return !slices.Contains(of, word.Vocabulary) })
}

// DecisionWords explains what can become of one of many users.
func DecisionWords() []Word {
	return slices.DeleteFunc(Words(OfOutcomes, OfDecisions), func(word Word) bool { return word.Word == string(Refused) })
}

// Ending returns the word with which a run, a request or one of many users can end: an
// outcome, a decision or the type of a failure.
func Ending(word string) (Word, bool) {
	endings := Words(OfOutcomes, OfBulkOutcomes, OfDecisions, OfFailures, OfRequests)
	at := slices.IndexFunc(endings, func(each Word) bool { return each.Word == word })
	if at < 0 {
		return Word{}, false
	}
	return endings[at], true
}
