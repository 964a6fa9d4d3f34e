package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// setupView is what a namespace has of what Latchkey needs.
type setupView struct {
	Namespace  string          `json:"namespace"`
	Attributes []attributeView `json:"attributes"`
	// Retention is how long the namespace keeps closed runs, and Window how long the default
	// policy, and those of the namespace's schedules, must be able to look back.
	Retention     string `json:"retention"`
	Window        string `json:"window"`
	RetentionFits bool   `json:"retentionFits"`
	// Commands are left to be run.
	Commands []string `json:"commands"`
}

// attributeView is a search attribute and whether the namespace has it.
type attributeView struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// State is exists, registered (now) or missing.
	State string `json:"state"`
}

// The words of attributeView.State.
const (
	attributeExists     = "exists"
	attributeRegistered = "registered"
	attributeMissing    = "missing"
)

// printedView is what --print says.
type printedView struct {
	Namespace string   `json:"namespace"`
	Commands  []string `json:"commands"`
}

func (a *app) setupCommand() *cobra.Command {
	var printOnly bool
	var output format
	var where place
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Register Latchkey's search attributes in the namespace, and check its retention",
		Long: "Registers those of Latchkey's search attributes that the namespace lacks, and waits until they can\n" +
			"be used; running it again changes nothing. Restart the workers afterwards: they ask for the search\n" +
			"attributes when they start. It also says whether the namespace keeps closed runs as long as the\n" +
			"policies of its schedules look back, and the default one, which counts the unlocks of a user within " + guard.Round(workflows.DefaultPerUserWindow) + ".\n\n" +
			"Where it may not register them, as on Temporal Cloud, it prints the commands that do, and the exit\n" +
			"code is 2 while any is missing.",
		Example: "  latchkey setup\n" +
			"  latchkey setup --namespace identity --print",
		Args: noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if printOnly {
				return a.printSetup(output, where)
			}
			return a.withSession(cmd.Context(), where, func(connected *session) error {
				return a.setup(cmd.Context(), connected, output, where)
			})
		},
	}
	cmd.Flags().BoolVar(&printOnly, "print", false, "print the commands that register them, and ask and change nothing")
	addFormats(cmd, &output, formatTable, formatJSON)
	where.add(cmd)
	return cmd
}

// printSetup prints what registers all of the search attributes.
func (a *app) printSetup(output format, where place) error {
	options, err := temporalclient.Load()
	if err != nil {
		return &usageError{message: err.Error(), elsewhere: true}
	}
	target := targetOf(options.With(where.address, where.namespace), where)
	view := printedView{Namespace: target.namespace, Commands: []string{target.register(workflows.SearchAttributes())}}
	if output.structured() {
		return a.encode(output, view)
	}
	return a.drawCommands(view.Commands)
}

// setup registers what is missing where it may, and shows what there is then.
func (a *app) setup(ctx context.Context, connected *session, output format, where place) error {
	target := targetOf(connected.options, where)
	view := &setupView{Namespace: target.namespace, Commands: []string{}}
	missing, err := connected.attributes(ctx, &target, view)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		view.Commands = append(view.Commands, target.register(missing))
	}
	if err := connected.retention(ctx, &target, view); err != nil {
		return err
	}
	if err := a.showSetup(output, view); err != nil || len(missing) == 0 {
		return err
	}
	return &client.Failure{Type: workflows.TypeNotSetUp,
		Message: fmt.Sprintf("the namespace lacks search attributes (%s), and Temporal does not let this command register them; run the command that is printed", strings.Join(missing, ", "))}
}

// attributes completes the view, and returns what is missing still.
func (s *session) attributes(ctx context.Context, target *target, view *setupView) ([]string, error) {
	there, err := temporalclient.SearchAttributes(ctx, s.temporal, target.namespace, workflows.SearchAttributes())
	var unimplemented *serviceerror.Unimplemented
	target.cloud = target.cloud || errors.As(err, &unimplemented)
	if err != nil && !temporalclient.NotOurs(err) {
		return nil, err
	}
	missing, err := target.missing(there)
	if err != nil {
		return nil, err
	}
	registered := []string{}
	if len(missing) > 0 && !target.cloud {
		switch err := s.register(ctx, target.namespace, missing); {
		case temporalclient.NotOurs(err):
		case err != nil:
			return nil, err
		default:
			registered, missing = missing, nil
		}
	}
	for _, name := range workflows.SearchAttributes() {
		state := attributeExists
		if slices.Contains(registered, name) {
			state = attributeRegistered
		} else if slices.Contains(missing, name) {
			state = attributeMissing
		}
		view.Attributes = append(view.Attributes, attributeView{Name: name, Type: workflows.SearchAttributeTypes()[name].String(), State: state})
	}
	return missing, nil
}

// usableWithin bounds the wait until all of Temporal knows what was registered, and
// usableInterval is how often it is asked.
const (
	usableWithin   = time.Minute
	usableInterval = 200 * time.Millisecond
)

// register registers search attributes and waits until they can be used.
func (s *session) register(ctx context.Context, namespace string, names []string) error {
	request := &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: workflows.SearchAttributeTypes()}
	for name := range request.SearchAttributes {
		if !slices.Contains(names, name) {
			delete(request.SearchAttributes, name)
		}
	}
	_, err := s.temporal.OperatorService().AddSearchAttributes(ctx, request)
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) { // Somebody else may have registered them just now.
		return err
	}
	return s.awaitUsable(ctx, namespace, names)
}

// awaitUsable waits until the namespace takes a query by the search attributes.
func (s *session) awaitUsable(ctx context.Context, namespace string, names []string) error {
	request := &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: strings.Join(names, " = 'x' AND ") + " = 'x'"}
	deadline := time.Now().Add(usableWithin)
	ticker := time.NewTicker(usableInterval)
	defer ticker.Stop()
	for {
		_, err := s.temporal.CountWorkflow(ctx, request)
		var invalid *serviceerror.InvalidArgument
		switch {
		case !errors.As(err, &invalid):
			return err
		case time.Now().After(deadline):
			return &client.Failure{Type: workflows.TypeNotSetUp,
				Message: "the search attributes are registered, and Temporal does not know them everywhere yet; run latchkey setup again in a minute"}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// retention completes the view by how long the namespace keeps closed runs.
func (s *session) retention(ctx context.Context, target *target, view *setupView) error {
	described, err := s.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: target.namespace})
	if err != nil {
		return err
	}
	window, err := s.lookBack(ctx)
	if err != nil {
		return err
	}
	kept := described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	view.Retention, view.Window = guard.Round(kept), guard.Round(window)
	if view.RetentionFits = kept >= window; !view.RetentionFits {
		view.Commands = append(view.Commands, target.retain(max(advisedRetention, window)))
	}
	return nil
}

// lookBack is how long the default policy and those of the namespace's schedules look back.
func (s *session) lookBack(ctx context.Context) (time.Duration, error) {
	longest := workflows.DefaultPerUserWindow
	listed, err := s.temporal.ScheduleClient().List(ctx, sdkclient.ScheduleListOptions{})
	for err == nil && listed.HasNext() {
		var entry *sdkclient.ScheduleListEntry
		if entry, err = listed.Next(); err != nil || entry.WorkflowType.Name != workflows.UnlockLockedUsersName {
			continue
		}
		described, fault := s.temporal.ScheduleClient().GetHandle(ctx, entry.ID).Describe(ctx)
		var gone *serviceerror.NotFound
		switch {
		case errors.As(fault, &gone), temporalclient.NotOurs(fault):
			continue // Deleted meanwhile; or who may not see a schedule does not run it.
		case fault != nil:
			return 0, fault
		}
		if in, foreign := inputOf(entry.ID, &described.Schedule); foreign == nil {
			longest = max(longest, in.Policy.LookBack())
		}
	}
	if temporalclient.NotOurs(err) {
		err = nil // Who may not see the schedules does not run them.
	}
	return longest, err
}

func (a *app) showSetup(output format, view *setupView) error {
	if output.structured() {
		return a.encode(output, view)
	}
	rows := make([]table.Row, len(view.Attributes))
	for i, each := range view.Attributes {
		rows[i] = table.Row{each.Name, each.Type, each.State}
	}
	if err := a.drawTable(table.Row{"Search attribute", "Type", "State"}, rows); err != nil {
		return err
	}
	fits := "as long as the default policy and the schedules' look back"
	if !view.RetentionFits {
		fits = "too short for the default policy or a schedule's, which counts the unlocks of a user within " + view.Window
	}
	if err := a.drawRows([]row{{"namespace", printable(view.Namespace)}, {"keeps closed runs for", view.Retention + ": " + fits}}); err != nil || len(view.Commands) == 0 {
		return err
	}
	if _, err := fmt.Fprint(a.env.Stdout, "\nRun:\n"); err != nil {
		return err
	}
	return a.drawCommands(view.Commands)
}

func (a *app) drawCommands(commands []string) error {
	_, err := fmt.Fprintln(a.env.Stdout, strings.Join(commands, "\n"))
	return err
}
