# make help lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO ?= go

# The linters, and the temporal command that the examples use, are built from source into
# bin/, once for each version.
GOLANGCI_LINT_VERSION := v2.15.0
WORKFLOWCHECK_VERSION := v0.6.0
# The newest that the Go tool can get whole: later ones have parts that no proxy serves.
TEMPORAL_VERSION := v1.5.1
GOLANGCI_LINT := bin/tools/golangci-lint-$(GOLANGCI_LINT_VERSION)
WORKFLOWCHECK := bin/tools/workflowcheck-$(WORKFLOWCHECK_VERSION)
TEMPORAL := bin/tools/temporal-$(TEMPORAL_VERSION)/temporal

# Without a tag the version is the commit; without Git it is what the Go tool knows.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w -X github.com/latchkey-iam/latchkey/cmd/latchkey/internal/cli.Version=$(VERSION)

# What runs in production stays below this; the Temporal server alone is three times that.
MAX_MEGABYTES := 50

# The module of what holds a Temporal server. Its packages that have the server inside are
# tested without the race detector, which makes the server many times slower; all others ask
# a server in a process of its own.
DEV := cmd/latchkey-dev
DEV_MODULE := github.com/latchkey-iam/latchkey/cmd/latchkey-dev
DEV_EMBEDDED := . ./internal/devserver ./testserver

TEST_TIMEOUT ?= 20m
TEST_FLAGS ?=
# Most tests wait for a server most of the time.
TEST_PARALLEL := -p 3 -parallel 8

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## Lock users of simulated tenants, unlock them through real workflows, and show it
	@if [ ! -x bin/latchkey-dev ]; then echo 'Building bin/latchkey-dev. The first build compiles a Temporal server and takes minutes.' >&2; fi
	@$(MAKE) -s bin/latchkey-dev
	@bin/latchkey-dev demo

.PHONY: test
test: cc chromium curl slapd $(TEMPORAL) bin/testserver ## Install what the tests need, and run them all, under the race detector
	@# One line for each package says how long it took.
	TEST_TEMPORAL_SERVER='$(CURDIR)/bin/testserver' $(GO) test -race $(TEST_PARALLEL) -timeout $(TEST_TIMEOUT) $(TEST_FLAGS) ./...
	cd $(DEV) && $(GO) test -timeout $(TEST_TIMEOUT) $(TEST_FLAGS) $(DEV_EMBEDDED)
	cd $(DEV) && export TEST_TEMPORAL_SERVER='$(CURDIR)/bin/testserver' PATH="$(CURDIR)/$(dir $(TEMPORAL)):$$PATH" && \
	  $(GO) list ./... | grep -vxF $(foreach package,$(DEV_EMBEDDED),-e $(patsubst .%,$(DEV_MODULE)%,$(package))) | \
	  xargs $(GO) test -race $(TEST_PARALLEL) -timeout $(TEST_TIMEOUT) $(TEST_FLAGS)

.PHONY: directories
directories: slapd ## Start the directory servers of the tests, and say how to reach them
	@$(GO) run ./internal/directory/start

.PHONY: quick
quick: ## Run the tests that need no server and no browser
	$(GO) test -short $(TEST_FLAGS) ./...

.PHONY: cc chromium curl slapd
cc:
	@.ci/need 'the race detector (macOS: xcode-select --install)' "$$($(GO) env CC)" gcc libc6-dev
chromium:
	@.ci/need 'the test of the Temporal UI' 'chromium chromium-browser google-chrome google-chrome-stable' chromium
curl:
	@.ci/need 'the test of the examples' curl curl
# Elsewhere than on Debian and Ubuntu the tests of directories are left out, and without root those
# of the servers that only root can start.
slapd:
	@if command -v apt-get >/dev/null; then .ci/need 'the tests of OpenLDAP' slapd slapd && if [ "$$(id -u)" -eq 0 ]; then \
	  .ci/need 'the tests of 389 Directory Server' ns-slapd 389-ds-base && \
	  .ci/need 'the tests of Active Directory' samba samba samba-ad-dc samba-ad-provision winbind; fi; else \
	  echo 'Left out: the tests against real directory servers, which run on Debian and Ubuntu. In a container:' >&2; \
	  echo '  docker run --rm -it -v "$$PWD":/latchkey -w /latchkey golang:1.26-bookworm make test' >&2; \
	fi

.PHONY: build
build: bin/latchkey bin/latchkey-dev ## Build both commands to bin/

# Whether anything changed is for the Go tool to say. latchkey-dev is built as the tests
# and the linters build it, so that the Temporal server within is compiled once for all.
.PHONY: bin/latchkey bin/latchkey-dev bin/testserver bin/chaos
bin/latchkey:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/latchkey
bin/latchkey-dev:
	cd $(DEV) && $(GO) build -ldflags '$(LDFLAGS)' -o '$(CURDIR)/$@' .
bin/testserver:
	cd $(DEV) && $(GO) build -o '$(CURDIR)/$@' ./testserver
bin/chaos:
	cd $(DEV) && $(GO) build -o '$(CURDIR)/$@' ./chaos

.PHONY: size
size: bin/latchkey ## Fail if bin/latchkey is not below 50 MB
	@bytes=$$(wc -c <bin/latchkey); \
	echo "bin/latchkey is $$((bytes / 1000000)) MB; it must stay below $(MAX_MEGABYTES)"; \
	[ "$$bytes" -lt $$(($(MAX_MEGABYTES) * 1000000)) ]

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run golangci-lint
	$(GOLANGCI_LINT) run ./...
	cd $(DEV) && '$(CURDIR)/$(GOLANGCI_LINT)' run --config '$(CURDIR)/.golangci.yml' ./...

.PHONY: format
format: $(GOLANGCI_LINT) ## Format the sources
	$(GOLANGCI_LINT) fmt ./... $(DEV)/...

.PHONY: tidy
tidy: ## Fail unless go.mod and go.sum of both modules are tidy
	$(GO) mod tidy -diff
	cd $(DEV) && $(GO) mod tidy -diff

.PHONY: vet
vet: ## Run go vet on both modules
	$(GO) vet ./...
	cd $(DEV) && $(GO) vet ./...

.PHONY: check
check: $(WORKFLOWCHECK) ## Check that the workflows are deterministic
	$(WORKFLOWCHECK) -config .workflowcheck.yml ./workflows/...

.PHONY: generate
generate: ## Write the generated documentation and schemas again
	$(GO) run ./cmd/latchkey/internal/reference/generate

.PHONY: notices
notices: ## Write the licences of what is linked into the commands to bin/, as the images carry them
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) run ./internal/notices/generate ./cmd/latchkey >bin/latchkey.notices
	cd $(DEV) && CGO_ENABLED=0 $(GO) run github.com/latchkey-iam/latchkey/internal/notices/generate . >'$(CURDIR)/bin/latchkey-dev.notices'

.PHONY: histories
histories: ## Record the histories that the replay tests replay
	$(GO) test $(addprefix ./workflows/,unlockuser unlockmany readonly ceiling) -count 1 -run TestHistories -record

.PHONY: bench
bench: ## Measure an unlock, and a user of a bulk run, against workflows that do nothing; unlock 10,000
	cd $(DEV) && $(GO) run ./bench
	cd $(DEV) && $(GO) test -count 1 -timeout 90m -run TestCrowd -v ./endtoend -args -users 10000

CHAOS := TEST_TEMPORAL_SERVER='$(CURDIR)/bin/testserver' bin/chaos -latchkey bin/latchkey
FOR ?= 5m
SEED ?=

.PHONY: chaos
chaos: bin/latchkey bin/testserver bin/chaos ## Look for faults of safety among kills and outages: make chaos FOR=5m SEED=1
	$(CHAOS) -for $(FOR) $(if $(SEED),-seed $(SEED))

.PHONY: chaos-proof
chaos-proof: bin/latchkey bin/testserver bin/chaos ## Fail unless make chaos sees that a rule was taken away
	@for rule in protection approval ceiling; do \
	  code=0; $(CHAOS) -for 8s -seed 2 -without $$rule || code=$$?; \
	  if [ $$code -ne 1 ]; then echo "chaos ended with $$code without $$rule; it must see that, and end with 1" >&2; exit 1; fi; \
	done

.PHONY: pictures
pictures: build ## Make the pictures of the README
	docs/pictures/make.sh

.PHONY: docker
docker: ## Build both images
	docker build --target latchkey --build-arg VERSION='$(VERSION)' -t latchkey:local .
	docker build --target latchkey-dev --build-arg VERSION='$(VERSION)' -t latchkey-dev:local .

.PHONY: docker-test
docker-test: ## Build and run images and compose file on bases made here, without a registry
	@VERSION='$(VERSION)' test/docker.sh

.PHONY: clean
clean: ## Remove what make built and installed
	rm -rf bin

$(GOLANGCI_LINT):
	@mkdir -p $(@D)
	GOBIN='$(CURDIR)/$(@D)' GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv $(@D)/golangci-lint $@

$(TEMPORAL):
	@mkdir -p $(@D)
	GO='$(GO)' test/temporal-cli.sh $(TEMPORAL_VERSION) '$(CURDIR)/$@'

$(WORKFLOWCHECK):
	@mkdir -p $(@D)
	GOBIN='$(CURDIR)/$(@D)' GOFLAGS= $(GO) install go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK_VERSION)
	@mv $(@D)/workflowcheck $@
