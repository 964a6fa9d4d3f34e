package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Schedule is a Temporal Schedule that starts runs over all locked users of a connection. A
// run that is due while the one before is open is left out.
type Schedule struct {
	ID         string `json:"id"`
	Connection string `json:"connection"`
	// Every and Cron are both empty when the schedule was given other times by other means.
	Every         workflows.Duration `json:"every,omitzero"`
	Cron          string             `json:"cron,omitempty"`
	TimeZone      string             `json:"timeZone"`
	Jitter        workflows.Duration `json:"jitter"`
	CatchUpWindow workflows.Duration `json:"catchUpWindow"`
	Policy        workflows.Policy   `json:"policy"`
	Note          string             `json:"note"`
	Paused        bool               `json:"paused"`
	NextRuns      []time.Time        `json:"nextRuns"`
	LastRuns      []ScheduledRun     `json:"lastRuns"`
	// Skipped counts the runs that were left out since one was open, Missed those that were due
	// while Temporal was away.
	Skipped int `json:"skipped"`
	Missed  int `json:"missed"`
}

// ScheduledRun is a run that a schedule started.
type ScheduledRun struct {
	DueAt      time.Time `json:"dueAt"`
	StartedAt  time.Time `json:"startedAt"`
	WorkflowID string    `json:"workflowId"`
	RunID      string    `json:"runId"`
}

// ScheduleChange is what a schedule is made with, or what is changed of it. A field that is nil
// has the default, or stays as it is. Every and Cron exclude each other.
type ScheduleChange struct {
	Every *workflows.Duration
	// Cron has five fields: minute, hour, day, month, day of the week.
	Cron *string
	// TimeZone is that of Cron, such as Europe/Berlin; the default is UTC.
	TimeZone *string
	// Jitter begins each run later by a random time up to this.
	Jitter *workflows.Duration
	// CatchUpWindow is how late a run is begun at most when Temporal was away.
	CatchUpWindow *workflows.Duration
	Policy        *workflows.Policy
	Note          *string
	Paused        *bool
}

// DefaultCatchUpWindow is how late a scheduled run is begun at most unless its schedule says.
const DefaultCatchUpWindow = 10 * time.Minute

// The bounds of a schedule.
const (
	minEvery      = time.Minute
	minCatchUp    = 10 * time.Second
	maxScheduleID = 200
)

// ScheduleID is the ID of a connection's schedule when it is given no other.
func ScheduleID(connection string) string {
	return strings.TrimSuffix(workflows.BulkID(connection, ""), "/")
}

// ValidateScheduleID returns the faults of a schedule's ID and connection.
func ValidateScheduleID(connection, id string) error {
	if err := workflows.ValidateConnection(connection); err != nil {
		return err
	}
	if id == "" || len(id) > maxScheduleID || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return workflows.Fault{Field: "id", Message: fmt.Sprintf("must be 1 to %d printable characters", maxScheduleID)}
	}
	return nil
}

// Validate returns the faults of the change.
func (s *ScheduleChange) Validate() error {
	var faults []error
	note := func(wrong bool, field, format string, arguments ...any) {
		if wrong {
			faults = append(faults, workflows.Fault{Field: field, Message: fmt.Sprintf(format, arguments...)})
		}
	}
	note(s.Every != nil && s.Cron != nil, "cron", "does not go with an interval: give only one of them")
	note(s.Every != nil && s.Every.Std() < minEvery, "every", "must be at least %s", guard.Round(minEvery))
	if s.Cron != nil {
		note(strings.TrimSpace(*s.Cron) == "", "cron", "is empty: give five fields, such as '*/15 * * * *'")
		note(strings.Contains(*s.Cron, "="), "cron", "must not hold a time zone: give it as the time zone")
		note(strings.Contains(*s.Cron, "#"), "cron", "must not hold a comment: give it as the note")
		note(strings.HasPrefix(strings.TrimSpace(*s.Cron), "@every"), "cron", "must be fields: give an interval instead")
	}
	if s.TimeZone != nil {
		note(s.Every != nil, "timeZone", "goes with cron: an interval has none")
		_, err := time.LoadLocation(*s.TimeZone)
		note(err != nil || *s.TimeZone == "Local", "timeZone", "is not known: give a name such as Europe/Berlin or UTC")
	}
	note(s.CatchUpWindow != nil && s.CatchUpWindow.Std() < minCatchUp, "catchUpWindow", "must be at least %s", guard.Round(minCatchUp))
	return errors.Join(faults...)
}

// CreateSchedule makes a schedule of a connection.
func (c *Client) CreateSchedule(ctx context.Context, connection, id string, with ScheduleChange) (*Schedule, error) {
	err := errors.Join(ValidateScheduleID(connection, id), with.Validate())
	if err == nil && with.Every == nil && with.Cron == nil {
		err = workflows.Fault{Field: "every", Message: "is missing, and so is cron: say when to run"}
	}
	if err != nil {
		return nil, invalid(err)
	}
	made := temporalclient.Schedule{
		Spec:   &temporalclient.ScheduleSpec{},
		Policy: &temporalclient.SchedulePolicies{CatchupWindow: DefaultCatchUpWindow},
		State:  &temporalclient.ScheduleState{},
	}
	with.apply(id, &made, &workflows.BulkInput{Connection: connection, RequestedBy: "schedule " + id})
	_, err = c.Temporal.ScheduleClient().Create(ctx, temporalclient.ScheduleOptions{
		ID:            id,
		Spec:          *made.Spec,
		Action:        made.Action,
		Overlap:       made.Policy.Overlap,
		CatchupWindow: made.Policy.CatchupWindow,
		Note:          made.State.Note,
		Paused:        made.State.Paused,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil, &Failure{Type: workflows.TypeScheduleExists, Message: fmt.Sprintf("there is a schedule %s already: change that one, or give another ID", id)}
	}
	if err != nil {
		return nil, scheduleFailure(id, err)
	}
	return c.Schedule(ctx, id)
}

// ChangeSchedule changes a schedule of a connection, which it pauses and resumes too.
func (c *Client) ChangeSchedule(ctx context.Context, connection, id string, change ScheduleChange) (*Schedule, error) {
	if err := errors.Join(ValidateScheduleID(connection, id), change.Validate()); err != nil {
		return nil, invalid(err)
	}
	update := func(before temporalclient.ScheduleUpdateInput) (*temporalclient.ScheduleUpdate, error) {
		changed := before.Description.Schedule
		in, err := c.scheduledInput(id, &changed)
		if err != nil {
			return nil, err
		}
		if in.Connection != connection {
			return nil, invalid(fmt.Errorf("the schedule %s is for the connection %s: give that one, or another ID", id, in.Connection))
		}
		change.apply(id, &changed, in)
		return &temporalclient.ScheduleUpdate{Schedule: &changed}, nil
	}
	if err := c.scheduleHandle(ctx, id).Update(ctx, temporalclient.ScheduleUpdateOptions{DoUpdate: update}); err != nil {
		return nil, scheduleFailure(id, err)
	}
	return c.Schedule(ctx, id)
}

// Schedule returns a schedule as it is now.
func (c *Client) Schedule(ctx context.Context, id string) (*Schedule, error) {
	described, err := c.scheduleHandle(ctx, id).Describe(ctx)
	if err != nil {
		return nil, scheduleFailure(id, err)
	}
	in, err := c.scheduledInput(id, &described.Schedule)
	if err != nil {
		return nil, err
	}
	schedule, info := described.Schedule, described.Info
	view := &Schedule{
		ID: id, Connection: in.Connection, Policy: in.Policy, NextRuns: []time.Time{}, LastRuns: []ScheduledRun{},
		TimeZone: schedule.Spec.TimeZoneName, Jitter: workflows.Duration(schedule.Spec.Jitter),
		CatchUpWindow: workflows.Duration(schedule.Policy.CatchupWindow),
		Note:          schedule.State.Note, Paused: schedule.State.Paused,
		Skipped: info.NumActionsSkippedOverlap, Missed: info.NumActionsMissedCatchupWindow,
	}
	if view.TimeZone == "" {
		view.TimeZone = "UTC"
	}
	switch spec := schedule.Spec; {
	case len(spec.Intervals) == 1 && len(spec.Calendars) == 0:
		view.Every = workflows.Duration(spec.Intervals[0].Every)
	case len(spec.Intervals) == 0 && len(spec.Calendars) == 1:
		view.Cron = spec.Calendars[0].Comment
	}
	for _, at := range info.NextActionTimes {
		view.NextRuns = append(view.NextRuns, at.UTC())
	}
	for _, action := range info.RecentActions {
		if started := action.StartWorkflowResult; started != nil {
			view.LastRuns = append(view.LastRuns, ScheduledRun{DueAt: action.ScheduleTime.UTC(), StartedAt: action.ActualTime.UTC(),
				WorkflowID: started.WorkflowID, RunID: started.FirstExecutionRunID})
		}
	}
	return view, nil
}

// Schedules hands each schedule over locked users to take, until there are no more or take
// fails. Temporal's list of schedules lags by seconds.
func (c *Client) Schedules(ctx context.Context, take func(*Schedule) error) error {
	listed, err := c.Temporal.ScheduleClient().List(ctx, temporalclient.ScheduleListOptions{})
	for err == nil && listed.HasNext() {
		var entry *temporalclient.ScheduleListEntry
		if entry, err = listed.Next(); err != nil || entry.WorkflowType.Name != workflows.UnlockLockedUsersName {
			continue
		}
		schedule, fault := c.Schedule(ctx, entry.ID)
		var failure *Failure
		switch {
		case errors.As(fault, &failure): // Deleted meanwhile, or somebody else's.
		case fault != nil:
			return fault
		default:
			err = take(schedule)
		}
	}
	if err != nil {
		return fmt.Errorf("list the schedules: %w", err)
	}
	return nil
}

// TriggerSchedule starts a run now, unless one is open.
func (c *Client) TriggerSchedule(ctx context.Context, id string) error {
	return scheduleFailure(id, c.scheduleHandle(ctx, id).Trigger(ctx, temporalclient.ScheduleTriggerOptions{}))
}

// DeleteSchedule deletes a schedule; a run that is open goes on.
func (c *Client) DeleteSchedule(ctx context.Context, id string) error {
	return scheduleFailure(id, c.scheduleHandle(ctx, id).Delete(ctx))
}

func (c *Client) scheduleHandle(ctx context.Context, id string) temporalclient.ScheduleHandle {
	return c.Temporal.ScheduleClient().GetHandle(ctx, id)
}

// apply makes the change to a schedule that starts runs with an input.
func (s *ScheduleChange) apply(id string, schedule *temporalclient.Schedule, in *workflows.BulkInput) {
	set(&in.Policy, s.Policy)
	set(&schedule.Spec.TimeZoneName, s.TimeZone)
	set(&schedule.Spec.Jitter, (*time.Duration)(s.Jitter))
	set(&schedule.Policy.CatchupWindow, (*time.Duration)(s.CatchUpWindow))
	set(&schedule.State.Note, s.Note)
	set(&schedule.State.Paused, s.Paused)
	switch {
	case s.Every != nil:
		schedule.Spec.Intervals = []temporalclient.ScheduleIntervalSpec{{Every: s.Every.Std()}}
		schedule.Spec.Calendars, schedule.Spec.CronExpressions, schedule.Spec.TimeZoneName = nil, nil, ""
	case s.Cron != nil:
		// The server turns the expression into something else; its comment is kept as it was written.
		cron := strings.TrimSpace(*s.Cron)
		schedule.Spec.CronExpressions = []string{cron + " # " + cron}
		schedule.Spec.Calendars, schedule.Spec.Intervals = nil, nil
	}
	schedule.Policy.Overlap = enumspb.SCHEDULE_OVERLAP_POLICY_SKIP
	shown := workflows.ShownBulk(in.Connection)
	schedule.Action = &temporalclient.ScheduleWorkflowAction{
		ID:            workflows.BulkID(in.Connection, id),
		Workflow:      workflows.UnlockLockedUsersName,
		Args:          []any{in},
		TaskQueue:     workflows.TaskQueue,
		StaticSummary: shown.Summary,
		StaticDetails: shown.Details,
		Priority:      temporal.Priority{PriorityKey: workflows.PriorityBulk},
	}
}

// set sets what a change has a value for.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// scheduledInput reads what a schedule starts its runs with.
func (c *Client) scheduledInput(id string, schedule *temporalclient.Schedule) (*workflows.BulkInput, error) {
	action, is := schedule.Action.(*temporalclient.ScheduleWorkflowAction)
	if !is || action.Workflow != workflows.UnlockLockedUsersName || len(action.Args) != 1 {
		return nil, &Failure{Type: string(connectors.NotFound), Message: fmt.Sprintf("the schedule %s starts no runs over locked users", id)}
	}
	payload, is := action.Args[0].(*commonpb.Payload)
	if !is {
		return nil, fmt.Errorf("read the input of the schedule %s: it is a %T", id, action.Args[0])
	}
	var in workflows.BulkInput
	if err := c.converter().FromPayload(payload, &in); err != nil {
		return nil, fmt.Errorf("read the input of the schedule %s: %w", id, err)
	}
	return &in, nil
}

// scheduleFailure says what the server means by an error about a schedule.
func scheduleFailure(id string, err error) error {
	var missing *serviceerror.NotFound
	var refused *serviceerror.InvalidArgument
	switch {
	case errors.As(err, &missing):
		return &Failure{Type: string(connectors.NotFound), Message: fmt.Sprintf("there is no schedule %s: create it, or give the ID of another", id)}
	case errors.As(err, &refused):
		return invalid(fmt.Errorf("Temporal does not take the schedule: %s", refused.Message)) //nolint:staticcheck // a proper name
	default:
		return err
	}
}
