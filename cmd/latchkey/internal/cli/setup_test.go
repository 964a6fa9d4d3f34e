package cli

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/test/latchkeytest"
	"github.com/latchkey-iam/latchkey/workflows"
)

// states are those of the attributes, in order.
func (v setupView) states() []client.AttributeState {
	var states []client.AttributeState
	for _, each := range v.Attributes {
		states = append(states, each.State)
	}
	return states
}

func all(state client.AttributeState) []client.AttributeState {
	var states []client.AttributeState
	for range workflows.SearchAttributes() {
		states = append(states, state)
	}
	return states
}

// TestSetup: what is missing is registered and can be used; a second time nothing is done.
func TestSetup(t *testing.T) {
	t.Parallel()
	asking := nobody(t)
	const bare = "cli-setup"
	asking.bareNamespace(t, bare, 48*time.Hour)
	got := asking.call(t.Context(), "setup", "--namespace", bare, "-o", "json")
	require.Equal(t, ExitOK, got.code, got.stderr)
	view := read[setupView](t, got.stdout)
	require.Equal(t, all(client.AttributeRegistered), view.states())
	require.Equal(t, setupView{Namespace: bare, Attributes: view.Attributes, Retention: "48h", Window: "24h", RetentionFits: true, Commands: []string{}}, view)
	require.Equal(t, client.Attribute{Name: "LatchkeyConnection", Type: "Keyword", State: client.AttributeRegistered}, view.Attributes[0])
	require.Equal(t, "Nothing waits for an approval.\n", asking.again().call(t.Context(), "approvals", "list", "--namespace", bare).stdout)

	again := asking.again().call(t.Context(), "setup", "--namespace", bare, "-o", "json")
	require.Equal(t, all(client.AttributeExists), read[setupView](t, again.stdout).states())
	drawn := asking.again().call(t.Context(), "setup", "--namespace", bare)
	require.Equal(t, ExitOK, drawn.code)
	require.Empty(t, drawn.stderr)
	require.Regexp(t, `LatchkeyAwaiting +│ Keyword +│ exists`, drawn.stdout)
	require.Regexp(t, `keeps closed runs for +48h: long enough for`, drawn.stdout)
	require.NotContains(t, drawn.stdout, "Run:")
}

// TestSetupOfAFew registers only what is missing, and says what to do about the retention.
func TestSetupOfAFew(t *testing.T) {
	t.Parallel()
	asking := nobody(t)
	const some = "cli-setup-some"
	asking.bareNamespace(t, some, time.Hour)
	asking.addAttribute(t, some, "LatchkeyProvider", enumspb.INDEXED_VALUE_TYPE_KEYWORD)
	got := asking.call(t.Context(), "setup", "--namespace", some)
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Regexp(t, `LatchkeyConnection +│ Keyword +│ registered`, got.stdout)
	require.Regexp(t, `LatchkeyProvider +│ Keyword +│ exists`, got.stdout)
	require.Regexp(t, `keeps closed runs for +1h: too short for the default policy or a schedule's, which counts the unlocks of a user within 24h`, got.stdout)
	require.Contains(t, got.stdout, "\nRun:\ntemporal operator namespace update --namespace "+some+" --address "+asking.server.address+" --retention 72h\n")
}

// addAttribute registers a search attribute as somebody else might have.
func (n *tenant) addAttribute(t *testing.T, namespace, name string, as enumspb.IndexedValueType) {
	t.Helper()
	_, err := n.server.temporal.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: map[string]enumspb.IndexedValueType{name: as}})
	require.NoError(t, err)
}

// TestSetupOfAnotherType changes nothing.
func TestSetupOfAnotherType(t *testing.T) {
	t.Parallel()
	asking := nobody(t)
	const mixed = "cli-setup-mixed"
	asking.bareNamespace(t, mixed, 24*time.Hour)
	asking.addAttribute(t, mixed, "LatchkeyOutcome", enumspb.INDEXED_VALUE_TYPE_TEXT)
	got := asking.call(t.Context(), "setup", "--namespace", mixed)
	require.Equal(t, ExitUsage, got.code)
	require.Contains(t, got.stderr, "latchkey: NotSetUp: in the namespace cli-setup-mixed the search attribute LatchkeyOutcome is there as Text and must be Keyword")
	require.Empty(t, got.stdout)
	listed, err := asking.server.temporal.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: mixed})
	require.NoError(t, err)
	require.NotContains(t, listed.GetCustomAttributes(), "LatchkeyConnection")
}

func TestSetupOfNothing(t *testing.T) {
	t.Parallel()
	asking := nobody(t)
	got := asking.call(t.Context(), "setup", "--namespace", "nowhere")
	require.Equal(t, ExitUnreachable, got.code)
	require.Contains(t, got.stderr, "(namespace nowhere)")
	require.Equal(t, ExitUnreachable, run(t, "setup", "--address", nowhere).code)
	require.Equal(t, ExitUsage, run(t, "setup", "-o", "yaml").code)
}

const (
	sixAtCloud = " --search-attribute LatchkeyConnection=Keyword --search-attribute LatchkeyProvider=Keyword" +
		" --search-attribute LatchkeyOutcome=Keyword --search-attribute LatchkeyUserId=Keyword --search-attribute LatchkeyAwaiting=Keyword --search-attribute LatchkeyUnlockSent=Keyword\n"
	sixAtOwn = " --name LatchkeyConnection --type Keyword --name LatchkeyProvider --type Keyword" +
		" --name LatchkeyOutcome --type Keyword --name LatchkeyUserId --type Keyword --name LatchkeyAwaiting --type Keyword --name LatchkeyUnlockSent --type Keyword\n"
)

// TestSetupPrint dials nobody.
func TestSetupPrint(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ address, namespace, want string }{
		"own":        {nowhere, "identity", "temporal operator search-attribute create --namespace identity --address " + nowhere + sixAtOwn},
		"quoted":     {nowhere, "it's", `temporal operator search-attribute create --namespace 'it'\''s' --address ` + nowhere + sixAtOwn},
		"cloud":      {"identity.a1b2c.tmprl.cloud:7233", "identity.a1b2c", "tcld namespace search-attributes add --namespace identity.a1b2c" + sixAtCloud},
		"a region":   {"us-east-1.aws.api.temporal.io:7233", "identity.a1b2c", "tcld namespace search-attributes add --namespace identity.a1b2c" + sixAtCloud},
		"no port":    {"IDENTITY.A1B2C.TMPRL.CLOUD", "identity.a1b2c", "tcld namespace search-attributes add --namespace identity.a1b2c" + sixAtCloud},
		"look-alike": {"tmprl.cloud.example:7233", "identity", "temporal operator search-attribute create --namespace identity --address tmprl.cloud.example:7233" + sixAtOwn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"setup", "--print", "--address", test.address, "--namespace", test.namespace}
			require.Equal(t, outcome{stdout: test.want}, run(t, args...))
			require.Equal(t, test.want, read[printedView](t, run(t, append(args, "-o", "json")...).stdout).Commands[0]+"\n")
		})
	}
}

// foreign is a Temporal that lets nobody register search attributes, as Temporal Cloud's.
type foreign struct {
	workflowservice.UnimplementedWorkflowServiceServer
	operatorservice.UnimplementedOperatorServiceServer
	code codes.Code
	// usable says that queries by the search attributes are answered: somebody registered them.
	usable bool
	// down says that no query is answered at all.
	down bool
}

func (f *foreign) CountWorkflowExecutions(context.Context, *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	if f.down {
		return nil, status.Error(codes.FailedPrecondition, "the index is down")
	}
	if !f.usable {
		return nil, status.Error(codes.InvalidArgument, "no such search attribute")
	}
	return &workflowservice.CountWorkflowExecutionsResponse{}, nil
}

func (f *foreign) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{Config: &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(time.Hour)}}, nil
}

func (f *foreign) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest) (*operatorservice.ListSearchAttributesResponse, error) {
	if f.code == codes.Unimplemented {
		return nil, status.Error(f.code, "not here")
	}
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: map[string]enumspb.IndexedValueType{
		"LatchkeyConnection": enumspb.INDEXED_VALUE_TYPE_KEYWORD}}, nil
}

func (f *foreign) AddSearchAttributes(context.Context, *operatorservice.AddSearchAttributesRequest) (*operatorservice.AddSearchAttributesResponse, error) {
	return nil, status.Error(f.code, "not you")
}

// serve serves it until the test ends, and returns its address.
func (f *foreign) serve(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, f)
	operatorservice.RegisterOperatorServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// TestSetupDoneElsewhere: where the server does not say what there is, what can be used is.
func TestSetupDoneElsewhere(t *testing.T) {
	t.Parallel()
	address := (&foreign{code: codes.Unimplemented, usable: true}).serve(t)
	got := run(t, "setup", "--address", address, "--namespace", "identity", "-o", "json")
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Equal(t, all(client.AttributeExists), read[setupView](t, got.stdout).states())
}

// TestSetupCannotTell: an index that is down misses nothing, and nobody registers anew.
func TestSetupCannotTell(t *testing.T) {
	t.Parallel()
	address := (&foreign{code: codes.Unimplemented, down: true}).serve(t)
	got := run(t, "setup", "--address", address, "--namespace", "identity", "-o", "json")
	require.NotEqual(t, ExitOK, got.code)
	require.Empty(t, got.stdout)
	require.Contains(t, got.stderr, "the index is down")
}

// TestSetupLooksAtSchedules: a schedule that looks back further than the default needs a
// longer retention.
func TestSetupLooksAtSchedules(t *testing.T) {
	t.Parallel()
	asking := nobody(t)
	const watched = "cli-setup-schedules"
	asking.bareNamespace(t, watched, 48*time.Hour)
	temporal, err := temporalclient.Dial(t.Context(), temporalclient.At(asking.server.address, watched), latchkeytest.Silent())
	require.NoError(t, err)
	defer temporal.Close()
	for id, action := range map[string]*sdkclient.ScheduleWorkflowAction{
		"deep": {Workflow: workflows.UnlockLockedUsersName, TaskQueue: workflows.TaskQueue, Args: []any{workflows.BulkInput{Connection: "jc",
			Policy: workflows.Policy{MaxPerUser: &workflows.MaxPerUser{Unlocks: 5, Within: workflows.Duration(100 * time.Hour)}}}}},
		"default": {Workflow: workflows.UnlockLockedUsersName, TaskQueue: workflows.TaskQueue, Args: []any{workflows.BulkInput{Connection: "jc"}}},
		"foreign": {Workflow: "Another", TaskQueue: "another"},
	} {
		_, err := temporal.ScheduleClient().Create(t.Context(), sdkclient.ScheduleOptions{ID: id, Action: action, Paused: true})
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { // The list of schedules is late.
		got := asking.again().call(t.Context(), "setup", "--namespace", watched, "-o", "json")
		view := read[setupView](t, got.stdout)
		return view.Window == "100h" && !view.RetentionFits && len(view.Commands) == 1 && strings.HasSuffix(view.Commands[0], " --retention 100h")
	}, listedSoon, 200*time.Millisecond)
}

func TestSetupElsewhere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code     codes.Code
		missing  int
		commands []string
	}{
		"unimplemented": {codes.Unimplemented, 6, []string{"tcld namespace search-attributes add --namespace identity", "tcld namespace retention set --namespace identity --retention-days 3"}},
		"denied":        {codes.PermissionDenied, 5, []string{"temporal operator search-attribute create --namespace identity", "temporal operator namespace update --namespace identity"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := (&foreign{code: test.code}).serve(t)
			got := run(t, "setup", "--address", address, "--namespace", "identity", "-o", "json")
			require.Equal(t, ExitUsage, got.code, got.stderr)
			require.Contains(t, got.stderr, "latchkey: NotSetUp: the namespace lacks search attributes (")
			view := read[setupView](t, got.stdout)
			missing := 0
			for _, state := range view.states() {
				if state == client.AttributeMissing {
					missing++
				}
			}
			require.Equal(t, test.missing, missing)
			require.Len(t, view.Commands, len(test.commands))
			for i, command := range test.commands {
				require.Contains(t, view.Commands[i], command)
			}
		})
	}
}
