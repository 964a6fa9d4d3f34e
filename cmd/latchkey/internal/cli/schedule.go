package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // Time zones are known also where the machine has no database of them.

	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) scheduleCommand() *cobra.Command {
	return group("schedule", "Unlock all locked users under a policy, on a schedule",
		"A schedule starts a run over all locked users, as latchkey bulk start does, again and again: it is a\n"+
			"Temporal Schedule of the workflow UnlockLockedUsers. A run that is due while the previous one is\n"+
			"open is skipped.\n\n"+
			"For all else use Temporal's own command, with the same ID:\n\n"+
			"  temporal schedule list\n"+
			"  temporal schedule toggle --schedule-id ID --pause --reason TEXT\n"+
			"  temporal schedule trigger --schedule-id ID\n"+
			"  temporal schedule backfill --schedule-id ID --start-time TIME --end-time TIME",
		a.scheduleWriteCommand("create", "Create a schedule"),
		a.scheduleWriteCommand("update", "Change a schedule; what is not given stays as it is"),
		a.scheduleReadCommand("describe", "Show a schedule: when it runs, its policy, its next and last runs", a.describeSchedule),
		a.scheduleReadCommand("delete", "Delete a schedule; a run that is open goes on", a.deleteSchedule),
	)
}

// scheduleFlags are the flags of every command below latchkey schedule.
type scheduleFlags struct {
	connection, id string
	commonFlags
}

func (f *scheduleFlags) add(cmd *cobra.Command) {
	addConnection(cmd, &f.connection, &f.temporal, true)
	cmd.Flags().StringVar(&f.id, "id", "", "the schedule's ID (default unlock-locked/NAME)")
	completeNothing(cmd, "id")
	f.commonFlags.add(cmd)
}

// check fills the ID in.
func (f *scheduleFlags) check() error {
	f.id = cmp.Or(f.id, client.ScheduleID(f.connection))
	return flagFaults(client.ValidateScheduleID(f.connection, f.id))
}

// scheduleWriteFlags are those of the commands that make and change a schedule.
type scheduleWriteFlags struct {
	scheduleFlags
	every, jitter, catchUp       workflows.Duration
	cron, timeZone, policy, note string
	paused, dryRun, unserved     bool
}

func (a *app) scheduleWriteCommand(name, short string) *cobra.Command {
	var flags scheduleWriteFlags
	cmd := &cobra.Command{
		Use:   name + " --connection NAME (--every DURATION | --cron EXPRESSION)",
		Short: short,
		Long: short + ". For the fields of a policy run: latchkey schema policy\n\n" +
			"With --dry-run nothing is created or changed: it prints what the policy would do with the users who\n" +
			"are locked now, and whether the run would be held.",
		Example: fmt.Sprintf("  latchkey schedule %s --connection jumpcloud --every 15m --policy policy.yaml --dry-run\n"+
			"  latchkey schedule %s --connection jumpcloud --cron '*/10 6-20 * * 1-5' --time-zone Europe/Berlin", name, name),
		Args: noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			change, err := flags.change(cmd)
			if err != nil {
				return err
			}
			return connect(cmd.Context(), flags.temporal, func(c *client.Client) error {
				if flags.dryRun {
					return a.tryPolicy(cmd.Context(), c, &flags.scheduleFlags, change.Policy, name == "update")
				}
				return a.writeSchedule(cmd.Context(), c, &flags, *change, name == "create")
			})
		},
	}
	flags.add(cmd)
	own := cmd.Flags()
	own.Var(duration(&flags.every), "every", "run at this interval, such as 15m")
	own.StringVar(&flags.cron, "cron", "", "run at these times, as five fields: minute, hour, day, month, day of the week")
	own.StringVar(&flags.timeZone, "time-zone", "", "the time zone of --cron, such as Europe/Berlin (default UTC)")
	own.Var(duration(&flags.jitter), "jitter", "begin each run later by a random time up to this")
	flags.catchUp = workflows.Duration(client.DefaultCatchUpWindow)
	own.Var(duration(&flags.catchUp), "catch-up-window", "how late a run is begun at most when Temporal was away")
	own.StringVar(&flags.policy, "policy", "", "a file with the policy, YAML or JSON (default: the cautious one)")
	own.StringVar(&flags.note, "note", "", "a note for people")
	own.BoolVar(&flags.paused, "paused", false, "keep it from running until it is resumed")
	own.BoolVar(&flags.dryRun, "dry-run", false, "create and change nothing: print what the policy would do with the users who are locked now")
	completeNothing(cmd, "every", "cron", "time-zone", "jitter", "catch-up-window", "note")
	cmd.MarkFlagsMutuallyExclusive("every", "cron")
	if name == "update" {
		cmd.Use = "update --connection NAME"
		return cmd
	}
	own.BoolVar(&flags.unserved, "unserved", false, "create it also when no worker serves the connection yet")
	cmd.MarkFlagsOneRequired("every", "cron", "dry-run")
	return cmd
}

// change returns what the flags set of a schedule.
func (f *scheduleWriteFlags) change(cmd *cobra.Command) (*client.ScheduleChange, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	change := &client.ScheduleChange{
		Every:         optional(cmd, "every", &f.every),
		Cron:          optional(cmd, "cron", &f.cron),
		TimeZone:      optional(cmd, "time-zone", &f.timeZone),
		Jitter:        optional(cmd, "jitter", &f.jitter),
		CatchUpWindow: optional(cmd, "catch-up-window", &f.catchUp),
		Note:          optional(cmd, "note", &f.note),
		Paused:        optional(cmd, "paused", &f.paused),
	}
	if err := flagFaults(change.Validate()); err != nil || f.policy == "" {
		return change, err
	}
	var err error
	change.Policy, err = readPolicy(f.policy, workflows.ParsePolicy)
	return change, err
}

func (a *app) scheduleReadCommand(name, short string, act func(context.Context, *client.Client, *scheduleFlags) error) *cobra.Command {
	var flags scheduleFlags
	cmd := &cobra.Command{
		Use:   name + " --connection NAME",
		Short: short,
		Args:  noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			return connect(cmd.Context(), flags.temporal, func(c *client.Client) error { return act(cmd.Context(), c, &flags) })
		},
	}
	flags.add(cmd)
	return cmd
}

func (a *app) writeSchedule(ctx context.Context, c *client.Client, flags *scheduleWriteFlags, change client.ScheduleChange, create bool) error {
	write := c.ChangeSchedule
	if create {
		write = c.CreateSchedule
		if !flags.unserved {
			if err := c.CheckServed(ctx, flags.connection); err != nil {
				return err
			}
		}
	}
	schedule, err := write(ctx, flags.connection, flags.id, change)
	if err != nil {
		return err
	}
	return a.showSchedule(flags.output, schedule)
}

// tryPolicy decides now what a policy would do: the given one, or that of the schedule.
func (a *app) tryPolicy(ctx context.Context, c *client.Client, flags *scheduleFlags, policy *workflows.Policy, update bool) error {
	in := workflows.BulkInput{Connection: flags.connection, RequestedBy: cmp.Or(a.env.UserName, "schedule "+flags.id)}
	if update {
		schedule, err := c.Schedule(ctx, flags.id)
		if err != nil {
			return err
		}
		in.Policy = schedule.Policy
	}
	if policy != nil {
		in.Policy = *policy
	}
	in.Policy.DryRun = true
	run, err := c.StartBulk(ctx, in)
	if err == nil {
		err = a.finish(ctx, many, flags.output, run, "")
	}
	return a.failed(flags.output, err)
}

func (a *app) describeSchedule(ctx context.Context, c *client.Client, flags *scheduleFlags) error {
	schedule, err := c.Schedule(ctx, flags.id)
	if err != nil {
		return err
	}
	return a.showSchedule(flags.output, schedule)
}

// deletedView is the answer to a deletion.
type deletedView struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

func (a *app) deleteSchedule(ctx context.Context, c *client.Client, flags *scheduleFlags) error {
	if err := c.DeleteSchedule(ctx, flags.id); err != nil {
		return err
	}
	return a.show(flags.output, deletedView{ID: flags.id, Deleted: true}, func() { a.println("deleted schedule " + flags.id) })
}

func (a *app) showSchedule(output format, schedule *client.Schedule) error {
	policy, err := policyText(&schedule.Policy)
	if err != nil {
		return err
	}
	times := "at times that were set elsewhere: temporal schedule describe --schedule-id " + schedule.ID
	if schedule.Every > 0 {
		times = "every " + schedule.Every.String()
	} else if schedule.Cron != "" {
		times = schedule.Cron + " (" + schedule.TimeZone + ")"
	}
	rows := []row{{"schedule", schedule.ID}, {"connection", schedule.Connection}, {"runs", times}}
	if schedule.Jitter > 0 {
		rows = append(rows, row{"jitter", schedule.Jitter.String()})
	}
	rows = append(rows, row{"catches up", "within " + schedule.CatchUpWindow.String()}, row{"paused", yesNo(schedule.Paused)},
		row{"note", schedule.Note}, row{"policy", policy}, row{"next runs", nextText(schedule.NextRuns)}, row{"last runs", lastText(schedule.LastRuns)})
	return a.show(output, schedule, func() { a.drawRows(rowsOf(rows...)...) })
}

// shownRuns is how many of the next and the last runs are drawn.
const shownRuns = 5

func nextText(runs []time.Time) string {
	var texts []string
	for _, at := range runs[:min(len(runs), shownRuns)] {
		texts = append(texts, instant(&at))
	}
	return cmp.Or(strings.Join(texts, "\n"), "none")
}

func lastText(runs []client.ScheduledRun) string {
	var texts []string
	for _, run := range runs[max(0, len(runs)-shownRuns):] {
		texts = append(texts, instant(&run.StartedAt)+"  latchkey bulk status "+run.WorkflowID)
	}
	return cmp.Or(strings.Join(texts, "\n"), "none")
}

// policyText is a policy as its file would hold it.
func policyText(policy *workflows.Policy) (string, error) {
	text, err := encodeJSON(policy, "", "")
	if err != nil {
		return "", err
	}
	var lines strings.Builder
	if err := writeYAML(&lines, text); err != nil {
		return "", err
	}
	written := strings.TrimSpace(lines.String())
	if written == "{}" {
		return "the defaults", nil
	}
	return written, nil
}
