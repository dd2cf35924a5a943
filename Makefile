# Every target sets up only the environments it needs. `make` alone lists the targets.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# What a shell has set for other work must not reach into the environments made here.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_REQUIRE_VIRTUALENV PIP_USER PIP_TARGET
export SAM_CLI_TELEMETRY := 0

MAIN := .venv/bin
DEV := .venv-dev/bin
SAM := .venv-sam/bin
CHECKOV := .venv-checkov/bin
BENCH := .venv-bench/bin
PYTEST := $(DEV)/python -m pytest

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Environments -----------------------------------------------------------------------------------

.PHONY: setup
setup: main-environment ## Set up the command (.venv/bin/pointflow) and the local AWS
	@echo "Ready: .venv/bin/pointflow --help"

.PHONY: main-environment dev-environment sam-environment checkov-environment bench-environment
main-environment:
	@local/environment.sh .venv requirements/local.txt this
dev-environment:
	@local/environment.sh .venv-dev requirements/dev.txt this
sam-environment:
	@local/environment.sh .venv-sam requirements/sam.txt
checkov-environment:
	@local/environment.sh .venv-checkov requirements/checkov.txt
bench-environment:
	@local/environment.sh .venv-bench requirements/bench.txt this

# --- Run --------------------------------------------------------------------------------------------

.PHONY: run
run: main-environment ## Watch sample files become points, on the local AWS, from start to end
	@$(MAIN)/python -m pointflow_cli.demo

.PHONY: screens
screens: main-environment ## Take the pictures of docs/screens anew, on the local AWS
	@$(MAIN)/python -m pointflow_cli.demo.screens

.PHONY: up
up: main-environment ## Start the local AWS with the stack and the samples in it
	@$(MAIN)/pointflow up

.PHONY: down
down: main-environment ## Stop the local AWS
	@$(MAIN)/pointflow down

.PHONY: invoke
invoke: main-environment sam-environment ## Run a function on Lambda's runtime: FUNCTION=<logical id> EVENT=<file>
	@$(MAIN)/python -m pointflow_local.invoke "$(FUNCTION)" "$(EVENT)" $(if $(TEMPLATE),--template "$(TEMPLATE)")

# --- Test -------------------------------------------------------------------------------------------

.PHONY: test
test: test-unit test-infrastructure test-integration test-runtime test-e2e ## Run every test tier

.PHONY: test-unit
test-unit: dev-environment ## Rules and use cases, with fakes
	$(PYTEST) tests/unit

.PHONY: test-infrastructure
test-infrastructure: dev-environment ## What template.yaml promises
	$(PYTEST) tests/infrastructure

.PHONY: test-integration
test-integration: dev-environment ## Adapters and the local AWS
	$(PYTEST) tests/integration

.PHONY: test-runtime
test-runtime: dev-environment sam-environment ## Every event in events/, on Lambda's own runtime
	$(PYTEST) tests/runtime

.PHONY: test-e2e
test-e2e: dev-environment ## The deployed stack, from upload to result file
	$(PYTEST) tests/e2e

.PHONY: soak
soak: main-environment dev-environment ## The long tests: many gigabytes, three quarters of an hour
	PYTHONPATH=functions:. $(DEV)/python -m tests.fuzz.differential --seconds $(or $(FUZZ_SECONDS),600)
	$(PYTEST) tests/soak

.PHONY: bench
# One thread for everybody: what is compared is processor time.
bench: bench-environment sam-environment ## Speed and memory against peers, in one run: benchmarks/README.md
	POLARS_MAX_THREADS=1 PYTHONPATH=functions:. $(BENCH)/python -m benchmarks.run

# --- Check ------------------------------------------------------------------------------------------

.PHONY: check
check: check-format check-lint check-types check-imports check-openapi check-template check-security ## Run every gate

.PHONY: check-format
check-format: dev-environment ## Formatting
	$(DEV)/ruff format --check .

.PHONY: check-lint
check-lint: dev-environment ## Lint
	$(DEV)/ruff check .

.PHONY: check-types
check-types: dev-environment ## Types
	$(DEV)/mypy

.PHONY: check-imports
check-imports: dev-environment ## Import direction
	PYTHONPATH=functions:cli:local $(DEV)/lint-imports

.PHONY: check-openapi
check-openapi: dev-environment ## docs/openapi.json against the code and template.yaml
	PYTHONPATH=functions:. $(DEV)/python -m openapi --check

.PHONY: check-template
# The serverless rules are added here, not in .cfnlintrc.yaml: everybody's sam reads that file.
# ES2000 asks for access logs, which need a role that belongs to the whole account.
# ES6000 reads a redrive policy only as text, WS1004 a log group only where there is no
# LoggingConfig; tests/infrastructure asserts both for every queue and function.
check-template: dev-environment sam-environment ## template.yaml, by cfn-lint and sam
	$(DEV)/cfn-lint --append-rules cfn_lint_serverless.rules --ignore-checks I3011 ES2000 ES6000 WS1004
	AWS_DEFAULT_REGION=us-east-1 $(SAM)/sam validate --lint

# What parameters add to the stack, so that checkov sees it too: it does not work conditions out.
EVERYTHING = KmsKeyArn=arn:aws:kms:eu-west-1:123456789012:key/own ApiDomainName=points.example.com \
	ApiCertificateArn=arn:aws:acm:eu-west-1:123456789012:certificate/own AllowedAddresses=192.0.2.7

.PHONY: check-security
check-security: dev-environment checkov-environment ## template.yaml and its translation, by checkov
	@mkdir -p .cache
	$(DEV)/python -m tests.infrastructure.template > .cache/translated.json
	$(DEV)/python -m tests.infrastructure.template $(EVERYTHING) > .cache/everything.json
	$(CHECKOV)/checkov --config-file .checkov.yaml -f template.yaml
	$(CHECKOV)/checkov --config-file .checkov.yaml -f .cache/translated.json
	$(CHECKOV)/checkov --config-file .checkov.yaml -f .cache/everything.json

.PHONY: format
format: dev-environment ## Put the code into its format
	$(DEV)/ruff format .
	$(DEV)/ruff check --fix .

.PHONY: openapi
openapi: dev-environment ## Write docs/openapi.json from the code
	PYTHONPATH=functions:. $(DEV)/python -m openapi

# --- Build ------------------------------------------------------------------------------------------

.PHONY: build
build: sam-environment ## Build for AWS into .aws-sam; ARCHITECTURE=arm64 (default) or x86_64
	PYTHON="$(CURDIR)/$(SAM)/python" $(SAM)/sam build --parameter-overrides Architecture=$(or $(ARCHITECTURE),arm64)

# --- Deploy -----------------------------------------------------------------------------------------

STACK = pointflow-$(ENV)

.PHONY: deploy
# PARAMETERS="AlarmEmail=ops@example.com CreditConcurrency=50" adds to samconfig.toml or overrides it.
# CONFIRM_CHANGES=no asks nobody, for where nobody is there.
deploy: main-environment build ## Deploy to AWS: ENV=dev|staging|prod
	@overrides="$$($(MAIN)/python -m pointflow_local.release $(ENV) $(PARAMETERS))" && \
		$(SAM)/sam deploy --config-env $(ENV) --parameter-overrides $$overrides \
			$(if $(filter no,$(CONFIRM_CHANGES)),--no-confirm-changeset)

.PHONY: destroy
destroy: main-environment ## Take a stack down: ENV=…; its data only with DATA=drop CONFIRM=<stack>
	@$(MAIN)/python -m pointflow_local.destroy $(if $(ENV),$(STACK)) $(DATA) $(CONFIRM)

# --- Housekeeping -----------------------------------------------------------------------------------

.PHONY: lock
lock: ## Pin requirements/*.in anew, with hashes; takes `uv` on PATH
	@for name in layer local dev sam checkov bench; do \
		uv pip compile --quiet --upgrade --python-version 3.13 --generate-hashes --no-header \
			--no-emit-index-url --no-emit-find-links \
			"requirements/$$name.in" -o "requirements/$$name.txt" || exit 1; \
	done
	cp requirements/layer.txt layers/dependencies/requirements.txt

.PHONY: clean
clean: ## Stop the local AWS and remove everything that was made here, kept state included
	@if [ -x $(MAIN)/pointflow ] && [ -d .pointflow ]; then $(MAIN)/pointflow down; fi
	rm -rf .venv .venv-dev .venv-sam .venv-checkov .venv-bench .pointflow .cache .aws-sam *.egg-info build
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find functions cli local tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
