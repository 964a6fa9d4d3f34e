# Two images from one file, both static and without a shell, run as an unprivileged user:
#
#   docker build .                            the CLI and the worker
#   docker build --target latchkey-dev .      with Temporal, its UI and simulated tenants
#
# The bases can be replaced, for instance by mirrors of your own:
#
#   docker build --build-arg GO_IMAGE=… --build-arg RUNTIME_IMAGE=… .
#
# Dependencies are compiled in layers of their own, below the sources, so that a change of
# the sources compiles only them again; this needs no cache mounts and so works with every builder.
ARG GO_IMAGE=golang:1.26.8-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS modules
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-trimpath -buildvcs=false"
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
RUN go build go.temporal.io/sdk/worker go.temporal.io/sdk/contrib/envconfig github.com/spf13/cobra go.uber.org/zap

FROM modules AS build
COPY . .
ARG VERSION=
RUN go build -ldflags "-s -w -X github.com/latchkey-iam/latchkey/cmd/latchkey/internal/cli.Version=${VERSION}" -o /out/latchkey ./cmd/latchkey \
 && go run ./internal/notices/generate ./cmd/latchkey >/out/THIRD_PARTY_NOTICES

# latchkey-dev is a module of its own, since it holds a Temporal server, which takes minutes to
# compile and changes only with its go.mod.
FROM modules AS server
COPY cmd/latchkey-dev/go.mod cmd/latchkey-dev/go.sum ./cmd/latchkey-dev/
WORKDIR /src/cmd/latchkey-dev
RUN go mod download
RUN go build go.temporal.io/server/temporal \
      go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite \
      github.com/temporalio/ui-server/v2/server

FROM server AS build-dev
COPY . /src
ARG VERSION=
RUN go build -ldflags "-s -w -X github.com/latchkey-iam/latchkey/cmd/latchkey/internal/cli.Version=${VERSION}" -o /out/latchkey-dev . \
 && go run github.com/latchkey-iam/latchkey/internal/notices/generate . >/out/THIRD_PARTY_NOTICES

FROM ${RUNTIME_IMAGE} AS latchkey-dev
LABEL org.opencontainers.image.title="latchkey-dev" \
      org.opencontainers.image.description="Latchkey with Temporal, its UI and simulated tenants, to try it" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-dev /src/LICENSE /LICENSE
COPY --from=build-dev /out/THIRD_PARTY_NOTICES /usr/share/doc/latchkey/THIRD_PARTY_NOTICES
COPY --from=build-dev /out/latchkey-dev /latchkey-dev
USER 65532:65532
# The worker inside answers here only if it is told where.
ENV LATCHKEY_HEALTH_ADDRESS=127.0.0.1:8085
EXPOSE 7233 7243 8233 8801 8802
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/latchkey-dev", "--check"]
ENTRYPOINT ["/latchkey-dev"]

# The last stage is what `docker build .` makes.
FROM ${RUNTIME_IMAGE} AS latchkey
LABEL org.opencontainers.image.title="latchkey" \
      org.opencontainers.image.description="Unlocks user accounts at identity providers, durably, on Temporal" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/LICENSE /LICENSE
COPY --from=build /out/THIRD_PARTY_NOTICES /usr/share/doc/latchkey/THIRD_PARTY_NOTICES
COPY --from=build /out/latchkey /latchkey
USER 65532:65532
# LATCHKEY_HEALTH_ADDRESS moves both the worker's answers and this question.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/latchkey", "worker", "--check"]
ENTRYPOINT ["/latchkey"]
CMD ["worker"]
