#!/usr/bin/env bash
# temporal-cli.sh VERSION FILE builds the temporal command from its source, which the examples
# use. The server inside is left out: nobody starts it, and it would take minutes to compile.
set -euo pipefail
version=$1 target=$2
source=$(mktemp -d "${TMPDIR:-/tmp}/temporal-cli.XXXXXX")
trap 'rm -rf "$source"' EXIT
cd "$source"
export GOFLAGS=
go="${GO:-go}"
module=$("$go" mod download -json "github.com/temporalio/cli@$version" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p')
cp -R "$module/." .
chmod -R u+w .
rm -r temporalcli/devserver
cat >temporalcli/commands.server.go <<'GO'
package temporalcli

import "errors"

func (t *TemporalServerStartDevCommand) run(*CommandContext, []string) error {
	return errors.New("this build has no server")
}
GO
"$go" build -ldflags '-s -w' -o "$target" ./cmd/temporal
