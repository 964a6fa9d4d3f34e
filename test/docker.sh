#!/usr/bin/env bash
# Builds both images and runs docker-compose.yml, on bases that are made here from this
# machine's own Go toolchain and module cache: no image is pulled.
#
# It uses the Docker engine that answers, or else starts one of its own for as long as it
# runs; that takes root, and Debian's packages are installed if the engine is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'docker-test: %s\n' "$*"; }
die() { printf 'docker-test: %s\n' "$*" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/latchkey-docker.XXXXXX")
engine='' project=''
started=$SECONDS

cleanup() {
  local code=$?
  trap - EXIT INT TERM
  set +e
  if [ -n "$project" ]; then
    if [ "$code" -ne 0 ]; then compose logs --tail 40 >&2; fi
    compose down --volumes --timeout 5 >/dev/null 2>&1
    # An engine of our own goes with all that it holds.
    [ -n "$engine" ] || docker image rm --force latchkey:local latchkey-dev:local latchkey-base:go latchkey-base:runtime >/dev/null 2>&1
  fi
  if [ -n "$engine" ]; then
    kill "$engine" 2>/dev/null && wait "$engine"
    umount -R "$work"/exec/netns/* "$work"/data/* 2>/dev/null
  fi
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

need() { # need COMMAND PACKAGE...
  local command=$1
  shift
  if command -v "$command" >/dev/null; then return; fi
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    die "$command is missing: install it (Debian: $*)"
  fi
  say "installing $*"
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$work/apt.log" 2>&1 || { cat "$work/apt.log" >&2; die "cannot install $*"; }
}

compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose -p "$project" "$@"
  else
    docker-compose -p "$project" "$@"
  fi
}

start_engine() {
  if docker info >/dev/null 2>&1; then return; fi
  [ "$(id -u)" -eq 0 ] || die "no Docker engine answers, and starting one takes root"
  need dockerd docker.io iptables
  need iptables iptables
  export DOCKER_HOST="unix://$work/docker.sock"
  dockerd --host "$DOCKER_HOST" --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/docker.pid" \
    >"$work/dockerd.log" 2>&1 </dev/null &
  engine=$!
  for _ in $(seq 60); do
    if docker info >/dev/null 2>&1; then
      say "started an engine, $(docker version --format '{{.Server.Version}}')"
      return
    fi
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.5
  done
  tail -20 "$work/dockerd.log" >&2
  die "the Docker engine does not start here; its log is above"
}

# compiled lists what the build cache holds of both commands: the packages, and the index
# of everything. It only saves minutes; what it lacks is compiled in the image.
compiled() {
  {
    CGO_ENABLED=0 go list -trimpath -export -deps -f '{{.Export}}' ./cmd/latchkey
    cd cmd/latchkey-dev && CGO_ENABLED=0 go list -trimpath -export -deps -f '{{.Export}}' .
  } | sed "s,^$1/,,"
  (cd "$1" && find . -name '*-a' -printf '%P\n')
}

# make_bases imports a builder (the Go toolchain, a shell, the modules) and a runtime (root
# certificates and a user), as the registries' images would be.
make_bases() {
  need busybox busybox-static
  local toolchain modules cache root name
  toolchain=$(go env GOROOT)
  name=$(basename "$toolchain")
  modules=$(go env GOMODCACHE)
  cache=$(go env GOCACHE)
  root="$work/go"
  mkdir -p "$root"/{bin,tmp,root,etc}
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  # Of the modules what go.mod lists; of the graph behind them every go.mod there is.
  { go mod download -json && cd cmd/latchkey-dev && go mod download -json; } | sed -n "s,^\t\"Zip\": \"$modules/\(.*\)\"\,\?\$,\1,p" | sort -u >"$work/modules"
  (cd "$modules" && find cache/download -type f \( -name '*.mod' -o -name '*.info' \)) >>"$work/modules"
  compiled "$cache" | sort -u >"$work/compiled"
  tar -cf - --transform "flags=r;s,^$name/,usr/local/go/," --transform 'flags=r;s,^cache/download/,proxy/,' \
    --transform 'flags=r;s,^\([0-9a-f][0-9a-f]/[0-9a-f]*-[ad]\)$,root/.cache/go-build/\1,' \
    -C "$root" . -C "$(dirname "$toolchain")" --anchored --exclude="$name"/{test,doc,api,misc} "$name" \
    -C "$modules" -T "$work/modules" -C "$cache" -T "$work/compiled" \
    | docker import --change 'ENV PATH=/usr/local/go/bin:/bin HOME=/root GOPATH=/go GOPROXY=file:///proxy GOSUMDB=off' - latchkey-base:go >/dev/null

  root="$work/runtime"
  mkdir -p "$root"/{tmp,etc/ssl/certs,home/nonroot}
  chmod 1777 "$root/tmp"
  printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$root/etc/passwd"
  if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  fi
  tar -C "$root" -cf - . | docker import --change 'ENV PATH=/ HOME=/home/nonroot' - latchkey-base:runtime >/dev/null
}

# until_healthy SERVICE waits for what the image's own health check says.
until_healthy() {
  local id health=''
  for _ in $(seq 120); do
    id=$(compose ps -q "$1")
    if [ -n "$id" ]; then
      health=$(docker inspect --format '{{.State.Status}} {{.State.Health.Status}}' "$id")
      if [ "$health" = "running healthy" ]; then return; fi
    fi
    sleep 0.5
  done
  die "$1 does not become healthy: ${health:-it has no container}"
}

# outcome CONNECTION EMAIL unlocks by way of the worker's own image.
outcome() {
  compose exec -T worker /latchkey unlock --connection "$1" --email "$2" --reason docker-test -o json </dev/null \
    | sed -n 's/^ *"outcome": *"\([a-z_]*\)".*/\1/p'
}

expect() { # expect WHAT WANT GOT
  [ "$2" = "$3" ] || die "$1: want $2, got ${3:-nothing}"
  say "ok: $1: $3"
}

# status PORT PATH asks over the published port, with nothing but the shell.
status() {
  local line=''
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
  read -r line <&3 || true
  exec 3>&-
  printf '%s' "$line" | cut -d' ' -f2
}

# carries_notices IMAGE checks that the image holds the licence of each module that is in its
# program.
carries_notices() {
  local container module
  container=$(docker create "$1:local")
  docker cp "$container:/$1" "$work/$1" 2>/dev/null
  docker cp "$container:/usr/share/doc/latchkey/THIRD_PARTY_NOTICES" "$work/$1.notices" 2>/dev/null || die "$1 carries no notices"
  docker rm "$container" >/dev/null
  for module in $(go version -m "$work/$1" | awk '$1 == "dep" && $2 !~ "^github.com/latchkey-iam/latchkey" { print $2 "@" $3 }'); do
    grep -qxF "${module/@/ }" "$work/$1.notices" || die "$1: the notices lack $module"
  done
  say "ok: $1 carries the notices of $(grep -c '^=\{80\}$' "$work/$1.notices") libraries"
}

need docker docker.io
docker compose version >/dev/null 2>&1 || need docker-compose docker-compose
start_engine
# A client without buildx has only the builder of old; the Dockerfile suits both.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT="${DOCKER_BUILDKIT:-0}" COMPOSE_DOCKER_CLI_BUILD="${COMPOSE_DOCKER_CLI_BUILD:-0}"

make_bases
say "made the bases after $((SECONDS - started)) s"
project="latchkey-test-$$"
export GO_IMAGE=latchkey-base:go RUNTIME_IMAGE=latchkey-base:runtime VERSION="${VERSION:-v0.0.0-docker}"
# High ports, so that a system that is up already is not in the way.
export TEMPORAL_PORT=27233 TEMPORAL_HTTP_PORT=27243 TEMPORAL_UI_PORT=28233 JUMPCLOUD_PORT=28801 PINGONE_PORT=28802
compose build >"$work/build.log" 2>&1 || { tail -60 "$work/build.log" >&2; die "the images do not build"; }
say "built the images after $((SECONDS - started)) s"

for image in latchkey latchkey-dev; do
  expect "$image runs as" 65532:65532 "$(docker image inspect --format '{{.Config.User}}' "$image:local")"
  carries_notices "$image"
  say "$image:local is $(($(docker image inspect --format '{{.Size}}' "$image:local") / 1000000)) MB"
done
docker run --rm --network none latchkey:local version | grep -qF "$VERSION" || die "latchkey version does not say $VERSION"

compose up -d >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; die "docker compose up fails"; }
until_healthy latchkey-dev
until_healthy worker
say "both services are healthy after $((SECONDS - started)) s"

expect "the Temporal UI" 200 "$(status "$TEMPORAL_UI_PORT" /)"
expect "the JumpCloud simulator" 200 "$(status "$JUMPCLOUD_PORT" /_simulator/)"
expect "unlocked by the second worker" unlocked "$(outcome second-jumpcloud grace.hopper@example.com)"
expect "asked again, of the first worker" already_unlocked "$(outcome jumpcloud grace.hopper@example.com)"
expect "unlocked by the second worker" unlocked "$(outcome second-pingone alan.turing@example.com)"

worker=$(compose ps -q worker)
compose stop --timeout 40 worker >/dev/null 2>&1
expect "the worker drains and exits with" 0 "$(docker inspect --format '{{.State.ExitCode}}' "$worker")"
say "passed after $((SECONDS - started)) s"
