# The few commands of this repository. `make` alone lists them.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help setup demo check test test-engine test-slow bench fmt golden schema docs lock engine-options

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/installed  ## a virtual environment with all that is locked, and the fleet command in it
	@command -v pulumi >/dev/null && echo "pulumi: $$(pulumi version)" || echo \
	  "pulumi is not on PATH: fleet downloads or builds one; for clouds see https://www.pulumi.com/docs/install/"

$(VENV)/installed: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $$($(PYTHON) --version) is too old, 3.11 or newer is needed: make setup PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: setup  ## the whole of it once, on this machine: cluster, stack, and a drill from 1 to 10 replicas and back
	@$(BIN)/fleet demo

check: setup  ## format, lint, types, and every test that starts no process
	@scripts/check

test: check  ## check, and the tests that need the embedded cluster
	$(BIN)/pytest -m "cluster and not slow"

test-engine: setup  ## the rendered container on a real vLLM, on the CPU: a few minutes, 5.8 GiB once, 7 GiB of memory
	$(BIN)/pytest -m "engine and not slow" tests/engine

test-slow: setup  ## HPA model, forecast and cold starts beside the real controllers, twenty faults under full load, more of a real vLLM
	$(BIN)/pytest -s -m slow

bench: setup  ## what the program and `fleet plan` cost to start, against their bare imports
	$(BIN)/python -m benchmarks.startup local
	$(BIN)/python -m benchmarks.startup aws-dev
	$(BIN)/python -m benchmarks.startup gcp-dev
	$(BIN)/python -m benchmarks.plan
	$(BIN)/python -m benchmarks.forecast

fmt: setup  ## format, and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: setup  ## write the golden files anew; read the difference before you commit it
	$(BIN)/pytest -q -m "not cluster and not engine and not slow" --update-golden

schema: setup  ## write the schemas of stack files, scenarios and the provider anew
	$(BIN)/python -m docs.generate.stack_schema
	$(BIN)/python -m docs.generate.provider_schema

docs: setup  ## write the generated pages: findings, keys, API, the picture of the packages
	$(BIN)/python -m docs.generate.findings
	$(BIN)/python -m docs.generate.keys
	$(BIN)/python -m docs.generate.api
	$(BIN)/python -m docs.generate.rooms

lock: setup  ## write requirements*.txt anew from requirements*.in
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-dev.in --output-file requirements-dev.txt
	$(COMPILE) requirements-engine-cpu.in --overrides requirements-engine-cpu.overrides --output-file requirements-engine-cpu.txt

engine-options: setup  ## the option table of a vLLM, written anew, and what breaks: make engine-options VLLM=0.33.0
	@test -n "$(VLLM)" || { echo "error: which version? make engine-options VLLM=0.33.0"; exit 1; }
	$(BIN)/python -m tests.engine.option_table $(VLLM)
