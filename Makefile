# What people and CI do with this checkout. `make` alone builds.
#
#   make demo    a real system on this machine, from nothing: start here
#   make test    every test, with the race detector
#   make lint    gofmt, go vet, staticcheck, the architecture's rules
#   make conformance   the public suites of gRPC, HTTP/2 and WebSocket through a breaker, pgx's through the gateway
#   make fuzz    every fuzz target for FUZZTIME (6s) each
#   make bench   our figures beside other tools' (ROW=logs RUNS=3 for one row)
#   make docs    the reference in docs/reference/ and the README's pictures
#   make cross   builds for linux and darwin, amd64 and arm64

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-builtin-rules

# Where go.dev's archive is unpacked, for shells that have not heard of it.
export PATH := $(PATH):/usr/local/go/bin

GO       ?= go
FUZZTIME ?= 6s
RUNS     ?= 5
ROW      ?=
BENCH    ?=
PACKAGES ?= ./...
TESTFLAGS ?=

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
LDFLAGS  := -s -w -X main.version=$(VERSION)
BUILD    := CGO_ENABLED=0 $(GO) build -trimpath
# What is built, vetted and analysed with the same flags is compiled once.
SAME     := CGO_ENABLED=0 GOFLAGS="$$($(GO) env GOFLAGS) -trimpath"
# Everything is instrumented: a package that is not may bring copies of the
# standard library's generic code which the linker then takes for all, and the
# detector sees races in sync.Map that are none.
RACE     := -race
EXAMPLES := quickstart-api quickstart-worker
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
# No file is for one architecture alone, so each system is looked at on one.
VETTED    := linux/amd64 darwin/arm64

.PHONY: all build examples demo test lint bench conformance fuzz model docs cross clean require-go require-postgres require-node require-cc require-pgbouncer require-pg_clients

all: build

# One static binary, and the programs that the examples run.
build: require-go examples
	$(BUILD) -ldflags '$(LDFLAGS)' -o bin/syndicate ./cmd/syndicate

examples: require-go
	$(BUILD) -o bin/examples/quickstart-api ./examples/quickstart/api
	$(BUILD) -o bin/examples/quickstart-worker ./examples/quickstart/worker

demo:
	tools/require.sh go postgres
	$(MAKE) --no-print-directory build
	tools/demo.sh || [ $$? = 130 ] # Ctrl-C is how it ends

test: require-go require-postgres require-node require-cc require-pgbouncer require-pg_clients
	$(GO) test -timeout 20m $(RACE) $(TESTFLAGS) $(PACKAGES)

lint: require-go
	@ignored=$$(git ls-files --cached --ignored --exclude-standard); \
	if [ -n "$$ignored" ]; then \
	  echo "committed although .gitignore leaves it out; run: git rm --cached" $$ignored >&2; exit 1; \
	fi
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then \
	  echo "not formatted; run: gofmt -w" $$unformatted >&2; exit 1; \
	fi
	@for platform in $(VETTED); do \
	  echo "vet $$platform"; \
	  GOOS=$${platform%/*} GOARCH=$${platform#*/} $(SAME) $(GO) vet ./...; \
	done
	$(SAME) $(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(SAME) $(GO) test ./internal/architecture

bench: build
	tools/require.sh cc
	$(GO) build -o bin/bench ./bench
	bin/bench -syndicate bin/syndicate -runs $(RUNS) -row '$(ROW)' $(BENCH)

# A module of its own: its libraries are nobody else's.
conformance: require-go require-postgres
	cd conformance && $(GO) test -mod=mod ./...

# Go runs one fuzz target at a time, so they are found and run in turn.
fuzz: require-go
	GO='$(GO)' tools/fuzz.sh $(FUZZTIME)

# Many more random systems than every change can afford to try: for a night.
MODEL_RUNS ?= 20000
model: require-go
	SYNDICATE_MODEL_RUNS=$(MODEL_RUNS) $(GO) test -race -timeout 2h ./engine -run 'Invariants|CriticalPath|DoesWhatItsPlanSays'

docs: build
	$(GO) generate ./docs/...
	tools/pictures.sh

cross: require-go
	@for platform in $(PLATFORMS); do \
	  export GOOS=$${platform%/*} GOARCH=$${platform#*/}; \
	  echo "build $$platform"; \
	  $(BUILD) -ldflags '$(LDFLAGS)' -o dist/syndicate-$$GOOS-$$GOARCH ./cmd/syndicate; \
	done

clean:
	rm -rf bin dist bench/out

require-go:
	@tools/require.sh go

require-postgres:
	@tools/require.sh postgres

require-node:
	@tools/require.sh node

require-cc:
	@tools/require.sh cc

require-pgbouncer:
	@tools/require.sh pgbouncer

require-pg_clients:
	@tools/require.sh pg_clients
