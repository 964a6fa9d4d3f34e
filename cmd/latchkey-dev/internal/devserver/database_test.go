package devserver

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// childFile names the variable that makes this test binary a server that its
// parent kills.
const childFile = "DEVSERVER_TEST_DATABASE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		beKilled(path)
	}
	os.Exit(m.Run())
}

func TestFileKeepsOpenWorkflows(t *testing.T) {
	t.Parallel()
	// A name that SQLite would read as something else if it were not escaped.
	file := filepath.Join(t.TempDir(), "dev 100%25 #1?mode=memory.db")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	first := start(t, Options{DatabaseFile: file})
	c := dial(t, first)
	stop := serve(t, c)
	run, err := c.ExecuteWorkflow(ctx, startOptions("open"), waitWorkflow)
	require.NoError(t, err)
	require.Equal(t, "hello closed", runGreet(t, c, "closed"))
	stop()
	c.Close()
	require.NoError(t, first.Stop())
	require.FileExists(t, file)

	second := start(t, Options{DatabaseFile: file})
	c = dial(t, second)
	defer serve(t, c)()
	require.NoError(t, c.SignalWorkflow(ctx, "open", run.GetRunID(), goOnSignal, "after all"))
	var result string
	require.NoError(t, c.GetWorkflow(ctx, "open", run.GetRunID()).Get(ctx, &result))
	require.Equal(t, "after all", result)
	require.NoError(t, c.GetWorkflow(ctx, "closed", "").Get(ctx, &result))
	require.Equal(t, "hello closed", result)
}

func TestFileSurvivesAKilledProcess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dev.db")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()

	for _, want := range []string{"kill-0", "kill-1"} {
		child := exec.CommandContext(ctx, os.Args[0])
		child.Env = append(os.Environ(), childFile+"="+file, "DEVSERVER_TEST_ID="+want)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		acknowledged := bufio.NewScanner(out)
		require.True(t, acknowledged.Scan(), "the child gave up")
		require.NoError(t, child.Process.Kill())
		require.Equal(t, want, acknowledged.Text())
		require.Error(t, child.Wait())
	}

	c := dial(t, start(t, Options{DatabaseFile: file}))
	defer serve(t, c)()
	for _, id := range []string{"kill-0", "kill-1"} {
		require.NoError(t, c.SignalWorkflow(ctx, id, "", goOnSignal, "alive"))
		var result string
		require.NoError(t, c.GetWorkflow(ctx, id, "").Get(ctx, &result))
		require.Equal(t, "alive", result)
	}
}

// beKilled starts a workflow on the file, says so, and waits for its end. Its
// first line on stdout is also proof that the server prints nothing.
func beKilled(file string) {
	ctx := context.Background()
	server, err := Start(ctx, Options{Address: freePort, UIAddress: freePort, DatabaseFile: file})
	fail(err)
	c, err := client.Dial(client.Options{HostPort: server.Address(), Logger: silent{}})
	fail(err)
	id := os.Getenv("DEVSERVER_TEST_ID")
	_, err = c.ExecuteWorkflow(ctx, startOptions(id), waitWorkflow)
	fail(err)
	fmt.Println(id)
	select {}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestSearchAttributes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dev.db")

	first := start(t, Options{DatabaseFile: file, SearchAttributes: keyword("Old", attributeName)})
	require.Subset(t, listAttributes(t, dial(t, first)), keyword("Old", attributeName))
	require.NoError(t, first.Stop())

	second := start(t, Options{DatabaseFile: file, SearchAttributes: keyword("Added", attributeName)})
	c := dial(t, second)
	require.Subset(t, listAttributes(t, c), keyword("Old", "Added", attributeName))

	options := startOptions("attributed")
	options.TypedSearchAttributes = temporal.NewSearchAttributes(
		temporal.NewSearchAttributeKeyKeyword("Added").ValueSet("here"),
		temporal.NewSearchAttributeKeyKeyword(attributeName).ValueSet("jc-prod"),
	)
	_, err := c.ExecuteWorkflow(t.Context(), options, waitWorkflow)
	require.NoError(t, err)
	require.True(t, waitFor(func() bool {
		found, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Query: "Added = 'here' AND LatchkeyConnection = 'jc-prod'",
		})
		require.NoError(t, err)
		return found.GetCount() == 1
	}))
	require.NoError(t, second.Stop())

	_, err = Start(t.Context(), Options{Address: freePort, DatabaseFile: file, SearchAttributes: map[string]enumspb.IndexedValueType{
		"Old": enumspb.INDEXED_VALUE_TYPE_INT,
	}})
	require.ErrorContains(t, err, "Old exists as Keyword and cannot become Int")
}

func listAttributes(t *testing.T, c client.Client) map[string]enumspb.IndexedValueType {
	t.Helper()
	response, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: DefaultNamespace})
	require.NoError(t, err)
	return response.GetCustomAttributes()
}

func TestTooManySearchAttributes(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("Attribute%d", i))
	}
	_, err := Start(t.Context(), Options{Address: freePort, SearchAttributes: keyword(names...)})
	require.ErrorContains(t, err, "search attributes of type Keyword")
}

func TestRefusesForeignFiles(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(file string) error{
		"text": func(file string) error {
			return os.WriteFile(file, bytes.Repeat([]byte("no database\n"), 100), 0o600)
		},
		"another program's": func(file string) error {
			db, err := sql.Open("sqlite", file)
			if err != nil {
				return err
			}
			_, err = db.Exec("CREATE TABLE theirs (id INTEGER)")
			return errors.Join(err, db.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "foreign.db")
			require.NoError(t, write(file))
			_, err := Start(t.Context(), Options{Address: freePort, DatabaseFile: file})
			require.ErrorContains(t, err, file)
		})
	}
}

func TestRefusesAMissingFolder(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Address: freePort, DatabaseFile: filepath.Join(t.TempDir(), "missing", "dev.db")})
	require.ErrorIs(t, err, os.ErrNotExist)
}
