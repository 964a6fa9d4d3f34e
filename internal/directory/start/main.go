// Command start starts the directory servers that the tests use, with people of whom some are
// locked, says how to reach them, and ends them when it is interrupted.
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/latchkey-iam/latchkey/internal/directory"
)

const password = "Correct-Horse-Battery-1"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "directories:", err)
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func run(ctx context.Context, out io.Writer) error {
	servers, err := directory.StartOpenLDAP(ctx, directory.OpenLDAPOptions{Consumers: 1, UpdateRef: true})
	if err != nil {
		return err
	}
	defer servers.Close()
	for _, person := range [][3]string{{"grace.hopper", "Grace", "Hopper"}, {"alan.turing", "Alan", "Turing"}, {"ada.lovelace", "Ada", "Lovelace"}} {
		if _, err := servers.AddPerson(person[0], person[1], person[2], "Analyst", password); err != nil {
			return err
		}
	}
	if err := servers.FailSignIns("grace.hopper"); err != nil {
		return err
	}
	if err := servers.LockAsAdministrator("alan.turing"); err != nil {
		return err
	}
	fmt.Fprintf(out, "OpenLDAP is up: a provider and a read-only replica. Ctrl-C ends them.\n\n")
	for _, server := range servers.Servers {
		fmt.Fprintf(out, "  %s   %s\n", server.URL, server.TLSURL)
	}
	fmt.Fprintf(out, "\nEverything may be done by %s with the password %s.\n", directory.OpenLDAPAdmin, directory.OpenLDAPPassword)
	fmt.Fprintf(out, "grace.hopper is locked by failed sign-ins, alan.turing by an administrator, ada.lovelace is not; their password is %s.\n", password)
	fmt.Fprintf(out, "\nServe them by a worker:\n\n  export LATCHKEY_CONNECTIONS=ldap:openldap\n")
	settings := servers.Settings()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(out, "  export LATCHKEY_CONNECTION_LDAP_%s='%s'\n", name, settings[name])
	}
	<-ctx.Done()
	return nil
}
