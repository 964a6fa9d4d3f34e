package temporalclient

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// reread is more than it takes until a changed keyset is noticed.
const reread = 20 * rereadEvery

// keysetFile is a file with the content.
func keysetFile(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func newKeyset(t testing.TB) []byte {
	t.Helper()
	content, err := CreateKeyset()
	require.NoError(t, err)
	return content
}

func open(t testing.TB, content []byte) *Keys {
	t.Helper()
	keys, err := OpenKeys(keysetFile(t, content))
	require.NoError(t, err)
	return keys
}

func reader(keys *Keys, namespace string) converter.DataConverter {
	data, _ := Encrypted(keys, namespace)
	return data
}

// TestEncryptedRoundTrips: whatever is written is read back by whoever has the key, and shows
// to nobody else.
func TestEncryptedRoundTrips(t *testing.T) {
	t.Parallel()
	data := reader(open(t, newKeyset(t)), "identity")
	rapid.Check(t, func(t *rapid.T) {
		text := canary + strings.Repeat(rapid.String().Draw(t, "text"), rapid.IntRange(0, 500).Draw(t, "times"))
		payloads, err := data.ToPayloads(text, map[string]string{"a": text}, []byte(text), nil)
		require.NoError(t, err)
		for _, payload := range payloads.GetPayloads() {
			written, err := proto.Marshal(payload)
			require.NoError(t, err)
			require.NotContains(t, string(written), canary)
		}
		var read string
		var object map[string]string
		var raw []byte
		var nothing *string
		require.NoError(t, data.FromPayloads(payloads, &read, &object, &raw, &nothing))
		require.Equal(t, text, read)
		require.Equal(t, text, object["a"])
		require.Equal(t, text, string(raw))
		require.Nil(t, nothing)

		altered := proto.CloneOf(payloads.GetPayloads()[0])
		altered.Data[rapid.IntRange(0, len(altered.GetData())-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		var missing *KeyError
		require.ErrorAs(t, data.FromPayload(altered, &read), &missing)
	})
}

func TestCompressedFirst(t *testing.T) {
	t.Parallel()
	payload, err := reader(open(t, newKeyset(t)), "identity").ToPayload(strings.Repeat(`{"firstname":"x"},`, 1000))
	require.NoError(t, err)
	require.Less(t, len(payload.GetData()), 2000)
	_, err = decompress([]byte{2})
	require.ErrorContains(t, err, "newer")
	_, err = decompress([]byte{deflated, 1, 2, 3})
	require.Error(t, err)
	_, err = decompress(nil)
	require.Error(t, err)
}

// TestWhoReads: old keys go on reading, other namespaces and other keys do not, and each says why.
func TestWhoReads(t *testing.T) {
	t.Parallel()
	old := newKeyset(t)
	added, id, err := AddKey(old)
	require.NoError(t, err)
	rotated, err := MakePrimary(added, id)
	require.NoError(t, err)
	listed, err := ListKeys(rotated)
	require.NoError(t, err)
	require.Len(t, listed, 2)
	require.Equal(t, Key{ID: id, Primary: true, Enabled: true}, listed[1])
	first := listed[0].ID
	retired, err := RemoveKey(rotated, first)
	require.NoError(t, err)
	_, err = RemoveKey(rotated, id)
	require.Error(t, err, "the primary one stays")
	none, err := OpenKeys("")
	require.NoError(t, err)

	plain, err := DataConverter.ToPayload("plain")
	require.NoError(t, err)
	written, err := reader(open(t, old), "identity").ToPayload("by the old key")
	require.NoError(t, err)
	anew, err := reader(open(t, rotated), "identity").ToPayload("by the new key")
	require.NoError(t, err)
	added2, err := reader(open(t, added), "identity").ToPayload("by the old key still")
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(first), string(written.GetMetadata()[keyIDMetadata]))
	require.Equal(t, fmt.Sprint(first), string(added2.GetMetadata()[keyIDMetadata]))
	require.Equal(t, fmt.Sprint(id), string(anew.GetMetadata()[keyIDMetadata]))

	for name, test := range map[string]struct {
		keys      *Keys
		namespace string
		payload   *commonpb.Payload
		want      string // the reason; empty where it is read
	}{
		"what is plain":           {open(t, old), "identity", plain, ""},
		"plain without keys":      {none, "identity", plain, ""},
		"after a rotation":        {open(t, rotated), "identity", written, ""},
		"before it was primary":   {open(t, added), "identity", anew, ""},
		"the new key":             {open(t, rotated), "identity", anew, ""},
		"retired":                 {open(t, retired), "identity", written, "is not in the keyset"},
		"before it was there":     {open(t, old), "identity", anew, "is not in the keyset"},
		"another's keyset":        {open(t, newKeyset(t)), "identity", written, "is not in the keyset"},
		"of another namespace":    {open(t, old), "other", written, "does not open this"},
		"without keys":            {none, "identity", written, "is not set"},
		"another key of its name": {open(t, renamed(t, first)), "identity", written, "does not open this"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var read string
			err := reader(test.keys, test.namespace).FromPayload(test.payload, &read)
			inWorkflow := func() {
				_ = encrypting{reader(test.keys, test.namespace)}.WithWorkflowContext(nil).FromPayload(test.payload, &read)
			}
			if test.want == "" {
				require.NoError(t, err)
				require.NotPanics(t, inWorkflow)
				return
			}
			var missing *KeyError
			require.ErrorAs(t, err, &missing)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, KeysetVariable)
			require.PanicsWithError(t, err.Error(), inWorkflow)
			require.EqualValues(t, 2, test.keys.Failed())
			require.Equal(t, err, test.keys.Fault())
		})
	}
}

// renamed is a keyset whose key has that ID.
func renamed(t *testing.T, id uint32) []byte {
	t.Helper()
	content := newKeyset(t)
	keys, err := ListKeys(content)
	require.NoError(t, err)
	return []byte(strings.ReplaceAll(string(content), fmt.Sprint(keys[0].ID), fmt.Sprint(id)))
}

// TestKeysAreReadAgain: keys change with their file, and stay while it cannot be used.
func TestKeysAreReadAgain(t *testing.T) {
	t.Parallel()
	old := newKeyset(t)
	path := keysetFile(t, old)
	keys, err := OpenKeys(path)
	require.NoError(t, err)
	written, err := reader(keys, "identity").ToPayload("old")
	require.NoError(t, err)
	reads := func(keyset []byte) func() bool {
		other, err := reader(open(t, keyset), "identity").ToPayload("new")
		require.NoError(t, err)
		return func() bool {
			var read string
			return reader(keys, "identity").FromPayload(other, &read) == nil
		}
	}
	var read string
	for _, broken := range []string{"", "{", `{"primaryKeyId":1,"key":[{"keyData":{"value":"` + canary + `"}}]}`} {
		require.NoError(t, os.WriteFile(path, []byte(broken), 0o600))
		require.Eventually(t, func() bool { return keys.Fault() != nil }, reread, 10*time.Millisecond)
		require.ErrorContains(t, keys.Fault(), "docs/encryption.md")
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", keys.Fault(), keys, keys), canary)
		require.NoError(t, reader(keys, "identity").FromPayload(written, &read))
	}
	added, id, err := AddKey(old)
	require.NoError(t, err)
	rotated, err := MakePrimary(added, id)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, rotated, 0o600))
	require.Eventually(t, reads(rotated), reread, 10*time.Millisecond)
	require.NoError(t, reader(keys, "identity").FromPayload(written, &read))
	require.NoError(t, os.Remove(path))
	require.Eventually(t, func() bool { return errors.Is(keys.Fault(), os.ErrNotExist) }, reread, 10*time.Millisecond)
	require.NoError(t, reader(keys, "identity").FromPayload(written, &read))
}

func TestRefusesKeysets(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"nothing": "", "no JSON": "x" + canary, "no key": `{"primaryKeyId":1,"key":[]}`,
		"no prefix": strings.Replace(string(newKeyset(t)), "TINK", "RAW", 1),
		"too large": strings.Repeat(canary, maxKeyset/len(canary)+1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := OpenKeys(keysetFile(t, []byte(content)))
			require.ErrorContains(t, err, KeysetVariable)
			require.NotContains(t, err.Error(), canary)
		})
	}
	_, err := OpenKeys(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = ListKeys([]byte("{"))
	require.ErrorIs(t, err, errNoKeyset)
}

// TestFailures: what a failure says is read by whoever has the key; without it the failure
// says which key it takes, and only that is ever in the clear.
func TestFailures(t *testing.T) {
	t.Parallel()
	keys := open(t, newKeyset(t))
	none, err := OpenKeys("")
	require.NoError(t, err)
	data, failures := Encrypted(keys, "identity")
	cause := temporal.NewApplicationErrorWithOptions(canary, "Cause", temporal.ApplicationErrorOptions{Details: []any{canary}, NonRetryable: true})
	failed := fmt.Errorf("%s: %w", canary, cause)
	failure := failures.ErrorToFailure(failed)
	written, err := proto.Marshal(failure)
	require.NoError(t, err)
	require.NotContains(t, string(written), canary)

	again := failures.ErrorToFailure(failures.FailureToError(proto.CloneOf(failure)))
	require.True(t, proto.Equal(failure, again), "a failure that is passed on stays as it is")
	require.ErrorContains(t, failures.FailureToError(proto.CloneOf(failure)), canary)

	blind, blindFailures := Encrypted(none, "identity")
	read := blindFailures.FailureToError(proto.CloneOf(failure))
	require.ErrorContains(t, read, "is needed to read this, and "+KeysetVariable+" is not set")
	var application *temporal.ApplicationError
	require.ErrorAs(t, errors.Unwrap(read), &application)
	var missing *KeyError
	var detail string
	require.ErrorAs(t, application.Details(&detail), &missing)
	require.Panics(t, func() { _ = servingFailures(none, blind).FailureToError(proto.CloneOf(failure)) })

	told := failures.ErrorToFailure(fmt.Errorf("decode "+canary+": %w", missing))
	require.Equal(t, missing.Error(), told.GetMessage(), "the key is in the clear, and nothing else")
	require.ErrorContains(t, failures.FailureToError(told), "decode "+canary)

	var inClear string
	unencrypted := blindFailures.ErrorToFailure(cause)
	require.ErrorAs(t, failures.FailureToError(unencrypted), &application)
	require.NoError(t, application.Details(&inClear))
	require.Equal(t, canary, inClear)
	require.NoError(t, data.FromPayload(nil, nil))
}
