package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/workflows"
)

func (a *app) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Unlock all locked users under a policy, again and again",
		Long: "A schedule starts a run over all locked users, as latchkey bulk start does, every so often: a\n" +
			"Temporal Schedule of the workflow UnlockLockedUsers. A run that is due while the one before is\n" +
			"open is left out.\n\n" +
			"All else that can be done with one is done by Temporal's own command, which takes the same ID:\n\n" +
			"  temporal schedule list\n" +
			"  temporal schedule toggle --schedule-id ID --pause --reason TEXT\n" +
			"  temporal schedule trigger --schedule-id ID\n" +
			"  temporal schedule backfill --schedule-id ID --start-time TIME --end-time TIME",
		Args: noArguments(""),
	}
	cmd.AddCommand(
		a.scheduleWriteCommand("create", "Make a schedule", a.createSchedule),
		a.scheduleWriteCommand("update", "Change a schedule; what is not given stays as it is", a.updateSchedule),
		a.scheduleReadCommand("describe", "Show a schedule: when it runs, its policy, its next and last runs", a.describeSchedule),
		a.scheduleReadCommand("delete", "Delete a schedule; a run that is open goes on", a.deleteSchedule),
	)
	return cmd
}

func (a *app) scheduleWriteCommand(name, short string, act func(context.Context, *session, *scheduleFlags) error) *cobra.Command {
	var flags scheduleFlags
	cmd := &cobra.Command{
		Use:   name + " --connection NAME (--every DURATION | --cron EXPRESSION)",
		Short: short,
		Long: short + ". What a policy may hold is said by: latchkey schema policy\n\n" +
			"With --dry-run nothing is made or changed: it is decided now, and printed, what the policy would do\n" +
			"with those who are locked now, and whether the run would hold.",
		Example: fmt.Sprintf("  latchkey schedule %s --connection jumpcloud --every 15m --policy policy.yaml --dry-run\n"+
			"  latchkey schedule %s --connection jumpcloud --cron '*/10 6-20 * * 1-5' --time-zone Europe/Berlin", name, name),
		Args: noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.given = cmd.Flags().Changed
			if err := flags.check(name == "create"); err != nil {
				return err
			}
			return a.withSession(cmd.Context(), flags.place, func(connected *session) error {
				return act(cmd.Context(), connected, &flags)
			})
		},
	}
	if name == "update" {
		cmd.Use = "update --connection NAME"
	}
	flags.add(cmd)
	flags.addSpec(cmd)
	return cmd
}

func (a *app) scheduleReadCommand(name, short string, act func(context.Context, *session, *scheduleFlags) error) *cobra.Command {
	var flags scheduleFlags
	cmd := &cobra.Command{
		Use:   name + " --connection NAME",
		Short: short,
		Args:  noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.checkName(); err != nil {
				return err
			}
			return a.withSession(cmd.Context(), flags.place, func(connected *session) error {
				return act(cmd.Context(), connected, &flags)
			})
		},
	}
	flags.add(cmd)
	return cmd
}

// withSession connects for as long as something is done.
func (a *app) withSession(ctx context.Context, where place, do func(*session) error) error {
	connected, err := dial(ctx, where)
	if err != nil {
		return err
	}
	defer connected.close()
	return connected.located(do(connected))
}

func (a *app) createSchedule(ctx context.Context, connected *session, flags *scheduleFlags) error {
	in := flags.input()
	if flags.dryRun {
		return a.tryPolicy(ctx, connected, flags, in)
	}
	if !flags.unserved {
		if err := connected.latchkey.CheckServed(ctx, flags.connection); err != nil {
			return err
		}
	}
	_, err := connected.temporal.ScheduleClient().Create(ctx, sdkclient.ScheduleOptions{
		ID:            flags.id,
		Spec:          flags.spec(),
		Action:        scheduledAction(flags.id, in),
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: flags.catchUp.Std(),
		Note:          flags.note,
		Paused:        flags.paused,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return &client.Failure{Type: workflows.TypeScheduleExists,
			Message: fmt.Sprintf("there is a schedule %s already: change it with latchkey schedule update, or give another --id", flags.id)}
	}
	if err != nil {
		return flags.understood(err)
	}
	return a.describeSchedule(ctx, connected, flags)
}

// scheduledAction starts a run over all locked users.
func scheduledAction(id string, in *workflows.BulkInput) *sdkclient.ScheduleWorkflowAction {
	shown := workflows.ShownBulk(in.Connection)
	return &sdkclient.ScheduleWorkflowAction{
		ID:            workflows.BulkID(in.Connection, id),
		Workflow:      workflows.UnlockLockedUsersName,
		Args:          []any{in},
		TaskQueue:     workflows.TaskQueue,
		StaticSummary: shown.Summary,
		StaticDetails: shown.Details,
		Priority:      temporal.Priority{PriorityKey: workflows.PriorityBulk},
	}
}

// tryPolicy decides now what a policy would do.
func (a *app) tryPolicy(ctx context.Context, connected *session, flags *scheduleFlags, in *workflows.BulkInput) error {
	in.Policy.DryRun = true
	if name := a.env.UserName(); name != "" {
		in.RequestedBy = name
	}
	run, err := connected.latchkey.StartBulk(ctx, *in)
	if err != nil {
		return a.failedBulk(flags.output, nil, connected.located(err))
	}
	return a.finishBulk(ctx, connected, run, &bulkRequest{output: flags.output})
}

func (a *app) updateSchedule(ctx context.Context, connected *session, flags *scheduleFlags) error {
	handle := connected.temporal.ScheduleClient().GetHandle(ctx, flags.id)
	if flags.dryRun {
		described, err := handle.Describe(ctx)
		if err != nil {
			return flags.understood(err)
		}
		in, err := flags.scheduled(&described.Schedule)
		if err != nil {
			return err
		}
		return a.tryPolicy(ctx, connected, flags, in)
	}
	err := handle.Update(ctx, sdkclient.ScheduleUpdateOptions{DoUpdate: func(before sdkclient.ScheduleUpdateInput) (*sdkclient.ScheduleUpdate, error) {
		changed := before.Description.Schedule
		in, err := flags.scheduled(&changed)
		if err != nil {
			return nil, err
		}
		changed.Action = scheduledAction(flags.id, in)
		flags.change(&changed)
		return &sdkclient.ScheduleUpdate{Schedule: &changed}, nil
	}})
	if err != nil {
		return flags.understood(err)
	}
	return a.describeSchedule(ctx, connected, flags)
}

func (a *app) describeSchedule(ctx context.Context, connected *session, flags *scheduleFlags) error {
	described, err := connected.temporal.ScheduleClient().GetHandle(ctx, flags.id).Describe(ctx)
	if err != nil {
		return flags.understood(err)
	}
	in, err := inputOf(flags.id, &described.Schedule)
	if err != nil {
		return err
	}
	view := viewSchedule(flags.id, in, described)
	if flags.output.structured() {
		return a.encode(flags.output, view)
	}
	return a.drawSchedule(view)
}

func (a *app) deleteSchedule(ctx context.Context, connected *session, flags *scheduleFlags) error {
	if err := connected.temporal.ScheduleClient().GetHandle(ctx, flags.id).Delete(ctx); err != nil {
		return flags.understood(err)
	}
	if flags.output.structured() {
		return a.encode(flags.output, deletedView{ID: flags.id, Deleted: true})
	}
	_, err := fmt.Fprintf(a.env.Stdout, "deleted the schedule %s\n", flags.id)
	return err
}

// deletedView is the answer to a deletion.
type deletedView struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

// understood says what the server means by an error about the schedule.
func (f *scheduleFlags) understood(err error) error {
	var missing *serviceerror.NotFound
	var invalid *serviceerror.InvalidArgument
	switch {
	case errors.As(err, &missing):
		return &client.Failure{Type: string(connectors.NotFound),
			Message: fmt.Sprintf("there is no schedule %s: make it with latchkey schedule create, or give the --id of another", f.id)}
	case errors.As(err, &invalid):
		return usagef("Temporal does not take the schedule: %s", invalid.Message)
	default:
		return err
	}
}
