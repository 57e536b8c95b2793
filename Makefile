# dbxsync. "make" without a target says what there is.
#
# Every target installs what it needs and does not find (Debian and Ubuntu, by apt-get), and says so first. When
# nothing is missing nothing is fetched.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
DESTDIR ?=

# A warning in our own targets stops the build with the compiler that CI uses; another compiler only shows it. One
# setting for build, check, test and demo, so that none of them builds again what another has built.
DBXSYNC_WARNINGS ?= $(if $(findstring Swift version 6.3,$(shell swift --version 2>/dev/null)),error)
export DBXSYNC_WARNINGS PREFIX DESTDIR

RELEASE := -c release --static-swift-stdlib
SWIFT_FILES := Package.swift Sources Tests Fuzz
TEST_TARGETS := $(notdir $(wildcard Tests/*Tests))
SCRIPTS := .ci/run scripts/pre-commit $(wildcard scripts/*.sh packaging/*.sh benchmarks/*.sh Tests/*/run) Tests/Systemd/boot systemd/failed $(wildcard debian/dbxsync.p*)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: ## debug build of both programs
	@scripts/dependencies.sh build
	swift build

.PHONY: test
test: ## run every test
	@scripts/dependencies.sh build test prometheus
	swift build --build-tests
	@scripts/test.sh $(TEST_TARGETS) Counts Folding
	@if [ -x Tests/SandboxConformance/run ]; then echo Tests/SandboxConformance/run; Tests/SandboxConformance/run; fi
	@echo Tests/Prometheus/run; Tests/Prometheus/run "$$(swift build --show-bin-path)"
	@# Two minutes of mostly waiting, while a release is built for the next step.
	@echo scripts/soak.py; bin="$$(swift build --show-bin-path)"; \
	python3 -B scripts/soak.py "$$bin" "$${SOAK_SECONDS:-120}" & soak=$$!; \
	$(MAKE) --no-print-directory systemd-test; failed=$$?; \
	wait $$soak && exit $$failed

.PHONY: test-fast
test-fast: ## the unit tests that wait for nothing, in a minute
	@scripts/dependencies.sh build
	swift build --build-tests
	@scripts/test.sh FAST

.PHONY: prometheus-test
prometheus-test: ## metrics, alerts and dashboard with a real Prometheus and node_exporter, on loopback
	@scripts/dependencies.sh build prometheus
	swift build
	@Tests/Prometheus/run "$$(swift build --show-bin-path)"

# Whether the machine can boot a container is asked before a release is built for it.
.PHONY: systemd-test
systemd-test: ## the package under a real systemd, in a container (as root)
	@if Tests/Systemd/run --possible; then \
		scripts/dependencies.sh build systemd && \
		swift build --product dbxsync-sandbox && \
		$(MAKE) --no-print-directory deb && \
		Tests/Systemd/run .build/deb/dbxsync_*.deb "$$(swift build --show-bin-path)/dbxsync-sandbox"; \
	fi

# No part of "make test": it takes minutes, and a mirror of Debian that the machine may not reach.
.PHONY: container-test
container-test: ## the steps of the Containerfile in a chroot, and the container's life in it (as root)
	@scripts/dependencies.sh build container
	swift build --product dbxsync-sandbox
	@$(MAKE) --no-print-directory deb
	@Tests/Container/run .build/deb/dbxsync_*.deb "$$(swift build --show-bin-path)/dbxsync-sandbox"

.PHONY: check
check: ## format, lint, warnings and layering
	@scripts/dependencies.sh build check lint
	@scripts/lint.sh
	@python3 -B scripts/mutants.py --check
	swift format lint --strict --parallel --recursive $(SWIFT_FILES)
	@for script in $(SCRIPTS); do bash -n "$$script"; done
	shellcheck $(SCRIPTS)
	@scripts/processors.sh
	swift build --build-tests
	swift test --skip-build --disable-xctest --filter LayeringTests

.PHONY: lint
lint: ## spelling, and that what the documents refer to exists
	@scripts/dependencies.sh lint
	@scripts/lint.sh

.PHONY: format
format: ## format the Swift sources
	swift format --in-place --parallel --recursive $(SWIFT_FILES)

.PHONY: docs
docs: ## API documentation of the libraries, from their comments, in .build/docs/html
	@scripts/dependencies.sh build
	@scripts/docs.sh

.PHONY: demo
demo: ## watch it work, against a local stand-in for Dropbox
	@scripts/dependencies.sh build demo
	@scripts/demo.sh

.PHONY: sanitize
sanitize: ## the suite under the address and the thread sanitizer
	@scripts/dependencies.sh build test
	@scripts/sanitize.sh

.PHONY: mutants
mutants: ## plant faults one at a time: the campaign or a test has to find each (20 minutes)
	@scripts/dependencies.sh build
	@scripts/mutants.py

.PHONY: powercut
powercut: release ## cut the power at random moments, on a file system of its own (as root; POWERCUT_FS=xfs)
	swift build $(RELEASE) --product dbxsync-sandbox
	@python3 -B scripts/powercut.py "$$(swift build $(RELEASE) --show-bin-path)" "$${DBXSYNC_CAMPAIGN:-50}"

.PHONY: soak
soak: ## run it for half an hour against a server that fails one request in five (SOAK_SECONDS=1800, SOAK_HTTP2=1)
	@scripts/dependencies.sh build demo
	swift build
	@python3 -B scripts/soak.py "$$(swift build --show-bin-path)" "$${SOAK_SECONDS:-1800}"

.PHONY: page
page: ## the status page in a real browser: screenshots in .build/page, and what a screen reader finds
	@scripts/dependencies.sh build demo page
	swift build
	@python3 -B scripts/page.py "$$(swift build --show-bin-path)" .build/page

.PHONY: fuzz
fuzz: ## fuzz what reads bytes from outside, 60 s for each target
	@scripts/dependencies.sh build
	@scripts/fuzz.sh

.PHONY: bench
bench: ## measure it, beside curl
	@scripts/dependencies.sh build bench
	@benchmarks/bench.sh

# For another machine there is no compiler to be strict about; and the programs carry the Swift runtime in them.
.PHONY: release
release: DBXSYNC_WARNINGS :=
release: ## release build that needs no Swift where it runs
	@scripts/dependencies.sh build
	swift build $(RELEASE) --product dbxsync

.PHONY: deb
deb: release ## Debian package, in .build/deb
	@scripts/dependencies.sh deb
	@packaging/deb.sh "$$(swift build $(RELEASE) --show-bin-path)"

.PHONY: install
install: release ## install program, units and configuration (PREFIX, DESTDIR)
	@packaging/install.sh install "$$(swift build $(RELEASE) --show-bin-path)"

.PHONY: uninstall
uninstall: ## remove them; configuration, sign-in, state and mirror stay
	@packaging/install.sh uninstall
