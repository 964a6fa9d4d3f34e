package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
)

// wrongAnswers gives each step an answer of each other type, and each key of each answer, at every
// level, values of every other type, leaves it out, and writes it in capitals. What the true
// answer says of locks and of an administrator's decisions must then be there still, or unread,
// or the answer refused as malformed: never "no lock".
func wrongAnswers(t *testing.T, fresh newFixture) {
	eachStep(t, fresh, nil, func(t *testing.T, f *fixture, step Step) {
		for _, answer := range []string{"null", "[]", `"` + canary + `"`, "1", "true", "{}"} {
			f.relock(step) // another step of the action may have unlocked before
			got := f.under(step, answering(answer))
			f.requireOutcome(got, step, step.expectKind(connectors.MalformedResponse, connectors.Unknown), "%s", answer)
		}
		if !step.reads() {
			return
		}
		if _, one := f.HTTPHarness.(OneState); !one {
			f.Suspend(t, f.user)
			f.Disable(t, f.user)
		}
		truth, body := f.truth(step)
		f.wrongTypes(step, truth, valueOf(t, body))
	})
}

func valueOf(t testing.TB, body []byte) any {
	t.Helper()
	var answer any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&answer))
	return answer
}

func (f *fixture) wrongTypes(step Step, truth *connectors.Account, answer any) {
	f.t.Helper()
	tried := 0
	mutate(answer, nil, func(pointer, change string) (matters bool) {
		tried++
		encoded, err := json.Marshal(answer)
		require.NoError(f.t, err)
		// json.Marshal cannot write this number, which JSON allows.
		encoded = bytes.ReplaceAll(encoded, []byte(`"`+hugeNumber+`"`), []byte(hugeNumber))
		got := f.under(step, answering(string(encoded)))
		f.requireHeld(got, step, truth, pointer, change)
		return got.err != nil || truth == nil || !reflect.DeepEqual(stateOf(got, truth.ID), truth.State)
	})
	require.Positive(f.t, tried)
}

func stateOf(got outcome, id string) connectors.State {
	if account := got.account(id); account != nil {
		return account.State
	}
	return connectors.State{}
}

// requireHeld: nothing of what keeps the user out was lost.
func (f *fixture) requireHeld(got outcome, step Step, truth *connectors.Account, pointer, change string) {
	f.t.Helper()
	message := fmt.Sprintf("%s: %s %s", step, pointer, change)
	if got.err != nil {
		failure := failureOf(f.t, got.err)
		if step.Token && failure.Kind == connectors.Unauthenticated {
			return // it was taken for a token, and is none
		}
		require.Equal(f.t, connectors.MalformedResponse, failure.Kind, message)
		require.Equal(f.t, step.expectKind(failure.Kind, connectors.Unknown).sent, failure.Sent, message)
		return
	}
	if step.Action == Unlock {
		return
	}
	account := got.account(truth.ID)
	if account == nil && slices.ContainsFunc(step.LeavesOut, func(key string) bool { return strings.HasSuffix(pointer, key) }) {
		return
	}
	require.NotNil(f.t, account, message)
	for _, lock := range truth.State.Locks {
		held := slices.ContainsFunc(account.State.Locks, lock.SameLayerAndServer) ||
			slices.ContainsFunc(account.State.Unread, func(unread connectors.Unread) bool { return unread.Layer == lock.Layer })
		require.True(f.t, held, "%s: the lock of the %s is lost", message, lock.Layer)
	}
	require.Equal(f.t, truth.State.StillBlockedBy(), account.State.StillBlockedBy(), message)
	require.NotEqual(f.t, connectors.Yes, account.State.CanSignIn, message)
}

// hugeNumber is beyond any float.
const hugeNumber = "1e400"

// The values that are tried on every key, and those that are tried too where one of them,
// or its absence, makes a difference: there is a value of every type, and words that are
// not documented.
var (
	firstValues = []any{nil, "x", []any{}}
	moreValues  = []any{false, json.Number("0"), json.Number("-1"), hugeNumber, "", "false", []any{nil}, map[string]any{}}
)

// sameType: a value of the same type may say something else in good faith. No word is
// taken in good faith that is not documented, so strings are changed too.
func sameType(a, b any) bool {
	_, text := b.(string)
	return fmt.Sprintf("%T", a) == fmt.Sprintf("%T", b) && !text
}

// try reports whether a change makes a difference.
type try func(pointer, change string) (matters bool)

// mutate calls try for each change to a key of the value, at every level, and undoes it.
func mutate(value any, path []string, try try) {
	switch value := value.(type) {
	case []any:
		for i, element := range value {
			mutate(element, append(slices.Clone(path), strconv.Itoa(i)), try)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			mutateKey(value, key, append(slices.Clone(path), key), try)
		}
	}
}

func mutateKey(object map[string]any, key string, path []string, try try) {
	original, pointer := object[key], "/"+strings.Join(path, "/")
	delete(object, key)
	matters := try(pointer, "is left out")
	matters = tryValues(object, key, original, firstValues, pointer, try) || matters
	if matters {
		tryValues(object, key, original, moreValues, pointer, try)
		tryCapitals(object, key, original, pointer, try)
	}
	object[key] = original
	mutate(original, path, try)
}

func tryValues(object map[string]any, key string, original any, values []any, pointer string, try try) (matters bool) {
	for _, wrong := range values {
		if !sameType(original, wrong) {
			object[key] = wrong
			matters = try(pointer, fmt.Sprintf("is %#v", wrong)) || matters
		}
	}
	return matters
}

// tryCapitals: a key in capitals is another key, and must not be read in the other's place.
func tryCapitals(object map[string]any, key string, original any, pointer string, try try) {
	upper := strings.ToUpper(key)
	if upper == key {
		return
	}
	delete(object, key)
	object[upper] = opposite(original)
	try(pointer, "is left out, and stands in capitals")
	object[key] = original
	try(pointer, "stands in capitals too")
	delete(object, upper)
}

// opposite is what would lift the lock if it were read.
func opposite(value any) any {
	switch value := value.(type) {
	case bool:
		return !value
	case string:
		return "OK"
	default:
		return nil
	}
}
