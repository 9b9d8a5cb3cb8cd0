# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Each does its own set-up; a second run skips what is done.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
BUILT := build/.built
SOURCES := setup.py $(wildcard ext/*.pyx ext/*.pxd)

.PHONY: help demo test lint types build bench fuzz fault serve migrate golden lock clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/all.txt scripts/system-packages
	@scripts/system-packages
	@python=; for name in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  if command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; done; \
	  test -n "$$python" || { echo "Python 3.11 or later is needed" >&2; exit 1; }; \
	  test -x $(PY) || $$python -m venv $(VENV)
	@echo "Installing the pinned libraries into $(VENV)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/all.txt
	@touch $@

$(BUILT): $(READY) $(SOURCES)
	@echo "Compiling the kernels"
	@mkdir -p build
	@$(PY) setup.py -q build_ext --inplace
	@touch $@

build: $(BUILT) ## Compile the kernels in place

demo: $(BUILT) ## Run a centre's day through the real service and database
	@$(PY) -m desmos_fast.cli demo

test: $(BUILT) ## Check everything that must hold before a change lands
	@$(PY) -m pytest -q

lint: $(BUILT) ## Check style, direction of imports, kernels and migrations
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/cython-lint ext
	@$(VENV)/bin/lint-imports --no-cache

types: $(BUILT) ## Check types, tests included
	@$(VENV)/bin/mypy

bench: $(BUILT) ## Measure the kernels beside plain Python
	@for script in loadtests/bench_*.py; do $(PY) -m loadtests.$$(basename $$script .py) || exit 1; done

fuzz: $(BUILT) ## Feed long runs of random input to every parser
	@$(PY) -m pytest -q -m fuzz --timeout 3600

fault: $(BUILT) ## Kill the service and the worker at random points of a day
	@$(PY) -m pytest -q -m fault --timeout 3600 tests/fault

serve: $(BUILT) ## Start the service with its own database
	@$(PY) -m desmos_fast.cli serve

migrate: $(BUILT) ## Bring the database to this version
	@$(PY) -m desmos_fast.cli migrate

golden: $(BUILT) ## Encode the golden inputs again and show what would change
	@for json in tests/golden/[0-9]*.ndjson; do case $$json in *.decoded.*) continue;; esac; \
	  $(PY) -m desmos_fast.cli fse encode $$json -o - | cmp - $${json%.ndjson}.b2 && echo "$$json same" || exit 1; done

lock: $(READY) ## Renew the hash-pinned list of libraries (needs pip-tools)
	@$(PY) -m pip install --quiet pip-tools
	@$(PY) -m piptools compile --quiet --generate-hashes --allow-unsafe --no-header --no-emit-index-url --no-emit-find-links --no-emit-options \
	  --no-emit-trusted-host --all-build-deps --strip-extras --upgrade --output-file requirements/all.txt requirements/all.in

clean: ## Remove what was built (the demo's data stays)
	@rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find ext -name '*.so' -delete
