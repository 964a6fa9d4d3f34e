// Command testserver is the Temporal server of the tests: package testserver starts it. It
// takes its options as JSON, prints its addresses as one line of JSON once it answers, and
// ends when its standard input ends.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/devserver"
	"github.com/latchkey-iam/latchkey/internal/testserver"
)

// anyPort is an address with a port that is free.
const anyPort = "127.0.0.1:0"

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testserver:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) != 1 {
		return errors.New("want one argument, the options as JSON")
	}
	var options testserver.Options
	if err := json.Unmarshal([]byte(args[0]), &options); err != nil {
		return fmt.Errorf("read the options: %w", err)
	}
	if options.Address == "" {
		options.Address = anyPort
	}
	server, err := devserver.Start(context.Background(), devserver.Options{
		Address: options.Address, HTTPAddress: options.HTTPAddress, UIAddress: options.UIAddress,
		DatabaseFile: options.DatabaseFile, Namespace: options.Namespace, SearchAttributes: options.SearchAttributes,
		DynamicConfig: options.DynamicConfig,
	})
	if err != nil {
		return err
	}
	err = json.NewEncoder(stdout).Encode(testserver.Addresses{GRPC: server.Address(), HTTP: server.HTTPAddress(), UI: server.UIAddress()})
	if err == nil {
		_, err = io.Copy(io.Discard, stdin)
	}
	return errors.Join(err, server.Stop())
}
