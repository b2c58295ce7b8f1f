# Each target does its own set-up: a fresh clone needs no other command before.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup tools build check test bench faults crds demo clean

# One set of targets for `build`, `check` and `test`: another one would unify features differently, and compile
# a part of the dependencies again.
ALL := --workspace --all-targets --locked
DROVER := target/debug/drover
# Where the simulators write down what they receive while the tests run.
REQUESTS := $(CURDIR)/target/requests

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install missing Debian packages where that is allowed, check the versions of Rust and Go
	@scripts/setup

tools: setup ## Find or build etcd, kube-apiserver, kube-controller-manager and kubectl, install the Python clients
	@scripts/tools
	@scripts/python

build: setup ## Build drover and pve-sim for development, into target/debug
	cargo build $(ALL)

check: build ## Formatting, clippy without warnings, generated files in sync, licences (if cargo-deny is installed)
	cargo fmt --all --check
	cargo clippy $(ALL) -- -D warnings
	cargo check $(ALL) --no-default-features
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(DROVER) crds --dir "$$fresh" && mkdir -p crds && \
	diff -ru crds "$$fresh" || { echo "crds/ is not what src/api says: run make crds" >&2; exit 1; }
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check; \
	else echo "cargo-deny is not installed: licences and bans are not checked"; fi

test: tools ## Run all tests, against a real Kubernetes API; then hold what Drover sent to Proxmox VE's schemas
	rm -rf $(REQUESTS)
	PVE_SIM_RECORD=$(REQUESTS) cargo test --workspace --locked -- --skip model::
	PVE_SIM_RECORD=$(REQUESTS) cargo test --workspace --locked --test it -- --ignored --test-threads 1 faults::idle faults::burst
	PVE_SIM_RECORD=$(REQUESTS) DROVER_WHOLE_RUN=1 cargo test --workspace --locked --test it -- client_schema model:: --nocapture

# The line that counts is the last one, after cargo's own.
faults: tools ## Kill drover 500 times (KILLS=n) over 20 machines; SEED=n repeats, BREAK=reservation must fail
	@mkdir -p target; status=0; \
	cargo test --workspace --locked --test it $(if $(BREAK),--features drover/break-$(BREAK)) -- --exact --ignored \
	--nocapture faults::kills::random::hundreds_of_random_kills_double_lose_and_touch_nothing \
	2>&1 | tee target/faults.log || status=$$?; \
	grep -E '^faults: [0-9]+ kills, [0-9]+ duplicates' target/faults.log || { echo "faults: the run did not end" >&2; status=1; }; \
	exit $$status

bench: setup ## How long the simulator takes to list 20,000 guests, in release
	cargo bench --locked -p pve-sim --bench resources

crds: build ## Write crds/ from src/api
	rm -f crds/*.yaml
	$(DROVER) crds --dir crds

demo: tools build ## The main job, step by step: drover standalone with a simulated Proxmox VE
	@scripts/demo

clean: ## Remove what was built here; programs in the user's cache stay
	cargo clean
	rm -rf tests/tools/bin
