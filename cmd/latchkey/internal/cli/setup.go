package cli

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
)

// setupView is what a namespace has of what Latchkey needs.
type setupView struct {
	Namespace  string             `json:"namespace"`
	Attributes []client.Attribute `json:"attributes"`
	// Retention is how long the namespace keeps closed runs, and Window how long the default
	// policy, and those of the namespace's schedules, must be able to look back.
	Retention     string `json:"retention"`
	Window        string `json:"window"`
	RetentionFits bool   `json:"retentionFits"`
	// Commands are left to be run.
	Commands []string `json:"commands"`
}

// printedView is what --print says.
type printedView struct {
	Namespace string   `json:"namespace"`
	Commands  []string `json:"commands"`
}

func (a *app) setupCommand() *cobra.Command {
	var printOnly bool
	var common commonFlags
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Register Latchkey's search attributes in the namespace, and check its retention",
		Long: "Registers those of Latchkey's search attributes that the namespace lacks, and waits until they can\n" +
			"be used; running it again changes nothing. It also says whether the namespace keeps closed runs as\n" +
			"long as the policies of its schedules look back, and the default policy, which counts the unlocks\n" +
			"of a user within " + guard.Round(workflows.DefaultPerUserWindow) + ".\n\n" +
			"Where it may not register them, as on Temporal Cloud, it prints the commands that do, and the exit\n" +
			"code is 2 while any is missing.",
		Example: "  latchkey setup\n" +
			"  latchkey setup --namespace identity --print",
		Args: noArguments(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			options, err := common.temporal.options()
			if err != nil {
				return err
			}
			namespace := namespace{name: options.Namespace, address: common.temporal.address, cloud: onCloud(options.Address)}
			if printOnly {
				view := printedView{Namespace: namespace.name, Commands: []string{namespace.register(workflows.SearchAttributes())}}
				return a.show(common.output, view, func() { a.println(view.Commands[0]) })
			}
			return connect(cmd.Context(), common.temporal, func(c *client.Client) error {
				return a.setup(cmd.Context(), c, common.output, namespace)
			})
		},
	}
	cmd.Flags().BoolVar(&printOnly, "print", false, "print the commands that register them, and ask and change nothing")
	common.add(cmd, formatTable, formatJSON)
	return cmd
}

// advisedRetention leaves room beyond the default policy's window.
const advisedRetention = 72 * time.Hour

// setup registers what is missing where it may, and shows what there is then.
func (a *app) setup(ctx context.Context, c *client.Client, output format, namespace namespace) error {
	setup, err := c.SetUp(ctx)
	if err != nil {
		return err
	}
	namespace.cloud = namespace.cloud || setup.Cloud
	view := setupView{Namespace: setup.Namespace, Attributes: setup.Attributes, Commands: []string{},
		Retention: guard.Round(setup.Retention), Window: guard.Round(setup.LookBack), RetentionFits: setup.Retention >= setup.LookBack}
	missing := setup.Missing()
	if len(missing) > 0 {
		view.Commands = append(view.Commands, namespace.register(missing))
	}
	if !view.RetentionFits {
		view.Commands = append(view.Commands, namespace.retain(max(advisedRetention, setup.LookBack)))
	}
	if err := a.show(output, view, func() { a.drawSetup(&view) }); err != nil || len(missing) == 0 {
		return err
	}
	return &client.Failure{Type: workflows.TypeNotSetUp,
		Message: fmt.Sprintf("the namespace lacks search attributes (%s), and Temporal does not let this command register them; run the command that is printed", strings.Join(missing, ", "))}
}

func (a *app) drawSetup(view *setupView) {
	rows := make([]table.Row, len(view.Attributes))
	for i, each := range view.Attributes {
		rows[i] = table.Row{each.Name, each.Type, each.State}
	}
	a.drawTable(table.Row{"Search attribute", "Type", "State"}, rows)
	fits := "long enough for the default policy and those of the schedules"
	if !view.RetentionFits {
		fits = "too short for the default policy or a schedule's, which counts the unlocks of a user within " + view.Window
	}
	a.drawRows(row{"namespace", view.Namespace}, row{"keeps closed runs for", view.Retention + ": " + fits})
	if len(view.Commands) > 0 {
		a.println("\nRun:\n" + strings.Join(view.Commands, "\n"))
	}
}

// namespace is one that is set up, by commands of Temporal's or of Temporal Cloud's.
type namespace struct {
	name string
	// address is what the caller said, for the command to say the same; empty otherwise.
	address string
	cloud   bool
}

// onCloud reports whether an address is one of Temporal Cloud's; see
// https://docs.temporal.io/cloud/namespaces#access-namespaces.
func onCloud(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return strings.HasSuffix(host, ".tmprl.cloud") || host == "api.temporal.io" || strings.HasSuffix(host, ".api.temporal.io")
}

// register is the command that registers search attributes; see
// https://docs.temporal.io/cli/operator#search-attribute and
// https://docs.temporal.io/cloud/tcld/namespace#search-attributes.
func (n *namespace) register(names []string) string {
	command := "temporal operator search-attribute create --namespace " + shellWord(n.name) + n.at()
	one := " --name %s --type %s"
	if n.cloud {
		command, one = "tcld namespace search-attributes add --namespace "+shellWord(n.name), " --search-attribute %s=%s"
	}
	for _, name := range names {
		command += fmt.Sprintf(one, name, workflows.SearchAttributeTypes()[name])
	}
	return command
}

// retain is the command that keeps closed runs longer.
func (n *namespace) retain(within time.Duration) string {
	if n.cloud {
		return fmt.Sprintf("tcld namespace retention set --namespace %s --retention-days %d", shellWord(n.name), (within+24*time.Hour-1)/(24*time.Hour))
	}
	return fmt.Sprintf("temporal operator namespace update --namespace %s%s --retention %dh", shellWord(n.name), n.at(), (within+time.Hour-1)/time.Hour)
}

func (n *namespace) at() string {
	if n.address == "" {
		return ""
	}
	return " --address " + shellWord(n.address)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._:/-]+$`)

// shellWord quotes what a shell would take apart.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(printable(word), "'", `'\''`) + "'"
}
