package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	sdkclient "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/latchkey-iam/latchkey/client"
	"github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/internal/testserver"
	"github.com/latchkey-iam/latchkey/workflows"
)

// The rules that can be taken away from the workers, to prove that the checks see it.
const (
	withoutProtection = "protection"
	withoutApproval   = "approval"
	withoutCeiling    = "ceiling"
)

// takeable are all of them.
var takeable = []string{withoutProtection, withoutApproval, withoutCeiling}

// world is everything that runs: Temporal on a file, the workers, the tenants.
type world struct {
	// folder holds the database, the logs and the books.
	folder string
	// latchkey is the command.
	latchkey string
	// without is the rule that the workers are not given.
	without string
	tenants map[string]*tenant

	temporal sdkclient.Client
	client   *client.Client
	address  string

	// serverLock is held while Temporal is away.
	serverLock sync.Mutex
	server     *testserver.Server
	options    testserver.Options
	slots      [workers]slot

	figures figures
	mutex   sync.Mutex
	// logs are the workers' files, ends how workers ended that were to go on.
	logs, ends []string
}

// figures count what was done.
type figures struct {
	kills, stops, crashes, restarts, again atomic.Int64
}

// slot is where a worker runs, and another after it.
type slot struct {
	mutex   sync.Mutex
	running *worker
	started int
}

// worker is a process.
type worker struct {
	command *exec.Cmd
	ended   chan struct{}
	// meant says that it is to end.
	meant atomic.Bool
}

// begin starts everything and waits until each connection is served.
func (w *world) begin(ctx context.Context) error {
	w.tenants = map[string]*tenant{}
	for _, connection := range connections {
		made, err := newTenant(connection)
		if err != nil {
			return err
		}
		w.tenants[connection] = made
	}
	w.options = testserver.Options{DatabaseFile: filepath.Join(w.folder, "temporal.db"), SearchAttributes: workflows.SearchAttributeTypes()}
	var err error
	if w.server, err = testserver.Start(ctx, w.options); err != nil {
		return err
	}
	w.address = w.server.Address()
	w.options.Address = w.address
	if w.temporal, err = temporalclient.Dial(ctx, temporalclient.At(w.address, testserver.DefaultNamespace),
		sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))); err != nil {
		return err
	}
	w.client = &client.Client{Temporal: w.temporal}
	for i := range w.slots {
		if err := w.startWorker(i); err != nil {
			return err
		}
	}
	return w.await(ctx, "every connection is served", func() bool {
		for _, connection := range connections {
			if w.client.CheckServed(ctx, connection) != nil {
				return false
			}
		}
		return true
	})
}

// end ends everything. The files stay.
func (w *world) end() {
	for i := range w.slots {
		s := &w.slots[i]
		s.mutex.Lock()
		if s.running != nil {
			s.running.stop(syscall.SIGKILL)
		}
		s.mutex.Unlock()
	}
	if w.temporal != nil {
		w.temporal.Close()
	}
	if w.server != nil {
		_ = w.server.Stop()
	}
	for _, each := range w.tenants {
		each.stop()
	}
}

// environment is what every process of Latchkey's is given.
func (w *world) environment() []string {
	return []string{"HOME=" + w.folder, "TEMPORAL_ADDRESS=" + w.address, "TEMPORAL_NAMESPACE=" + testserver.DefaultNamespace}
}

// startWorker starts a worker that serves all connections and the workflows.
func (w *world) startWorker(at int) error {
	environment := append(w.environment(), "LATCHKEY_HEALTH_ADDRESS=off", "LATCHKEY_LOG_LEVEL=debug")
	served := make([]string, 0, len(connections))
	for _, connection := range connections {
		t := w.tenants[connection]
		served = append(served, connection+":"+t.provider)
		for _, setting := range append(t.settings, w.rules(connection)...) {
			environment = append(environment, "LATCHKEY_CONNECTION_"+strings.ToUpper(connection)+"_"+setting)
		}
	}
	environment = append(environment, "LATCHKEY_CONNECTIONS="+strings.Join(served, ","))
	s := &w.slots[at]
	s.started++
	path := filepath.Join(w.folder, fmt.Sprintf("worker-%d-%d.log", at, s.started))
	log, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make the log of a worker: %w", err)
	}
	started := &worker{command: exec.Command(w.latchkey, "worker"), ended: make(chan struct{})} //nolint:noctx,gosec // end ends it; the command is the one that is tried
	started.command.Env, started.command.Stdout, started.command.Stderr = environment, log, log
	if err := started.command.Start(); err != nil {
		return errors.Join(fmt.Errorf("start a worker with %s: %w", w.latchkey, err), log.Close())
	}
	w.mutex.Lock()
	w.logs = append(w.logs, path)
	w.mutex.Unlock()
	s.running = started
	go func() {
		err := started.command.Wait()
		_ = log.Close()
		close(started.ended)
		if !started.meant.Load() {
			w.startAgain(at, started, path, err)
		}
	}()
	return nil
}

// startAgain is what an operator's supervisor does for a worker that found no Temporal as it
// started. One that served must not end by itself.
func (w *world) startAgain(at int, ended *worker, path string, err error) {
	content, _ := os.ReadFile(path)
	if strings.Contains(string(content), `"msg":"serving"`) {
		w.noteEnd(fmt.Sprintf("%s: a worker ended by itself: %v", filepath.Base(path), err))
	}
	wait(context.Background(), 4*pause)
	s := &w.slots[at]
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if ended.meant.Load() || s.running != ended {
		return // An outage came in between, and starts one.
	}
	w.figures.again.Add(1)
	if err := w.startWorker(at); err != nil {
		w.noteEnd(err.Error())
	}
}

func (w *world) noteEnd(how string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.ends = append(w.ends, how)
}

// rules are those of a connection, as far as they are not taken away.
func (w *world) rules(connection string) []string {
	var rules []string
	if w.without != withoutProtection {
		rules = append(rules, "PROTECTED_USERS="+protectedUsers)
	}
	if connection == strict && w.without != withoutApproval {
		rules = append(rules, "APPROVAL_FOR=always", "APPROVERS="+approverPattern)
	}
	if connection == frugal && w.without != withoutCeiling {
		rules = append(rules, "MAX_UNLOCKS_PER_HOUR="+strconv.Itoa(frugalCeiling))
	}
	return append(rules, "APPROVAL_TIMEOUT="+approvalTimeout)
}

// stop sends the signal and waits for the end.
func (w *worker) stop(signal syscall.Signal) {
	w.meant.Store(true)
	_ = w.command.Process.Signal(signal)
	<-w.ended
}

// suffer has what the outage says away for its time.
func (w *world) suffer(ctx context.Context, o *outage) error {
	if o.temporal {
		return w.restartTemporal(ctx, o)
	}
	s := &w.slots[o.worker]
	s.mutex.Lock()
	defer s.mutex.Unlock()
	signal := syscall.SIGTERM
	if o.crash {
		signal = syscall.SIGKILL
		w.figures.kills.Add(1)
	} else {
		w.figures.stops.Add(1)
	}
	s.running.stop(signal)
	wait(ctx, o.lasts)
	return w.startWorker(o.worker)
}

func (w *world) restartTemporal(ctx context.Context, o *outage) error {
	w.serverLock.Lock()
	defer w.serverLock.Unlock()
	if o.crash {
		w.figures.crashes.Add(1)
		w.server.Kill()
	} else {
		w.figures.restarts.Add(1)
		if err := w.server.Stop(); err != nil {
			return err
		}
	}
	wait(ctx, o.lasts)
	server, err := testserver.Start(ctx, w.options)
	if err == nil {
		w.server = server
	}
	return err
}

// wait lets time pass.
func wait(ctx context.Context, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pause is how long to wait before asking again.
const pause = 250 * time.Millisecond

// await asks until it holds, or ctx ends.
func (w *world) await(ctx context.Context, what string, holds func() bool) error {
	for !holds() {
		if ctx.Err() != nil {
			return fmt.Errorf("waited in vain until %s: %w", what, ctx.Err())
		}
		wait(ctx, pause)
	}
	return nil
}

// command runs the latchkey command as a caller does, and returns what it printed.
func (w *world) command(ctx context.Context, arguments ...string) (stdout string, code int, err error) {
	var out strings.Builder
	command := exec.CommandContext(ctx, w.latchkey, arguments...) //nolint:gosec // it is the one that is tried
	command.Env, command.Stdout, command.Stderr = append(w.environment(), "USER=caller"), &out, io.Discard
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out.String(), exit.ExitCode(), nil
	}
	return out.String(), 0, err
}

// number writes a request's number.
func number(n int) string { return strconv.Itoa(n) }
