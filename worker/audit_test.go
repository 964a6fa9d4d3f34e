package worker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/connectors"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
	"github.com/latchkey-iam/latchkey/workflows"
)

// TestAudit: each decision, and each attempt that may have sent something, gives one structured line, and nothing that is logged, at any
// level, holds a name, an address or a secret.
func TestAudit(t *testing.T) {
	t.Parallel()
	type line struct{ step, decision, code, sent string }
	for name, test := range map[string]struct {
		prepare func(s *site, id string) error
		// ceiling is reached by the unlock of another user before.
		ceiling int
		want    []line
	}{
		"unlocked": {prepare: func(s *site, id string) error { return s.tenant.LockByFailures(id) }, want: []line{
			{"unlock", "unlock", "", "yes"}, {"result", "unlocked", "", "yes"}}},
		"unlocked at the second attempt": {prepare: func(s *site, id string) error {
			s.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpUnlock, Times: 1, Kind: simulator.KindStatus, Status: 503})
			return s.tenant.LockByFailures(id)
		}, want: []line{{"unlock", "unlock", "", "unknown"}, {"unlock", "unlock", "", "yes"}, {"result", "unlocked", "", "yes"}}},
		"unlocked, and the answer was lost": {prepare: func(s *site, id string) error {
			s.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpUnlock, Times: 1, Kind: simulator.KindDrop, AfterEffect: true})
			return s.tenant.LockByFailures(id)
		}, want: []line{{"unlock", "unlock", "", "unknown"}, {"unlock", "already_unlocked", "", "unknown"}, {"result", "unlocked", "", "unknown"}}},
		"already unlocked": {prepare: func(*site, string) error { return nil }, want: []line{{"result", "already_unlocked", "", "no"}}},
		"refused after the look-up": {prepare: func(s *site, id string) error {
			if err := s.tenant.Suspend(id); err != nil {
				return err
			}
			return s.tenant.Lock(id)
		}, want: []line{{"result", "refused", "suspended", "no"}}},
		"refused at the last moment": {prepare: func(s *site, id string) error { return s.tenant.LockByFailures(id) }, ceiling: 1, want: []line{
			{"unlock", "refuse", "unlock_ceiling", "no"}, {"result", "refused", "unlock_ceiling", "no"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, keywords())
			id := s.tenant.MustCreateUser(map[string]any{"username": "jane.doe", "email": "jane.doe@" + domain, "displayname": "Jane Doe"})
			require.NoError(t, test.prepare(s, id))
			s.config.Connections[0].Rules.MaxUnlocksPerHour = test.ceiling
			stop := s.serve(s.config)
			if test.ceiling > 0 {
				s.unlock(workflows.Input{UserID: s.lockedUser("other")})
				s.logs.reset()
			}
			run := s.start(workflows.Input{Email: "jane.doe@" + domain, RequestedBy: "playbook 7", RequestReason: "INC-4711"})
			result, err := run.Result(t.Context())
			require.NoError(t, err)
			require.Equal(t, id, result.UserID)
			require.NoError(t, stop())

			var got []line
			for _, audit := range s.logs.lines(t, "audit") {
				got = append(got, line{audit["step"].(string), audit["decision"].(string), audit["code"].(string), audit["unlockSent"].(string)})
				require.Equal(t, "info", audit["level"])
				require.Equal(t, "jc", audit["connection"])
				require.Equal(t, "jumpcloud", audit["provider"])
				require.Equal(t, id, audit["userId"])
				require.Equal(t, "playbook 7", audit["requestedBy"])
				require.Equal(t, "INC-4711", audit["requestReason"])
				require.NotEmpty(t, audit["explanation"])
				require.Equal(t, run.WorkflowID, either(audit, "workflowId", "WorkflowID"))
				require.Equal(t, run.RunID, either(audit, "runId", "RunID"))
			}
			require.Equal(t, test.want, got)
			require.NotContains(t, s.logs.String(), `"level":"error"`, "what a provider answers is no error of the worker's")
			for _, secret := range []string{domain, "jane.doe", "Jane Doe", jumpcloudsimulator.DefaultAPIKey} {
				require.NotContains(t, s.logs.String(), secret)
			}
		})
	}
}

// either returns the field under our own name for it, or under the SDK's.
func either(fields map[string]any, ours, theirs string) any {
	if value, there := fields[ours]; there {
		return value
	}
	return fields[theirs]
}

// TestFailureAudit: a run that fails says so in one line, and the SDK's own lines about the
// failed attempts, of which there are some before a refusal is final, hold nothing personal either.
func TestFailureAudit(t *testing.T) {
	t.Parallel()
	s := newSite(t, keywords())
	s.lockedUser("jane.doe")
	s.tenant.Faults.MustAdd(simulator.Fault{Operation: jumpcloudsimulator.OpUnlock, Kind: simulator.KindStatus, Status: 403})
	stop := s.serve(s.config)
	_, err := s.start(workflows.Input{Username: "jane.doe"}).Result(t.Context())
	require.ErrorContains(t, err, string(connectors.PermissionDenied))
	require.NoError(t, stop())
	audit := s.logs.lines(t, "audit")
	require.Len(t, audit, 1)
	require.Equal(t, "result", audit[0]["step"])
	require.Equal(t, string(connectors.PermissionDenied), audit[0]["decision"])
	failed := s.logs.lines(t, "Activity error.")
	require.Len(t, failed, 3, "a refusal is asked twice more")
	for _, line := range failed {
		require.Equal(t, "warn", line["level"])
	}
	require.NotContains(t, s.logs.String(), `"stacktrace"`)
	require.NotContains(t, s.logs.String(), domain)
	require.NotContains(t, s.logs.String(), "jane.doe")
	require.NotContains(t, s.logs.String(), jumpcloudsimulator.DefaultAPIKey)
}
