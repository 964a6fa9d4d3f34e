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

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/workflows"
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
	// UserName is the name of the operating system's user, or empty.
	UserName string
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
		UserName:       userName(),
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
	// began says that the command line was accepted and its command runs.
	began bool
}

// Run runs one command and returns its exit code. Cancelling the context interrupts it.
func Run(ctx context.Context, env Env, args []string) int {
	stdout := &checkedWriter{out: env.Stdout}
	env.Stdout = stdout
	a := &app{env: env}
	root := a.root()
	root.SetArgs(args)
	ran, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil && stdout.err == nil:
		return ExitOK
	case err == nil:
		err = fmt.Errorf("write the output: %w", stdout.err)
	case !a.began:
		err = commandLineError(root, err)
	case ctx.Err() != nil && !conclusive(err):
		err = &client.Failure{Type: workflows.TypeInterrupted, Message: "interrupted"}
	}
	return a.report(ran, err)
}

// checkedWriter keeps the first error of a writer, so that it need not be looked at line by line.
type checkedWriter struct {
	out io.Writer
	err error
}

// Write implements io.Writer.
func (w *checkedWriter) Write(data []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	var written int
	written, w.err = w.out.Write(data)
	return written, w.err
}

// report writes an error to stderr and returns its exit code.
func (a *app) report(ran *cobra.Command, err error) int {
	failure, help := explain(err)
	if failure == nil {
		return exitCodeOf(err)
	}
	for _, line := range strings.Split(message(failure, err), "\n") {
		if line != "" {
			a.warn("%s", line)
		}
	}
	switch {
	case help == ownHelp && ran.HasParent():
		_, _ = fmt.Fprintf(a.env.Stderr, "For its flags run: %s --help\n", ran.CommandPath())
	case help != "" && help != ownHelp:
		_, _ = fmt.Fprintln(a.env.Stderr, "See: "+help)
	}
	return ExitCode(failure.Type)
}

// warn writes a line to stderr.
func (a *app) warn(format string, arguments ...any) {
	_, _ = fmt.Fprintln(a.env.Stderr, "latchkey: "+printable(fmt.Sprintf(format, arguments...)))
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
		Version:       readVersion().text(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.env.Stdin)
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(a.unlockCommand(), a.statusCommand(single), a.lockedCommand(), a.bulkCommand(), a.scheduleCommand(), a.approvalsCommand(), a.setupCommand(), a.workerCommand(), a.connectionsCommand(), a.keysCommand(), a.schemaCommand(), a.versionCommand(), exitCodesTopic())
	a.noteBeginning(root)
	strictHelp(root)
	return root
}

// noteBeginning notes when the command line was accepted: cobra's errors before that have no
// type, and are the caller's.
func (a *app) noteBeginning(parent *cobra.Command) {
	for _, command := range parent.Commands() {
		if run := command.RunE; run != nil {
			command.RunE = func(cmd *cobra.Command, args []string) error {
				a.began = true
				return run(cmd, args)
			}
		}
		a.noteBeginning(command)
	}
}

// group is a command that has commands below it, and does nothing itself.
func group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: noSubcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(commands...)
	return cmd
}

// Root returns the command of nobody's process, to document it.
func Root() *cobra.Command { return (&app{}).root() }
