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

// The exit codes.
const (
	// ExitOK: unlocked, already unlocked, would unlock; or what was asked for was shown.
	ExitOK = 0
	// ExitFault: a fault of Latchkey's own.
	ExitFault = 1
	// ExitUsage: a wrong command line, input or configuration.
	ExitUsage = 2
	// ExitRefused: the guard or the connection's rules said no, or a bulk run did nothing more.
	ExitRefused = 3
	// ExitLocked: the account, or one of many, is locked still or again.
	ExitLocked = 4
	// ExitNoSuchUser: no user, more than one, or no such workflow or schedule.
	ExitNoSuchUser = 5
	// ExitUnreachable: the provider, Temporal or a worker could not or would not do it.
	ExitUnreachable = 6
	// ExitOtherwise: ended from outside, or another run is in the way.
	ExitOtherwise = 7
	// ExitInterrupted: the command was interrupted, and the unlock goes on.
	ExitInterrupted = 130
)

// The types of failures that only the command line knows.
const (
	// TypeTemporalUnavailable: Temporal cannot be reached or turns the request away.
	TypeTemporalUnavailable = "TemporalUnavailable"
	// TypeInterrupted: the command was interrupted.
	TypeInterrupted = "Interrupted"
	// TypeScheduleExists: the schedule that was to be created is there already.
	TypeScheduleExists = "ScheduleExists"
)

// exitCodes maps each outcome and each type of failure; the help topic shows it.
var exitCodes = []struct {
	code    int
	meaning string
	words   []string
}{
	{ExitOK, "the account is unlocked, or would be (dry run); of many, each was, or the policy left it out", []string{
		string(workflows.Unlocked), string(workflows.AlreadyUnlocked), string(workflows.WouldUnlock),
		string(workflows.Completed), string(workflows.LimitReached)}},
	{ExitFault, "a fault of Latchkey's own", []string{workflows.TypeInternal}},
	{ExitUsage, "a wrong command line, input or configuration", []string{workflows.TypeInvalidInput, client.TypeNotSetUp}},
	{ExitRefused, "the guard, the connection's rules or an approver said no; a run over many users was held or aborted", []string{
		string(workflows.Refused), string(workflows.Denied), string(workflows.ApprovalExpired), string(workflows.Held), string(workflows.Aborted)}},
	{ExitLocked, "the account is locked still, in part, or again; of many, at least one is, or its unlock failed", []string{
		string(workflows.PartiallyUnlocked), workflows.TypeStillLocked, string(workflows.Relocked), string(workflows.FailedUser)}},
	{ExitNoSuchUser, "no such user, more than one, or no such workflow or schedule", []string{
		string(connectors.NotFound), string(connectors.Ambiguous)}},
	{ExitUnreachable, "the provider, Temporal or a worker could not or would not do it", []string{
		string(connectors.Unavailable), string(connectors.RateLimited), string(connectors.Unauthenticated),
		string(connectors.PermissionDenied), string(connectors.RejectedByProvider), string(connectors.Conflict),
		string(connectors.Untrusted), string(connectors.MalformedResponse), string(connectors.Unsupported), workflows.TypeNoWorker, TypeTemporalUnavailable}},
	{ExitOtherwise, "the run was ended from outside or will not do it, or another run or schedule is in the way", []string{
		client.TypeCancelled, client.TypeTerminated, client.TypeTimedOut, workflows.TypeAlreadyRunning, client.TypeRejected,
		TypeScheduleExists}},
	{ExitInterrupted, "interrupted; an unlock that was started goes on", []string{TypeInterrupted}},
}

// ExitCode returns the exit code for an outcome or a type of failure. A word that is not
// known is a fault.
func ExitCode(word string) int {
	for _, entry := range exitCodes {
		for _, known := range entry.words {
			if known == word {
				return entry.code
			}
		}
	}
	return ExitFault
}

func exitCodesTopic() *cobra.Command {
	var long strings.Builder
	long.WriteString("The exit codes of latchkey, and the outcomes and types of failures behind each:\n")
	for _, entry := range exitCodes {
		fmt.Fprintf(&long, "\n  %3d  %s\n       %s\n", entry.code, entry.meaning, strings.Join(entry.words, ", "))
	}
	long.WriteString("\nlatchkey unlock --detach exits with 0 once the run is started. latchkey status exits with 0\n" +
		"while the run goes on, and as latchkey unlock would have once it is closed. latchkey bulk status\n" +
		"does the same for runs over many users. Of these, users whom the policy left out, who were\n" +
		"unlocked already or whose unlock was open already count as done with.\n")
	return &cobra.Command{Use: "exit-codes", Short: "What each exit code means", Long: long.String()}
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
		return explanation{kind: TypeInterrupted, message: interrupted.message, code: ExitInterrupted}
	case errors.As(err, &failure):
		return explanation{kind: failure.Type, message: failure.Error(), code: ExitCode(failure.Type)}
	case errors.As(err, &unreachable), turnedAway(err):
		return explanation{kind: TypeTemporalUnavailable, message: err.Error(), code: ExitUnreachable}
	default:
		return explanation{kind: workflows.TypeInternal, message: err.Error(), code: ExitFault}
	}
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
