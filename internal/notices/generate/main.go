// Command generate writes the licences of all that is linked into the packages that it is
// given: go run ./internal/notices/generate ./cmd/latchkey >THIRD_PARTY_NOTICES
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/latchkey-iam/latchkey/internal/notices"
)

func main() {
	if err := notices.Write(context.Background(), os.Stdout, ".", os.Args[1:]...); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}
