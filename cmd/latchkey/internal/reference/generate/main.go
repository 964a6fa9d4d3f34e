// Command generate writes the generated pages and schemas. It runs at the repository's
// root.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/latchkey-iam/latchkey/cmd/latchkey/internal/cli"
	"github.com/latchkey-iam/latchkey/cmd/latchkey/internal/reference"
)

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate() error {
	files, err := reference.Schemas()
	if err != nil {
		return err
	}
	pages, err := reference.Pages(cli.Root())
	if err != nil {
		return err
	}
	maps.Copy(files, pages)
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
