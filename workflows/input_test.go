package workflows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// decent is the beginning of an input to which a test adds.
const decent = `"connection":"jc-prod","email":"jane.doe@example.org"`

func TestParseInput(t *testing.T) {
	t.Parallel()
	in, err := workflows.ParseInput([]byte(`{"connection":"jc-prod","userId":"5F0C1A2B3C4D5E6F7A8B9C0D"}`))
	require.NoError(t, err)
	require.Equal(t, &workflows.Input{Connection: "jc-prod", UserID: "5F0C1A2B3C4D5E6F7A8B9C0D",
		Timeout: workflows.Duration(15 * time.Minute), Emit: workflows.EmitFull}, in)

	const full = `{"connection":"jc-prod","userId":"8376e0bc-4ef2-4e3a-9d6f-0c2f6f0f2b11","requestReason":"INC-4711","requestedBy":"soar",
		"guard":{"onlyReasons":["failed_sign_in"],"minLockedFor":"5m","maxLockedFor":"72h","excludePrivileged":true},
		"override":["suspended","disabled"],"evenIfUnlocked":true,"dryRun":true,"timeout":"1h","watchFor":"90s","emit":"summary","requestId":"soar:4711/1"}`
	in, err = workflows.ParseInput([]byte(full))
	require.NoError(t, err)
	require.Equal(t, workflows.Guard{OnlyReasons: []connectors.Reason{"failed_sign_in"}, MinLockedFor: workflows.Duration(5 * time.Minute),
		MaxLockedFor: workflows.Duration(72 * time.Hour), ExcludePrivileged: true}, in.Guard)
	require.Equal(t, 90*time.Second, in.WatchFor.Std())

	data, err := json.Marshal(in)
	require.NoError(t, err)
	again, err := workflows.ParseInput(data)
	require.NoError(t, err)
	require.Equal(t, in, again, "what a Go caller sends is what arrives")

	for name, absent := range map[string]string{
		"nulls": `{` + decent + `,"userId":null,"guard":null,"timeout":null,"override":null,"emit":null,"dryRun":null}`,
		"empty": `{` + decent + `,"userId":"","guard":{},"timeout":"","override":[],"emit":"","watchFor":"0s","requestId":""}`,
	} {
		in, err := workflows.ParseInput([]byte(absent))
		require.NoError(t, err, name)
		require.Equal(t, workflows.DefaultTimeout, in.Timeout.Std())
	}
}

// TestWrongInputs: each error names the field and says what would be right, and none
// repeats a value that may be personal.
func TestWrongInputs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ input, want string }{
		"nothing":             {"", "not one valid JSON object"},
		"null":                {"null", "connection is missing"},
		"an array":            {`["jane.doe"]`, "must be one JSON object"},
		"a string":            {`"jane.doe"`, "must be one JSON object"},
		"a number":            {"1", "must be one JSON object"},
		"half":                {`{"email":"jane.doe@example.org"`, "not one valid JSON object"},
		"two objects":         {`{` + decent + `}{}`, "not one valid JSON object"},
		"text behind":         {`{` + decent + `} jane.doe`, "not one valid JSON object"},
		"no reference":        {`{"connection":"x"}`, "exactly one of userId, username and email; 0 were given"},
		"two references":      {`{` + decent + `,"username":"jane.doe"}`, "exactly one of userId, username and email; 2 were given"},
		"three references":    {`{` + decent + `,"username":"jane.doe","userId":"x"}`, "3 were given"},
		"no connection":       {`{"email":"jane.doe@example.org"}`, "connection is missing"},
		"a wrong connection":  {`{"connection":"Jane.Doe","email":"jane.doe@example.org"}`, "connection must be 1 to 63"},
		"a connection path":   {`{"connection":"a/b","email":"jane.doe@example.org"}`, "connection must be"},
		"a bad id":            {`{"connection":"x","userId":"jane.doe@example.org"}`, "userId must be the provider's own identifier"},
		"a bad email":         {`{"connection":"x","email":"jane.doe@example.org\n"}`, "email begins or ends with white space"},
		"unknown field":       {`{` + decent + `,"emial":"jane.doe"}`, `emial is no field: did you mean "email"?`},
		"unknown case":        {`{` + decent + `,"UserID":"jane.doe"}`, `UserID is no field: did you mean "userId"?`},
		"unknown and foreign": {`{` + decent + `,"colour":"jane.doe"}`, `colour is no field: the fields are connection, userId`},
		"unknown nested":      {`{` + decent + `,"guard":{"onlyReason":["admin"]}}`, `guard.onlyReason is no field: did you mean "onlyReasons"?`},
		"nested, foreign":     {`{` + decent + `,"guard":{"email":1}}`, `guard.email is no field: the fields are onlyReasons, minLockedFor`},
		"an address as field": {`{` + decent + `,"jane.doe@example.org":true}`, "holds a field that is not known, and not shown: the fields are connection"},
		"a name as field":     {`{` + decent + `,"jane.doe":true}`, "holds a field that is not known, and not shown: the fields are connection"},
		"a token as field":    {`{` + decent + `,"jca_9f8e7d":true}`, "holds a field that is not known, and not shown: the fields are connection"},
		"a huge field":        {`{` + decent + `,"` + strings.Repeat("a", 1<<20) + `":true}`, "holds a field that is not known, and not shown: the fields are connection"},
		"given twice":         {`{` + decent + `,"email":"jane.doe@example.com"}`, "gives one field twice"},
		"nested twice":        {`{` + decent + `,"guard":{"minLockedFor":"1m","minLockedFor":"2m"}}`, "gives one field twice"},
		"text for bool":       {`{` + decent + `,"dryRun":"jane.doe"}`, "dryRun has the wrong type: it must be true or false"},
		"number for text":     {`{` + decent + `,"requestReason":4711}`, "requestReason has the wrong type: it must be a string"},
		"number for email":    {`{"connection":"x","email":1}`, "email has the wrong type"},
		"text for list":       {`{` + decent + `,"override":"suspended"}`, "override has the wrong type: it must be an array of strings"},
		"number in a list":    {`{` + decent + `,"override":[1]}`, "override.0 has the wrong type: it must be a string"},
		"text for object":     {`{` + decent + `,"guard":"jane.doe"}`, "guard has the wrong type: it must be an object"},
		"number for duration": {`{` + decent + `,"timeout":900}`, `timeout must be a duration such as`},
		"no duration":         {`{` + decent + `,"timeout":"jane.doe"}`, `timeout must be a duration such as`},
		"a negative duration": {`{` + decent + `,"watchFor":"-1s"}`, `watchFor must be a duration such as`},
		"nested duration":     {`{` + decent + `,"guard":{"minLockedFor":"jane.doe"}}`, `guard.minLockedFor must be a duration such as`},
		"timeout too short":   {`{` + decent + `,"timeout":"10ms"}`, "timeout must be between 1s and 720h"},
		"timeout too long":    {`{` + decent + `,"timeout":"721h"}`, "timeout must be between 1s and 720h"},
		"watch too long":      {`{` + decent + `,"watchFor":"721h"}`, "watchFor must be between 0s and 720h"},
		"bounds crossed":      {`{` + decent + `,"guard":{"minLockedFor":"2h","maxLockedFor":"1h"}}`, "guard.minLockedFor is longer than the age that a lock may have at most"},
		"unknown reason":      {`{` + decent + `,"guard":{"onlyReasons":["jane.doe"]}}`, "guard.onlyReasons holds an unknown word: use failed_sign_in"},
		"unknown override":    {`{` + decent + `,"override":["jane.doe"]}`, `override holds an unknown word: use "suspended" and "disabled"`},
		"unknown emit":        {`{` + decent + `,"emit":"jane.doe"}`, `emit must be "full" or "summary"`},
		"requestId":           {`{` + decent + `,"requestId":"jane.doe@example.org"}`, "requestId must be 1 to 200 letters"},
		"requestId too long":  {`{` + decent + `,"requestId":"` + strings.Repeat("a", 201) + `"}`, "requestId must be"},
		"another's unlock":    {`{` + decent + `,"requestId":"unlock/jc-prod/5f0c1a2b3c4d5e6f7a8b9c0d"}`, "requestId begins like the IDs of Latchkey's own runs"},
		"in capitals":         {`{` + decent + `,"requestId":"UNLOCK/jc-prod/5f0c1a2b3c4d5e6f7a8b9c0d"}`, "requestId begins like"},
		"a schedule's":        {`{` + decent + `,"requestId":"temporal-sys-scheduler:unlock-locked/jc-prod"}`, "requestId begins like"},
		"requestId, newline":  {`{` + decent + `,"requestId":"INC-4711\n"}`, "requestId must be 1 to 200 letters"},
		"an unseen requester": {`{` + decent + `,"requestedBy":"so\u00adar"}`, "requestedBy holds a control character, or one that cannot be seen"},
		"a requester's line":  {`{` + decent + `,"requestedBy":"soar\nboss"}`, "requestedBy holds a control character"},
		"an unseen approver":  {`{` + decent + `,"requestedBy":"soar","approval":{"required":true,"approvers":["bo\u200bss"]}}`, "approval.approvers holds a control character"},
		"approvers alone":     {`{` + decent + `,"requestedBy":"soar","approval":{"approvers":["boss"]}}`, "approval.approvers demands no approval by itself"},
		"a wait alone":        {`{` + decent + `,"requestedBy":"soar","approval":{"timeout":"1h"}}`, "approval.timeout demands no approval by itself: require one too"},
		"no approvers":        {`{` + decent + `,"requestedBy":"soar","approval":{"required":true,"approvers":[]}}`, "approval.approvers is empty"},
		"nobody asks":         {`{` + decent + `,"approval":{"required":true}}`, "requestedBy is missing: an approval is needed"},
		"a blank asks":        {`{` + decent + `,"requestedBy":"  ","approval":{"required":true}}`, "requestedBy is missing"},
		"nobody included":     {`{` + decent + `,"guard":{"include":[]}}`, "guard.include is empty, and would include everybody"},
		"reason too long":     {`{` + decent + `,"requestReason":"` + strings.Repeat("a", 1025) + `"}`, "requestReason is longer than 1024 bytes"},
		"invalid UTF-8":       {`{"connection":"x","email":"jane.doe` + "\xff" + `"}`, "not one valid JSON object"},
		"a lone surrogate":    {`{"connection":"x","email":"jane.doe\ud800"}`, "not one valid JSON object"},
		"very deep":           {strings.Repeat(`{"guard":`, 20_000), "guard.guard is no field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := workflows.ParseInput([]byte(test.input))
			require.Nil(t, in)
			require.ErrorContains(t, err, test.want)
			require.Less(t, len(err.Error()), 1000)
			require.NotEmpty(t, workflows.Faults(err))
			for _, fault := range workflows.Faults(err) {
				requireFault(t, fault, test.input)
			}
			for _, personal := range latchkeytest.Personal() {
				require.NotContains(t, strings.ToLower(err.Error()), strings.ToLower(personal))
			}
		})
	}
}

// requireFault: a fault names a field of the input, or one that was given and is none, and its
// message reads on from the name.
func requireFault(t *testing.T, fault workflows.Fault, input string) {
	t.Helper()
	require.NotEmpty(t, fault.Message)
	require.Equal(t, strings.TrimPrefix(fault.Field+" "+fault.Message, " "), fault.Error())
	at := reflect.TypeFor[workflows.Input]()
	for _, name := range strings.Split(fault.Field, ".") {
		if fault.Field == "" || strings.Trim(name, "0123456789") == "" {
			continue
		}
		found := false
		for i := range at.NumField() {
			if tag, _, _ := strings.Cut(at.Field(i).Tag.Get("json"), ","); tag == name {
				at, found = at.Field(i).Type, true
				break
			}
		}
		if !found {
			require.Contains(t, fault.Message, "is no field")
			require.Contains(t, input, `"`+name+`"`)
		}
	}
}

// TestFaults: what is wrong is told field by field, however the error was wrapped.
func TestFaults(t *testing.T) {
	t.Parallel()
	single := workflows.Input{Connection: "X", Username: "a", Email: "b", Emit: "x", Approval: workflows.Approval{Approvers: []string{""}},
		Guard: workflows.Guard{MinLockedFor: -1, MaxLockedFor: -1, Include: []string{}}}
	many := workflows.BulkInput{Connection: "x", Users: []connectors.UserRef{{Username: "a"}, {Email: " b"}, {}}, Timeout: workflows.Duration(time.Millisecond),
		Policy: workflows.Policy{Concurrency: -1, Include: []string{}}}
	_, unknown := workflows.ParsePolicy([]byte(`{"hold":{"abov":1}}`))
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"none":      {nil, nil},
		"single":    {single.Normalise(), []string{"connection", "", "guard.include", "guard.minLockedFor", "guard.maxLockedFor", "emit", "approval.approvers", "approval.approvers"}},
		"many":      {many.Normalise(), []string{"users[1].email", "users[2]", "policy.include", "policy.concurrency", "timeout"}},
		"given":     {(&workflows.BulkInput{Carried: &workflows.Carried{}}).ValidateStart(), []string{"carried"}},
		"unknown":   {unknown, []string{"hold.abov"}},
		"wrapped":   {fmt.Errorf("ask: %w", errors.Join(errors.New("else"), workflows.ValidateConnection("X"))), []string{"", "connection"}},
		"of no one": {errors.New("else"), []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var fields []string
			for _, fault := range workflows.Faults(test.err) {
				fields = append(fields, fault.Field)
				require.NotContains(t, fault.Message, "policy.", "a message names no other field by its path")
				require.NotContains(t, fault.Message, "guard.")
				require.NotContains(t, fault.Message, "approval.")
			}
			require.ElementsMatch(t, test.want, fields, test.err)
		})
	}
}

// TestAllFaultsAtOnce: a caller need not find them one by one.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := workflows.ParseInput([]byte(`{"connection":"X","emit":"x","requestId":" ","timeout":"1ms"}`))
	for _, field := range []string{"connection", "userId", "emit", "requestId", "timeout"} {
		require.ErrorContains(t, err, field)
	}
}

func TestDecodeInput(t *testing.T) {
	t.Parallel()
	payload := func(encoding, data string) converter.RawValue {
		return converter.NewRawValue(&commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, Data: []byte(data)})
	}
	in, err := workflows.DecodeInput(payload("json/plain", `{`+decent+`}`))
	require.NoError(t, err)
	require.Equal(t, "jc-prod", in.Connection)
	for name, raw := range map[string]converter.RawValue{
		"none": {}, "no payload": converter.NewRawValue(nil), "empty": payload("json/plain", ""), "null": payload("binary/null", ""),
		"bytes": payload("binary/plain", `{`+decent+`}`), "protobuf": payload("json/protobuf", `{`+decent+`}`), "no encoding": payload("", `{`+decent+`}`),
	} {
		_, err := workflows.DecodeInput(raw)
		require.ErrorContains(t, err, "JSON object", name)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "jc-prod", "ping-eu-2", "0", strings.Repeat("a", 63)} {
		require.NoError(t, workflows.ValidateConnection(good))
	}
	for _, bad := range []string{"", "-a", "a-", "A", "a_b", "a.b", "a/b", "ä", "a\n", strings.Repeat("a", 64)} {
		require.Error(t, workflows.ValidateConnection(bad), bad)
	}
	require.Equal(t, "unlock/jc-prod/x", workflows.UnlockID("jc-prod", "x"))
	for _, own := range []string{workflows.UnlockID("a", "x"), workflows.BulkID("a", "x"), workflows.CheckID("a", "x"), workflows.ListID("a", "x")} {
		for _, id := range []string{own, strings.ToUpper(own)} {
			single := workflows.Input{Connection: "a", Username: "x", RequestID: id}
			require.ErrorContains(t, single.Normalise(), "requestId begins like", id)
			many := workflows.BulkInput{Connection: "a", RequestID: id}
			require.ErrorContains(t, many.Normalise(), "requestId begins like", id)
		}
	}
	require.Len(t, workflows.SearchAttributes(), 6)
}

func FuzzParseInput(f *testing.F) {
	for _, seed := range []string{`{` + decent + `}`, `{` + decent + `,"guard":{"minLockedFor":"1m"}}`, `{"a":1}`, `[]`, `{"override":[{}]}`, "\xff",
		`{"guard":{"a/b~c":1}}`, `{"timeout":1e400}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := workflows.ParseInput(data)
		if err != nil {
			require.Nil(t, in)
			require.NotEmpty(t, err.Error())
			return
		}
		require.NoError(t, in.Ref().Validate())
		require.NoError(t, workflows.ValidateConnection(in.Connection))
		encoded, err := json.Marshal(in)
		require.NoError(t, err)
		again, err := workflows.ParseInput(encoded)
		require.NoError(t, err)
		require.Equal(t, in.Ref(), again.Ref())
		require.Equal(t, in.Timeout, again.Timeout)
	})
}
