// Package directory runs real directory servers on loopback addresses of their own, for the
// tests of the drivers and for trying. They hold people who can be locked by failed sign-ins,
// and are gone with the process that started them, however it ends.
package directory

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startTimeout bounds a server's start.
const startTimeout = 30 * time.Second

// keeper runs a server, prints its process ID, and when its standard input ends, as it does
// with the process that holds the other end, kills it and removes the folder of the run, unless
// it was told to keep that.
const keeper = `folder=$1; shift
"$@" </dev/null >"$folder/log" 2>&1 &
echo $!
read -r word
kill -9 $!
wait
[ "$word" = keep ] || rm -rf "$(dirname "$folder")"`

// process is a server's process and its keeper.
type process struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	pid     int
	ended   chan struct{}
}

// start runs a server that writes its log into the folder.
func start(folder string, arguments ...string) (*process, error) {
	command := exec.Command("/bin/sh", append([]string{"-c", keeper, "sh", folder}, arguments...)...) //nolint:noctx,gosec // it outlives the call; the arguments are our own
	// A Ctrl-C that ends us must leave the keeper to clean up.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a directory server: %w", err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a directory server: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start a directory server: %w", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	pid, numberErr := strconv.Atoi(strings.TrimSpace(line))
	if err := errors.Join(err, numberErr); err != nil {
		_ = stdin.Close()
		return nil, fmt.Errorf("start a directory server: %w", errors.Join(err, command.Wait()))
	}
	p := &process{command: command, stdin: stdin, pid: pid, ended: make(chan struct{})}
	go func() { defer close(p.ended); _ = command.Wait() }()
	return p, nil
}

// kill ends the server as a failure would, and leaves its folder.
func (p *process) kill() {
	_, _ = io.WriteString(p.stdin, "keep\n")
	_ = p.stdin.Close()
	<-p.ended
}

// signal sends a signal to the server itself.
func (p *process) signal(signal syscall.Signal) error { return syscall.Kill(p.pid, signal) }

// pause returns when every thread of the server has stopped, which is soon after the signal.
func (p *process) pause() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for range 1000 {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.pid))
		if err != nil || len(threads) == 0 {
			return errors.New("the server's threads cannot be seen")
		}
		if !slices.ContainsFunc(threads, func(stat string) bool {
			content, err := os.ReadFile(stat)
			return err == nil && !strings.Contains(string(content), ") T ")
		}) {
			return nil
		}
		<-time.After(time.Millisecond)
	}
	return errors.New("the server does not stop")
}

// runs reports whether the server has not ended. An ended one stays a process, without memory,
// until its keeper is gone.
func (p *process) runs() bool {
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	return err == nil && !bytes.Contains(state, []byte(") Z "))
}

// freeHost returns a loopback address on which nothing listens at the ports.
func freeHost(ports ...int) (string, error) {
	for range 100 {
		host := fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254))
		free := true
		for _, port := range ports {
			listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
			if err != nil {
				free = false
				break
			}
			_ = listener.Close()
		}
		if free {
			return host, nil
		}
	}
	return "", errors.New("no loopback address is free; every address of 127.0.0.0/8 must be this machine's, as on Linux")
}

// awaitPort returns when the address accepts connections, or with the end of the server's log.
func awaitPort(ctx context.Context, address, folder string, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return connection.Close()
		}
		if !p.runs() {
			return fmt.Errorf("the directory server ended at once:\n%s", logOf(folder))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the directory server does not answer: %w\n%s", err, logOf(folder))
		case <-ticker.C:
		}
	}
}

// logOf returns the end of a server's log.
func logOf(folder string) string {
	const end = 4 << 10
	content, _ := os.ReadFile(filepath.Join(folder, "log"))
	return string(content[max(0, len(content)-end):])
}
