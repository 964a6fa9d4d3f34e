package directory

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"syscall"
)

// daemon is a server that may be stopped and started again on what it had written.
type daemon struct {
	folder string
	// mutex guards process: a test may stop a server from where its traffic passes.
	mutex   sync.Mutex
	process *process
}

// launch starts the server, and returns when it accepts connections at the address.
func (d *daemon) launch(ctx context.Context, address string, arguments ...string) error {
	launched, err := start(d.folder, arguments...)
	if err != nil {
		return err
	}
	d.mutex.Lock()
	d.process = launched
	d.mutex.Unlock()
	return awaitPort(ctx, address, d.folder, launched)
}

// current is the process; nil where the server was stopped.
func (d *daemon) current() *process {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.process
}

// Stop ends the server as a failure would.
func (d *daemon) Stop() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.process != nil {
		d.process.kill()
		d.process = nil
	}
}

// Running reports whether the server was not stopped.
func (d *daemon) Running() bool { return d.current() != nil }

// Pause makes the server hang, and Continue go on.
func (d *daemon) Pause() error { return d.current().pause() }

// Continue ends a Pause.
func (d *daemon) Continue() error { return d.current().signal(syscall.SIGCONT) }

// programPath finds a server's program, which is outside the PATH of most users; missing says
// what to install.
func programPath(missing string, paths ...string) (string, error) {
	for _, path := range paths {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", errors.New(missing)
}
