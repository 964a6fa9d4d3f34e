// Command new writes the files of a new provider below connectors/. It runs at the
// repository's root: go run ./internal/scaffold/new NAME TITLE
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/latchkey-iam/latchkey/internal/scaffold"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "new provider:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("give the provider's name and title, such as: make provider NAME=acmeid TITLE='Acme ID'")
	}
	files, err := scaffold.Files(arguments[0], arguments[1])
	if err != nil {
		return err
	}
	folder := filepath.Join("connectors", arguments[0])
	if _, err := os.Stat(folder); err == nil {
		return fmt.Errorf("%s is there already", folder)
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for path, text := range files {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(os.Stdout, "%s is there. Fill it in as CONTRIBUTING.md says, add a line to connectors/registry, and run: go test ./%s\n", folder, folder)
	return err
}
