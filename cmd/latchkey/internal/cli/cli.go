// Package cli is the command line of latchkey.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Env is all that the commands touch of the process that they run in, so that a test
// can stand in for it.
type Env struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// StdoutTerminal and StderrTerminal allow colours and a line that is redrawn.
	StdoutTerminal bool
	StderrTerminal bool
	// Colour may be switched off although stdout is a terminal.
	Colour bool
	// Width returns the terminal's width in columns.
	Width func() int
	// UserName returns the name of the operating system's user, or empty.
	UserName func() string
	// ProgressEvery is how often the line of progress is redrawn.
	ProgressEvery time.Duration
}

// progressEvery costs the server two cheap requests each time.
const progressEvery = 500 * time.Millisecond

// System returns the process's own environment.
func System() Env {
	return Env{
		Stdin:          os.Stdin,
		Stdout:         os.Stdout,
		Stderr:         os.Stderr,
		StdoutTerminal: isTerminal(os.Stdout),
		StderrTerminal: isTerminal(os.Stderr),
		Colour:         os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		Width:          terminalWidth,
		UserName:       userName,
		ProgressEvery:  progressEvery,
	}
}

func isTerminal(file *os.File) bool {
	return term.IsTerminal(int(file.Fd()))
}

// fallbackWidth is that of the oldest terminals.
const fallbackWidth = 80

func terminalWidth() int {
	for _, file := range []*os.File{os.Stdout, os.Stderr} {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return fallbackWidth
}

func userName() string {
	current, err := user.Current()
	if err != nil {
		return ""
	}
	return current.Username
}

// app is one call of the command.
type app struct {
	env Env
}

// Run runs one command and returns its exit code. Cancelling the context interrupts it.
func Run(ctx context.Context, env Env, args []string) int {
	a := &app{env: env}
	root := a.root()
	root.SetArgs(args)
	ran, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitOK
	}
	err = a.understood(ctx, root, err)
	said := explain(err)
	for _, line := range strings.Split(said.message, "\n") {
		if line != "" {
			_, _ = fmt.Fprintln(env.Stderr, "latchkey: "+printable(line))
		}
	}
	if said.try != "" {
		_, _ = fmt.Fprintln(env.Stderr, "See: "+printable(said.try))
	}
	if said.usage && ran.HasParent() {
		_, _ = fmt.Fprintf(env.Stderr, "Its flags are shown by: %s --help\n", ran.CommandPath())
	}
	return said.code
}

// understood turns what cobra and the context say into errors of our own.
func (a *app) understood(ctx context.Context, root *cobra.Command, err error) error {
	if name, unknown := unknownCommand(err); unknown {
		return unknownCommandError(root, name)
	}
	if ctx.Err() != nil && !isFinal(err) {
		return &interruptedError{message: "interrupted"}
	}
	return err
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "latchkey",
		Short: "Unlock user accounts at identity providers, durably, on Temporal",
		Long: "Latchkey unlocks user accounts at identity providers: it looks the account up, decides\n" +
			"whether it may be unlocked, unlocks it, and proves it. Each unlock is a Temporal workflow,\n" +
			"so it survives crashes and outages.\n\n" +
			"Where Temporal is follows its own variables and profiles: TEMPORAL_ADDRESS,\n" +
			"TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.env.Stdin)
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.unlockCommand(), a.statusCommand(), a.lockedCommand(), a.bulkCommand(), a.scheduleCommand(), a.approvalsCommand(), a.setupCommand(), a.workerCommand(), a.connectionsCommand(), a.schemaCommand(), a.versionCommand(), exitCodesTopic())
	strictHelp(root)
	return root
}

// noArguments refuses positional arguments, which are mostly a flag that was forgotten.
func noArguments(instead string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return usagef("%s takes flags and no arguments%s", cmd.CommandPath(), instead)
	}
}

// Root returns the command of nobody's process, to document it.
func Root() *cobra.Command { return (&app{}).root() }
