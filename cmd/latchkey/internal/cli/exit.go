package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// The exit codes are those of the classes of workflows.Catalogue.
var (
	ExitOK          = workflows.ClassDone.Explain().ExitCode
	ExitFault       = workflows.ClassInternal.Explain().ExitCode
	ExitUsage       = workflows.ClassInvalid.Explain().ExitCode
	ExitRefused     = workflows.ClassRefused.Explain().ExitCode
	ExitLocked      = workflows.ClassLocked.Explain().ExitCode
	ExitNoSuchUser  = workflows.ClassNotFound.Explain().ExitCode
	ExitUnreachable = workflows.ClassUnavailable.Explain().ExitCode
	ExitOtherwise   = workflows.ClassEnded.Explain().ExitCode
	ExitIncomplete  = workflows.ClassIncomplete.Explain().ExitCode
	ExitInterrupted = workflows.ClassOpen.Explain().ExitCode
)

// ExitCode returns the exit code for an outcome, a decision or a type of failure. A word that
// is not known is a fault.
func ExitCode(word string) int { return classOf(word).Explain().ExitCode }

func classOf(word string) workflows.Class {
	ending, _ := workflows.Ending(word)
	return ending.Class
}

func exitCodesTopic() *cobra.Command {
	var long strings.Builder
	long.WriteString("The exit codes of latchkey, and the outcomes and types of failures behind each:\n")
	last := -1
	for _, class := range workflows.Classes() {
		if class.ExitCode != last {
			fmt.Fprintf(&long, "\n  %3d", class.ExitCode)
			last = class.ExitCode
		} else {
			long.WriteString("     ")
		}
		fmt.Fprintf(&long, "  %s\n       %s\n", class.Meaning, strings.Join(endingsOf(class.Class), ", "))
	}
	long.WriteString("\nWith --detach a command exits with 0 once the run is started. latchkey status and latchkey bulk\n" +
		"status exit with 0 while the run goes on, and as the command that started it would have once it\n" +
		"is closed. Of a run over many users, those whom the policy left out, who were unlocked already\n" +
		"or whose unlock was open already count as done.\n")
	return &cobra.Command{Use: "exit-codes", Short: "What each exit code means", Long: long.String()}
}

// endingsOf are the words of a class with which a command ends: a decision upon one of many
// users only where it counts, which is where the user is locked; see client.Result.Word.
func endingsOf(class workflows.Class) []string {
	var words []string
	for _, word := range workflows.Words(workflows.OfOutcomes, workflows.OfBulkOutcomes, workflows.OfDecisions, workflows.OfFailures, workflows.OfRequests) {
		if word.Class == class && (word.Vocabulary != workflows.OfDecisions || class == workflows.ClassLocked) {
			words = append(words, word.Word)
		}
	}
	return words
}

// usageError is the caller's mistake: one line for each thing that is wrong.
type usageError struct {
	message string
	// elsewhere says that the mistake is not in the flags, so that their help is none.
	elsewhere bool
}

// Error implements error.
func (e *usageError) Error() string { return e.message }

func usagef(format string, arguments ...any) error {
	return &usageError{message: fmt.Sprintf(format, arguments...)}
}

// outcomeError ends the command with the exit code of the word for an outcome that was
// shown already.
type outcomeError struct{ word string }

// Error implements error.
func (e *outcomeError) Error() string { return e.word }

// endedWith returns nil for a word that says that all is well.
func endedWith(word string) error {
	if ExitCode(word) == ExitOK {
		return nil
	}
	return &outcomeError{word: word}
}

// shownError is the failure of a run that is on stdout already.
type shownError struct{ *client.Failure }

// Unwrap returns the failure.
func (e shownError) Unwrap() error { return e.Failure }

func exitCodeOf(err error) int {
	var ended *outcomeError
	if errors.As(err, &ended) {
		return ExitCode(ended.word)
	}
	return ExitFault
}

// ownHelp says that the help of the command itself helps.
const ownHelp = "--help"

// remedies are commands that help with a failure, beside what its message says.
var remedies = map[string]string{
	workflows.TypeNoWorker:               "latchkey worker",
	workflows.TypeNotSetUp:               "latchkey setup",
	workflows.TypeScheduleExists:         "latchkey schedule update",
	string(connectors.PermissionDenied):  "latchkey connections check",
	string(connectors.Unauthenticated):   "latchkey connections check",
	string(connectors.Unavailable):       "latchkey connections check",
	string(connectors.Untrusted):         "latchkey connections check",
	string(connectors.MalformedResponse): "latchkey connections check",
}

// explain returns an error as a failure, and the command that helps with it; nil for an outcome
// that was shown already.
func explain(err error) (failure *client.Failure, help string) {
	var usage *usageError
	var ended *outcomeError
	switch {
	case errors.As(err, &usage):
		failure = &client.Failure{Type: workflows.TypeInvalidInput, Message: usage.message}
		if !usage.elsewhere {
			help = ownHelp
		}
		return failure, help
	case errors.As(err, &ended):
		return nil, ""
	case errors.As(err, &failure):
		if !strings.Contains(failure.Message, "latchkey ") { // It says so itself.
			help = remedies[failure.Type]
		}
		return failure, help
	default:
		return &client.Failure{Type: client.TypeOf(err), Message: err.Error()}, ""
	}
}

// message is what is written of a failure. What comes from elsewhere has its type before it.
func message(failure *client.Failure, err error) string {
	var typed *client.Failure
	if errors.As(err, &typed) && failure.Type != workflows.TypeInterrupted {
		return failure.Error()
	}
	return failure.Message
}

// conclusive reports whether an error says more than that the command was interrupted.
func conclusive(err error) bool {
	var failure *client.Failure
	var ended *outcomeError
	var usage *usageError
	return errors.As(err, &failure) || errors.As(err, &ended) || errors.As(err, &usage)
}
