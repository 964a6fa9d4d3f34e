package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
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
	long.WriteString("\nlatchkey unlock --detach exits with 0 once the run is started. latchkey status exits with 0\n" +
		"while the run goes on, and as latchkey unlock would have once it is closed. latchkey bulk status\n" +
		"does the same for runs over many users. Of these, users whom the policy left out, who were\n" +
		"unlocked already or whose unlock was open already count as done with.\n")
	return &cobra.Command{Use: "exit-codes", Short: "What each exit code means", Long: long.String()}
}

// endingsOf are the words of a class with which a command ends: a decision upon one of many
// users only where it weighs, which is where the user is locked; see bulkWord.
func endingsOf(class workflows.Class) []string {
	var words []string
	for _, word := range workflows.Words(workflows.OfOutcomes, workflows.OfBulkOutcomes, workflows.OfDecisions, workflows.OfFailures, workflows.OfRequests) {
		if word.Class == class && (word.Vocabulary != workflows.OfDecisions || class == workflows.ClassLocked) {
			words = append(words, word.Word)
		}
	}
	return words
}

// commands are what helps with a failure, beside what its message says.
var commands = map[string]string{
	workflows.TypeNoWorker:               "latchkey worker",
	workflows.TypeNotSetUp:               "latchkey setup",
	string(connectors.PermissionDenied):  "latchkey connections check",
	string(connectors.Unauthenticated):   "latchkey connections check",
	string(connectors.Unavailable):       "latchkey connections check",
	string(connectors.Untrusted):         "latchkey connections check",
	string(connectors.MalformedResponse): "latchkey connections check",
}

// outcomeError ends the command with the exit code of the word for an outcome that was
// shown already.
type outcomeError struct{ word string }

// Error implements error.
func (e *outcomeError) Error() string { return e.word }

// interruptedError ends the command that was interrupted.
type interruptedError struct{ message, workflowID, runID string }

// Error implements error.
func (e *interruptedError) Error() string { return e.message }

// explanation is an error as it is said to the caller.
type explanation struct {
	kind, message string
	code          int
	// usage says that the command's own help may help.
	usage bool
	// try is a command that helps; empty where none does, or the message names it.
	try string
}

// explain says what an error means to the caller.
func explain(err error) explanation {
	var usage *usageError
	var outcome *outcomeError
	var interrupted *interruptedError
	var failure *client.Failure
	var unreachable *temporalclient.UnreachableError
	switch {
	case errors.As(err, &usage):
		return explanation{kind: workflows.TypeInvalidInput, message: usage.message, code: ExitUsage, usage: !usage.elsewhere}
	case errors.As(err, &outcome):
		return explanation{code: ExitCode(outcome.word)}
	case errors.As(err, &interrupted):
		return explanation{kind: workflows.TypeInterrupted, message: interrupted.message, code: ExitInterrupted}
	case errors.As(err, &failure):
		return explanation{kind: failure.Type, message: failure.Error(), code: ExitCode(failure.Type), try: helpful(failure)}
	case errors.As(err, &unreachable), turnedAway(err):
		return explanation{kind: workflows.TypeTemporalUnavailable, message: err.Error(), code: ExitUnreachable}
	default:
		return explanation{kind: workflows.TypeInternal, message: err.Error(), code: ExitFault}
	}
}

// helpful is the command that helps with a failure.
func helpful(failure *client.Failure) string {
	if strings.Contains(failure.Message, "latchkey ") {
		return "" // It says so itself.
	}
	return commands[failure.Type]
}

// inTheWay adds to a request that another run is in the way of how to look at that one.
func inTheWay(err error, command string) error {
	var failure *client.Failure
	if !errors.As(err, &failure) || failure.Type != workflows.TypeAlreadyRunning {
		return err
	}
	told := *failure
	told.Message += "; look at it with: " + command + " " + told.WorkflowID
	return &told
}

// turnedAway reports whether Temporal itself did not answer or would not.
func turnedAway(err error) bool {
	var answer serviceerror.ServiceError
	return errors.As(err, &answer) || errors.Is(err, context.DeadlineExceeded)
}

// isFinal reports whether an error tells more than that the command was interrupted.
func isFinal(err error) bool {
	var failure *client.Failure
	var outcome *outcomeError
	var usage *usageError
	var interrupted *interruptedError
	return errors.As(err, &failure) || errors.As(err, &outcome) || errors.As(err, &usage) || errors.As(err, &interrupted)
}
