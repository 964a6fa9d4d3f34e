package workflows_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// texts are words of any type as texts.
func texts[W ~string](words ...W) []string {
	var all []string
	for _, word := range words {
		all = append(all, string(word))
	}
	return all
}

// TestCatalogueIsWhole: every word is there once, and nothing else is.
func TestCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	refusals := []string{}
	for _, code := range guard.Codes() {
		refusals = append(refusals, string(code.Code))
	}
	for vocabulary, want := range map[workflows.Vocabulary][]string{
		workflows.OfOutcomes:     texts(workflows.Outcomes()...),
		workflows.OfRefusals:     refusals,
		workflows.OfBulkOutcomes: texts(workflows.BulkOutcomes()...),
		workflows.OfDecisions:    texts(workflows.Skipped, workflows.FailedUser, workflows.OpenAlready, workflows.AwaitsApproval),
		workflows.OfSkips:        {workflows.CodeMaxPerUser, workflows.CodeMaxPerRun, workflows.CodeHeld, workflows.CodeAborted, "cancelled", workflows.CodeDuplicate},
		workflows.OfFailures:     append(texts(connectors.Kinds()...), workflows.TypeInvalidInput, workflows.TypeStillLocked, workflows.TypeNoWorker, workflows.TypeInternal),
		workflows.OfRequests: {workflows.TypeAlreadyRunning, workflows.TypeCancelled, workflows.TypeTerminated, workflows.TypeTimedOut, workflows.TypeRejected,
			workflows.TypeNotSetUp, workflows.TypeTemporalUnavailable, workflows.TypeScheduleExists, workflows.TypeInterrupted},
	} {
		var got []string
		for _, word := range workflows.Words(vocabulary) {
			got = append(got, word.Word)
		}
		require.ElementsMatch(t, want, got, vocabulary)
	}
	endings := map[string]bool{}
	for _, word := range workflows.Words(workflows.OfOutcomes, workflows.OfBulkOutcomes, workflows.OfDecisions, workflows.OfFailures, workflows.OfRequests) {
		require.False(t, endings[word.Word], "%s is in two vocabularies, and whoever asks cannot tell which is meant", word.Word)
		endings[word.Word] = true
		found, known := workflows.Ending(word.Word)
		require.True(t, known)
		require.Equal(t, word, found)
	}
	_, known := workflows.Ending("Teapot")
	require.False(t, known)
}

// TestEveryWordIsExplained: each says what it means, and what to do where something is wrong.
func TestEveryWordIsExplained(t *testing.T) {
	t.Parallel()
	classes := map[workflows.Class]int{}
	for _, class := range workflows.Classes() {
		classes[class.Class] = 0
		require.Equal(t, class, class.Class.Explain())
		require.NotEmpty(t, class.Meaning)
		require.Contains(t, []int{200, 202, 400, 403, 404, 409, 500, 502, 503}, class.HTTPStatus)
		require.Equal(t, class.Class == workflows.ClassDone, class.ExitCode == 0, class.Class)
	}
	require.Len(t, classes, len(workflows.Classes()), "a class is explained once")
	sentence := regexp.MustCompile("^[A-Z`].*[^.]\\.$")
	for _, word := range workflows.Catalogue() {
		require.Contains(t, classes, word.Class, word.Word)
		classes[word.Class]++
		require.Regexp(t, sentence, word.Meaning, word.Word)
		fails := word.Vocabulary == workflows.OfFailures || word.Vocabulary == workflows.OfRequests
		if word.Remedy != "" {
			require.Regexp(t, sentence, word.Remedy, word.Word)
		}
		require.False(t, fails && word.Remedy == "", word.Word)
		if fails {
			require.Contains(t, []workflows.Again{workflows.AgainNo, workflows.AgainTwice, workflows.AgainYes}, word.Again, word.Word)
		} else {
			require.Empty(t, word.Again, word.Word)
		}
	}
	for class, words := range classes {
		require.Positive(t, words, "%s has no word", class)
	}
	require.Equal(t, workflows.ClassInternal, workflows.Class("else").Explain().Class)
}
