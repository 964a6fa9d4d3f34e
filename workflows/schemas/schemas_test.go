package schemas_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/workflows"
	"github.com/latchkey-iam/latchkey/workflows/schemas"
)

// TestRecorded holds what runs were given and what they gave, as Temporal stores it, against
// the schemas: results as well as what the failures of runs say was done so far.
func TestRecorded(t *testing.T) {
	t.Parallel()
	inputs := map[string]*jsonschema.Schema{workflows.UnlockUserName: compiled(t, schemas.Input), workflows.UnlockLockedUsersName: compiled(t, schemas.BulkInput)}
	results := map[string]*jsonschema.Schema{workflows.UnlockUserName: compiled(t, schemas.Result), workflows.UnlockLockedUsersName: compiled(t, schemas.BulkResult)}
	files, err := filepath.Glob("../*/testdata/histories/*.json.gz")
	require.NoError(t, err)
	held := map[string]int{}
	for _, file := range files {
		events := recorded(t, file).GetEvents()
		begin := events[0].GetWorkflowExecutionStartedEventAttributes()
		kind := begin.GetWorkflowType().GetName()
		end := events[len(events)-1]
		completed, failed := end.GetWorkflowExecutionCompletedEventAttributes(), end.GetWorkflowExecutionFailedEventAttributes()
		if inputs[kind] == nil {
			continue
		}
		if completed != nil && begin.GetContinuedExecutionRunId() == "" {
			requireValid(t, inputs[kind], begin.GetInput(), file)
			held["input of "+kind]++
		}
		if completed != nil {
			requireValid(t, results[kind], completed.GetResult(), file)
			held["result of "+kind]++
		}
		if details := failed.GetFailure().GetApplicationFailureInfo().GetDetails(); len(details.GetPayloads()) > 0 {
			requireValid(t, results[kind], details, file)
			held["details of "+kind]++
		}
	}
	for _, what := range []string{"input", "result", "details"} {
		require.NotZero(t, held[what+" of "+workflows.UnlockUserName], held)
	}
	require.NotZero(t, held["input of "+workflows.UnlockLockedUsersName], held)
	require.NotZero(t, held["result of "+workflows.UnlockLockedUsersName], held)
}

// TestWrong: the schemas refuse what is none.
func TestWrong(t *testing.T) {
	t.Parallel()
	for text, schema := range map[string][]byte{
		`{"connection":"jc-prod"}`:                                   schemas.Input,
		`{"connection":"jc-prod","userId":"1","username":"ada"}`:     schemas.Input,
		`{"connection":"jc-prod","userId":"1","timeout":"soon"}`:     schemas.Input,
		`{"connection":"jc-prod","userId":"1","requestedFor":"ada"}`: schemas.Input,
		`{"outcome":"done"}`:                                         schemas.Result,
		`{"outcome":"unlocked","before":{"locks":null}}`:             schemas.Result,
		`{"outcome":"unlocked","finishedAt":null}`:                   schemas.Result,
		`{"connection":"jc-prod","users":[]}`:                        schemas.BulkInput,
		`{"onlyReason":["admin"]}`:                                   schemas.Policy,
		`{"failures":null}`:                                          schemas.BulkResult,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err)
		require.Error(t, compiled(t, schema).Validate(value), text)
	}
}

func requireValid(t *testing.T, schema *jsonschema.Schema, payloads *commonpb.Payloads, file string) {
	t.Helper()
	for _, payload := range payloads.GetPayloads() {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload.GetData()))
		require.NoError(t, err, file)
		require.NoError(t, schema.Validate(value), "%s: %s", file, payload.GetData())
	}
}

func compiled(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("schema.json", value))
	schema, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	return schema
}

func recorded(t *testing.T, name string) *historypb.History {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	unpacked, err := gzip.NewReader(file)
	require.NoError(t, err)
	history, err := client.HistoryFromJSON(unpacked, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return history
}
