package client_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

func every(d time.Duration) *workflows.Duration {
	duration := workflows.Duration(d)
	return &duration
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	temporal := latchkeytest.Server(t)
	asking := &client.Client{Temporal: temporal.Client}
	name, population := latchkeytest.ConnectionName(), latchkeytest.NewPopulation()
	temporal.Serve(t, latchkeytest.Connection{Name: name, Connector: population})
	id := client.ScheduleID(name)
	require.Equal(t, "unlock-locked/"+name, id)
	uncounted, paused, cron, berlin := workflows.Policy{MaxPerUser: &workflows.MaxPerUser{}}, true, "*/10 6-20 * * 1-5", "Europe/Berlin"

	created, err := asking.CreateSchedule(t.Context(), name, id, client.ScheduleChange{Every: every(time.Hour), Policy: &uncounted, Paused: &paused})
	require.NoError(t, err)
	require.Equal(t, []any{id, name, "1h", "UTC", "10m", true}, []any{created.ID, created.Connection, created.Every.String(), created.TimeZone, created.CatchUpWindow.String(), created.Paused})
	_, err = asking.CreateSchedule(t.Context(), name, id, client.ScheduleChange{Every: every(time.Hour)})
	_ = requireFailure(t, err, workflows.TypeScheduleExists)

	paused = false
	changed, err := asking.ChangeSchedule(t.Context(), name, id, client.ScheduleChange{Cron: &cron, TimeZone: &berlin, Paused: &paused})
	require.NoError(t, err)
	require.Equal(t, []any{"0s", cron, berlin, false}, []any{changed.Every.String(), changed.Cron, changed.TimeZone, changed.Paused})
	require.Equal(t, created.Policy, changed.Policy)
	_, err = asking.ChangeSchedule(t.Context(), "other", id, client.ScheduleChange{})
	require.Contains(t, requireFailure(t, err, workflows.TypeInvalidInput).Message, "is for the connection "+name)

	require.Eventually(t, func() bool {
		found := false
		require.NoError(t, asking.Schedules(t.Context(), func(each *client.Schedule) error {
			found = found || each.ID == id
			return nil
		}))
		return found
	}, latchkeytest.Patience, 100*time.Millisecond)

	require.NoError(t, asking.TriggerSchedule(t.Context(), id))
	var run client.ScheduledRun
	require.Eventually(t, func() bool {
		schedule, err := asking.Schedule(t.Context(), id)
		if err != nil || len(schedule.LastRuns) == 0 {
			return false
		}
		run = schedule.LastRuns[0]
		return true
	}, latchkeytest.Patience, 20*time.Millisecond)
	result, err := asking.Attach(run.WorkflowID, run.RunID).BulkResult(t.Context())
	require.NoError(t, err)
	require.Equal(t, "schedule "+id, result.RequestedBy)

	require.NoError(t, asking.DeleteSchedule(t.Context(), id))
	_, err = asking.Schedule(t.Context(), id)
	for _, err := range []error{err, asking.DeleteSchedule(t.Context(), id), asking.TriggerSchedule(t.Context(), id)} {
		_ = requireFailure(t, err, string(connectors.NotFound))
	}
}

// TestScheduleOfSomethingElse is neither shown nor changed.
func TestScheduleOfSomethingElse(t *testing.T) {
	t.Parallel()
	asking := &client.Client{Temporal: latchkeytest.Server(t).Client}
	handle, err := asking.Temporal.ScheduleClient().Create(t.Context(), sdkclient.ScheduleOptions{ID: "another", Paused: true,
		Action: &sdkclient.ScheduleWorkflowAction{Workflow: "Another", TaskQueue: "another"}})
	require.NoError(t, err)
	_, err = asking.Schedule(t.Context(), "another")
	require.Contains(t, requireFailure(t, err, string(connectors.NotFound)).Message, "starts no runs over locked users")
	_, err = asking.ChangeSchedule(t.Context(), "c", "another", client.ScheduleChange{})
	_ = requireFailure(t, err, string(connectors.NotFound))
	require.NoError(t, handle.Delete(t.Context()))
}

func TestScheduleFaults(t *testing.T) {
	t.Parallel()
	text := func(text string) *string { return &text }
	for name, test := range map[string]struct {
		id     string
		change client.ScheduleChange
		field  string
	}{
		"no times":            {"id", client.ScheduleChange{}, "every"},
		"both times":          {"id", client.ScheduleChange{Every: every(time.Hour), Cron: text("* * * * *")}, "cron"},
		"too often":           {"id", client.ScheduleChange{Every: every(time.Second)}, "every"},
		"no cron":             {"id", client.ScheduleChange{Cron: text(" ")}, "cron"},
		"cron with a zone":    {"id", client.ScheduleChange{Cron: text("TZ=UTC * * * * *")}, "cron"},
		"cron with a comment": {"id", client.ScheduleChange{Cron: text("* * * * * # x")}, "cron"},
		"an interval as cron": {"id", client.ScheduleChange{Cron: text("@every 5m")}, "cron"},
		"unknown zone":        {"id", client.ScheduleChange{Cron: text("* * * * *"), TimeZone: text("Europe/Atlantis")}, "timeZone"},
		"the machine's zone":  {"id", client.ScheduleChange{Cron: text("* * * * *"), TimeZone: text("Local")}, "timeZone"},
		"a zone of none":      {"id", client.ScheduleChange{Every: every(time.Hour), TimeZone: text("UTC")}, "timeZone"},
		"no catching up":      {"id", client.ScheduleChange{Every: every(time.Hour), CatchUpWindow: every(time.Second)}, "catchUpWindow"},
		"no ID":               {"", client.ScheduleChange{Every: every(time.Hour)}, "id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (&client.Client{}).CreateSchedule(t.Context(), "jc-prod", test.id, test.change)
			failure := requireFailure(t, err, workflows.TypeInvalidInput)
			require.Len(t, failure.Faults, 1)
			require.Equal(t, test.field, failure.Faults[0].Field)
		})
	}
}
