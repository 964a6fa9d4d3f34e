package temporalclient

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"pgregory.net/rapid"
)

// TestConverter: a user's object takes as many bytes in Temporal as it came in, whatever it
// holds, and what one of the converters wrote, ours or the SDK's, the other reads.
func TestConverter(t *testing.T) {
	t.Parallel()
	type account struct {
		Name string          `json:"name"`
		User json.RawMessage `json:"user"`
	}
	theirs := converter.GetDefaultDataConverter()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("&<>")))).Draw(t, "text")
		name, err := json.Marshal(text)
		require.NoError(t, err)
		// As a provider may send it: nothing is escaped that need not be.
		in := account{Name: "x", User: json.RawMessage(`{"a":"` + rapid.StringOf(rapid.RuneFrom([]rune("&<>éx \U0001f512"))).Draw(t, "user") + `","b":` + string(name) + `}`)}
		ours, err := DataConverter.ToPayload(in)
		require.NoError(t, err)
		require.Len(t, ours.GetData(), len(`{"name":"x","user":}`)+len(in.User))
		escaped, err := theirs.ToPayload(in)
		require.NoError(t, err)
		require.Equal(t, escaped.GetMetadata(), ours.GetMetadata())
		for _, read := range []struct {
			with converter.DataConverter
			data *commonpb.Payload
		}{{theirs, ours}, {DataConverter, escaped}, {DataConverter, ours}} {
			var out account
			require.NoError(t, read.with.FromPayload(read.data, &out))
			require.Equal(t, in.Name, out.Name)
			require.JSONEq(t, string(in.User), string(out.User))
		}
	})
}

// TestOtherValues: all else is written as the SDK does.
func TestOtherValues(t *testing.T) {
	t.Parallel()
	theirs := converter.GetDefaultDataConverter()
	for name, value := range map[string]any{"nil": nil, "bytes": []byte("x"), "a message": &commonpb.WorkflowType{Name: "x"}, "a number": 7, "a map": map[string]int{"b": 1, "a": 2}} {
		want, err := theirs.ToPayload(value)
		require.NoError(t, err, name)
		got, err := DataConverter.ToPayload(value)
		require.NoError(t, err, name)
		require.Equal(t, want.GetMetadata(), got.GetMetadata(), name)
		require.Equal(t, string(want.GetData()), string(got.GetData()), name)
	}
	_, err := DataConverter.ToPayload(func() {})
	require.ErrorIs(t, err, converter.ErrUnableToEncode)
}
