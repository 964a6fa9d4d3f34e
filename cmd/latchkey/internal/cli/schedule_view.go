package cli

import (
	"bytes"
	"strings"
	"time"

	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/workflows"
)

// scheduleView is a schedule as it is shown.
type scheduleView struct {
	ID         string `json:"id"`
	Connection string `json:"connection"`
	// Every and Cron are empty when the schedule was given other times by other means.
	Every         workflows.Duration `json:"every,omitzero"`
	Cron          string             `json:"cron,omitempty"`
	TimeZone      string             `json:"timeZone"`
	Jitter        workflows.Duration `json:"jitter"`
	CatchUpWindow workflows.Duration `json:"catchUpWindow"`
	Policy        workflows.Policy   `json:"policy"`
	Note          string             `json:"note"`
	Paused        bool               `json:"paused"`
	NextRuns      []time.Time        `json:"nextRuns"`
	LastRuns      []scheduledRun     `json:"lastRuns"`
	// Skipped counts the runs that were left out since one was open, Missed those that
	// Temporal was away for.
	Skipped int `json:"skipped"`
	Missed  int `json:"missed"`
}

// scheduledRun is a run that a schedule started.
type scheduledRun struct {
	DueAt      time.Time `json:"dueAt"`
	StartedAt  time.Time `json:"startedAt"`
	WorkflowID string    `json:"workflowId"`
	RunID      string    `json:"runId"`
}

func viewSchedule(id string, in *workflows.BulkInput, described *sdkclient.ScheduleDescription) *scheduleView {
	schedule, info := described.Schedule, described.Info
	view := &scheduleView{
		ID: id, Connection: in.Connection, Policy: in.Policy, NextRuns: []time.Time{}, LastRuns: []scheduledRun{},
		TimeZone: firstOf(schedule.Spec.TimeZoneName, "UTC"), Jitter: workflows.Duration(schedule.Spec.Jitter),
		CatchUpWindow: workflows.Duration(schedule.Policy.CatchupWindow),
		Note:          schedule.State.Note, Paused: schedule.State.Paused,
		Skipped: info.NumActionsSkippedOverlap, Missed: info.NumActionsMissedCatchupWindow,
	}
	view.Every, view.Cron = times(schedule.Spec)
	for _, at := range info.NextActionTimes {
		view.NextRuns = append(view.NextRuns, at.UTC())
	}
	for _, action := range info.RecentActions {
		if started := action.StartWorkflowResult; started != nil {
			view.LastRuns = append(view.LastRuns, scheduledRun{DueAt: action.ScheduleTime.UTC(), StartedAt: action.ActualTime.UTC(),
				WorkflowID: started.WorkflowID, RunID: started.FirstExecutionRunID})
		}
	}
	return view
}

// times are the schedule's own, if it was made here; see scheduleFlags.spec.
func times(spec *sdkclient.ScheduleSpec) (workflows.Duration, string) {
	switch {
	case len(spec.Intervals) == 1 && len(spec.Calendars) == 0:
		return workflows.Duration(spec.Intervals[0].Every), ""
	case len(spec.Intervals) == 0 && len(spec.Calendars) == 1:
		return 0, spec.Calendars[0].Comment
	default:
		return 0, ""
	}
}

func (a *app) drawSchedule(view *scheduleView) error {
	policy, err := policyText(&view.Policy)
	if err != nil {
		return err
	}
	rows := []row{{"schedule", view.ID}, {"connection", printable(view.Connection)}, {"runs", view.timesText()}}
	if view.Jitter > 0 {
		rows = append(rows, row{"jitter", view.Jitter.String()})
	}
	rows = append(rows, row{"catches up", "within " + view.CatchUpWindow.String()}, row{"paused", yesNo(view.Paused)})
	if view.Note != "" {
		rows = append(rows, row{"note", printable(view.Note)})
	}
	rows = append(rows, row{"policy", policy}, row{"next runs", instants(view.NextRuns)}, row{"last runs", view.lastText()})
	return a.drawRows(rows)
}

func (v *scheduleView) timesText() string {
	switch {
	case v.Every > 0:
		return "every " + v.Every.String()
	case v.Cron != "":
		return printable(v.Cron + " (" + v.TimeZone + ")")
	default:
		return "at times that were set elsewhere: temporal schedule describe --schedule-id " + v.ID
	}
}

// shownRuns is how many of the next and the last runs are drawn.
const shownRuns = 5

func instants(all []time.Time) string {
	var texts []string
	for _, at := range all[:min(len(all), shownRuns)] {
		texts = append(texts, instant(at))
	}
	return firstOf(strings.Join(texts, "\n"), "none")
}

func (v *scheduleView) lastText() string {
	var texts []string
	for _, run := range v.LastRuns[max(0, len(v.LastRuns)-shownRuns):] {
		texts = append(texts, instant(run.StartedAt)+"  latchkey bulk status "+run.WorkflowID)
	}
	return firstOf(strings.Join(texts, "\n"), "none")
}

// policyText is a policy as its file would hold it.
func policyText(policy *workflows.Policy) (string, error) {
	text, err := encodeJSON(policy, "", "")
	if err != nil {
		return "", err
	}
	var lines bytes.Buffer
	if err := writeYAML(&lines, bytes.NewReader(text)); err != nil {
		return "", err
	}
	written := strings.TrimSpace(lines.String())
	if written == "{}" {
		return "the defaults", nil
	}
	return written, nil
}
