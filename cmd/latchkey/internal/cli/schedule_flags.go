package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // Time zones are known also where the machine has no database of them.

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

// scheduleFlags are the flags of latchkey schedule.
type scheduleFlags struct {
	connection, id         string
	every, jitter, catchUp workflows.Duration
	cron, timeZone         string
	policyFile, note       string
	paused                 bool
	dryRun, unserved       bool
	output                 format
	place                  place

	// policy is that of the file; nil when none was given. given tells the flags that were.
	policy *workflows.Policy
	given  func(flag string) bool
}

// The bounds of a schedule, and how late a run may be started when the server was away.
const (
	minEvery       = time.Minute
	minCatchUp     = 10 * time.Second
	defaultCatchUp = 10 * time.Minute
	maxScheduleID  = 200
)

func (f *scheduleFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.connection, "connection", "", "the connection's name, as a worker serves it (required)")
	flags.StringVar(&f.id, "id", "", "the schedule's ID (default unlock-locked/NAME)")
	addOutput(cmd, &f.output)
	f.place.add(cmd)
	completeWith(cmd, "connection", f.place.completeConnections)
	complete(cmd, "id")
}

func (f *scheduleFlags) addSpec(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var((*duration)(&f.every), "every", "run so often, such as 15m")
	flags.StringVar(&f.cron, "cron", "", "run at these times, as five fields: minute, hour, day, month, day of the week")
	flags.StringVar(&f.timeZone, "time-zone", "", "the time zone of --cron, such as Europe/Berlin (default UTC)")
	flags.Var((*duration)(&f.jitter), "jitter", "begin each run later by a random time up to this")
	f.catchUp = workflows.Duration(defaultCatchUp)
	flags.Var((*duration)(&f.catchUp), "catch-up-window", "how late a run is begun at most when Temporal was away")
	flags.StringVar(&f.policyFile, "policy", "", "a file with the policy, YAML or JSON (default: the cautious one)")
	flags.StringVar(&f.note, "note", "", "a note for people")
	flags.BoolVar(&f.paused, "paused", false, "keep it from running until it is resumed")
	flags.BoolVar(&f.dryRun, "dry-run", false, "make and change nothing: print what the policy would do with those who are locked now")
	if strings.HasPrefix(cmd.Use, "create") {
		flags.BoolVar(&f.unserved, "unserved", false, "make it also when no worker serves the connection yet")
	}
	for _, name := range []string{"every", "cron", "time-zone", "jitter", "catch-up-window", "note"} {
		complete(cmd, name)
	}
}

func (f *scheduleFlags) checkName() error {
	if f.connection == "" {
		return usagef("--connection is missing: give the name under which a worker serves the provider, such as --connection jumpcloud")
	}
	if err := workflows.ValidateConnection(f.connection); err != nil {
		return &usageError{message: inFlags(err)}
	}
	if f.id == "" {
		f.id = workflows.BulkID(f.connection, "")
		f.id = strings.TrimSuffix(f.id, "/")
	}
	if len(f.id) > maxScheduleID || printable(f.id) != f.id {
		return usagef("--id must be at most %d printable characters", maxScheduleID)
	}
	return nil
}

// check names all that is wrong with the flags, and reads the policy.
func (f *scheduleFlags) check(create bool) error {
	if err := f.checkName(); err != nil {
		return err
	}
	if err := errors.Join(f.faults(create)...); err != nil {
		return &usageError{message: err.Error()}
	}
	if f.policyFile == "" {
		return nil
	}
	var err error
	f.policy, err = readPolicy(f.policyFile, workflows.ParsePolicy)
	return err
}

func (f *scheduleFlags) faults(create bool) []error {
	var faults []error
	note := func(wrong bool, format string, arguments ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, arguments...))
		}
	}
	note(f.given("every") && f.given("cron"), "--every and --cron do not go together: give only one of them")
	note(create && !f.dryRun && !f.given("every") && !f.given("cron"), "it is not said when to run: give --every or --cron")
	note(f.given("every") && f.every.Std() < minEvery, "--every must be at least %s", guard.Round(minEvery))
	note(f.given("cron") && strings.TrimSpace(f.cron) == "", "--cron is empty: give five fields, such as '*/15 * * * *'")
	note(strings.Contains(f.cron, "="), "--cron must not hold a time zone: use --time-zone")
	note(strings.Contains(f.cron, "#"), "--cron must not hold a comment: use --note")
	note(strings.HasPrefix(strings.TrimSpace(f.cron), "@every"), "--cron must be fields: use --every")
	note(f.given("time-zone") && f.given("every"), "--time-zone goes with --cron: an interval has none")
	_, err := time.LoadLocation(f.timeZone)
	note(err != nil || f.timeZone == "Local", "--time-zone is not known: give a name such as Europe/Berlin or UTC")
	note(f.catchUp.Std() < minCatchUp, "--catch-up-window must be at least %s", guard.Round(minCatchUp))
	return faults
}

// input is what each run is started with.
func (f *scheduleFlags) input() *workflows.BulkInput {
	in := &workflows.BulkInput{Connection: f.connection, RequestedBy: "schedule " + f.id}
	if f.policy != nil {
		in.Policy = *f.policy
	}
	return in
}

// spec is when to run. The server turns a cron expression into something else; its comment
// is kept as it was written.
func (f *scheduleFlags) spec() sdkclient.ScheduleSpec {
	spec := sdkclient.ScheduleSpec{Jitter: f.jitter.Std(), TimeZoneName: f.timeZone}
	f.when(&spec)
	return spec
}

func (f *scheduleFlags) when(spec *sdkclient.ScheduleSpec) {
	switch {
	case f.given("every"):
		spec.Intervals = []sdkclient.ScheduleIntervalSpec{{Every: f.every.Std()}}
		spec.Calendars, spec.CronExpressions, spec.TimeZoneName = nil, nil, ""
	case f.given("cron"):
		cron := strings.TrimSpace(f.cron)
		spec.CronExpressions = []string{cron + " # " + cron}
		spec.Calendars, spec.Intervals = nil, nil
	}
}

// change changes what was given, and leaves the rest.
func (f *scheduleFlags) change(schedule *sdkclient.Schedule) {
	f.when(schedule.Spec)
	for flag, set := range map[string]func(){
		"time-zone":       func() { schedule.Spec.TimeZoneName = f.timeZone },
		"jitter":          func() { schedule.Spec.Jitter = f.jitter.Std() },
		"catch-up-window": func() { schedule.Policy.CatchupWindow = f.catchUp.Std() },
		"note":            func() { schedule.State.Note = f.note },
		"paused":          func() { schedule.State.Paused = f.paused },
	} {
		if f.given(flag) {
			set()
		}
	}
	schedule.Policy.Overlap = enumspb.SCHEDULE_OVERLAP_POLICY_SKIP
}

// scheduled is the input of a schedule that is there, with the policy that was given.
func (f *scheduleFlags) scheduled(schedule *sdkclient.Schedule) (*workflows.BulkInput, error) {
	in, err := inputOf(f.id, schedule)
	if err != nil {
		return nil, err
	}
	if in.Connection != f.connection {
		return nil, usagef("the schedule %s is for the connection %s: give that one, or another --id", f.id, printable(in.Connection))
	}
	if f.policy != nil {
		in.Policy = *f.policy
	}
	return in, nil
}

// inputOf reads what a schedule starts its runs with.
func inputOf(id string, schedule *sdkclient.Schedule) (*workflows.BulkInput, error) {
	action, is := schedule.Action.(*sdkclient.ScheduleWorkflowAction)
	if !is || action.Workflow != workflows.UnlockLockedUsersName || len(action.Args) != 1 {
		return nil, &client.Failure{Type: string(connectors.NotFound),
			Message: fmt.Sprintf("the schedule %s starts no runs over locked users: look at it with: temporal schedule describe --schedule-id %s", id, id)}
	}
	var in workflows.BulkInput
	payload, is := action.Args[0].(*commonpb.Payload)
	if !is {
		return nil, fmt.Errorf("read the input of the schedule %s: it is a %T", id, action.Args[0])
	}
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &in); err != nil {
		return nil, fmt.Errorf("read the input of the schedule %s: %w", id, err)
	}
	return &in, nil
}
