#!/usr/bin/env bash
# Makes the pictures of the README and of docs/: the demo in a terminal, and runs in the Temporal UI, those
# of approvals and failures by the test that looks at them.
# It needs chromium, aha and script; as root on Debian it installs them. `make pictures`
# builds the commands first.
set -euo pipefail
cd "$(dirname "$0")/../.."

need() { .ci/need 'make pictures' "$@"; }
need chromium chromium
need aha aha
need script bsdutils

work=$(mktemp -d)
server=''
stop() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
  rm -rf "$work"
}
trap stop EXIT

# picture FILE WIDTHxHEIGHT ADDRESS
picture() {
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$work/browser" --force-device-scale-factor=1.5 \
    --window-size="${2/x/,}" --virtual-time-budget=15000 --screenshot="$1" "$3" >"$work/browser.log" 2>&1 ||
    { cat "$work/browser.log" >&2; exit 1; }
  printf 'pictures: %s\n' "$1"
}

# The demo, from its table on: the user before it is a hundred lines long.
script -qec 'stty cols 140; bin/latchkey-dev demo' /dev/null | tr -d '\r' | sed -n '/╭/,$p' >"$work/demo.ansi"
{
  printf '<meta charset="utf-8"><style>body{margin:0;background:#11151c}pre{margin:0;padding:18px 24px;color:#d6deeb;font:15px/1.25 "DejaVu Sans Mono",monospace}b{color:#8fbcbb}</style><pre>'
  printf '<b>$ make demo</b>\n\n'
  aha --no-header <"$work/demo.ansi"
  printf '</pre>'
} >"$work/demo.html"
picture docs/pictures/demo.png 1180x520 "file://$work/demo.html"

# A run in the UI of a server of its own, started at fixed ports beside the usual ones.
bin/latchkey-dev --temporal-address 127.0.0.1:17233 --http-address 127.0.0.1:17243 --ui-address 127.0.0.1:18233 \
  --jumpcloud-address 127.0.0.1:18801 --pingone-address 127.0.0.1:18802 >"$work/up.log" 2>&1 &
server=$!
for _ in $(seq 100); do
  if grep -q 'users are locked' "$work/up.log"; then break; fi
  sleep 0.1
done
started=$(TEMPORAL_ADDRESS=127.0.0.1:17233 bin/latchkey unlock --connection jumpcloud --email grace.hopper@example.com \
  --requested-by playbook --reason INC-4711 --detach -o json)
value() { sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" <<<"$started"; }
workflow=$(value workflowId)
TEMPORAL_ADDRESS=127.0.0.1:17233 bin/latchkey status "$workflow" --follow >/dev/null
picture docs/pictures/run.png 1400x1000 "http://127.0.0.1:18233/namespaces/default/workflows/${workflow//\//%2F}/$(value runId)/timeline"

# What an operator finds, reads and answers.
pictures="$PWD/docs/pictures"
(cd cmd/latchkey-dev && "${GO:-go}" test -count 1 ./browser -pictures "$pictures")
printf 'pictures: %s\n' docs/pictures/{start,list,approval,approved,failed}.png
