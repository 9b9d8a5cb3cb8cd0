# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Each does its own set-up; a second run skips what is done.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers
# A debug, sanitizer or annotated build is another build: changing one of these compiles everything again. So does a first build that was
# cut short, whose last outputs may be half written.
FLAVOUR := $(DESMOS_DEBUG)-$(DESMOS_SANITIZE)-$(DESMOS_ANNOTATE)
BUILT := build/.built.$(FLAVOUR)
SOURCES := setup.py $(wildcard ext/*.pyx ext/*.pxd ext/*.h)
# Golden files whose records the reference pages take apart.
EXAMPLES = $(patsubst %,tests/golden/%.b2,02_dental_ccam 11_accents 18_ccam_detail 19_prescriber_kinds files/file1 files/arl2_negative \
  files/rsp2_mixed $(addprefix records/,3 3E 3F 3H 3S 4B 4H))
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test lint types build bench fuzz fault serve migrate docs golden lock clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# An environment whose making was interrupted has a Python and no whole pip: only pip itself tells.
$(READY): requirements/all.txt scripts/system-packages
	@scripts/system-packages
	@$(PY) -m pip install --help >/dev/null 2>&1 || "$$(scripts/find-python)" -m venv --clear $(VENV)
	@echo "Installing the pinned libraries into $(VENV): a minute or so"
	@$(PIP) --require-hashes --only-binary :all: -r requirements/all.txt
	@ln -sf ../../scripts/desmos-fast $(VENV)/bin/desmos-fast
	@touch $@

$(BUILT): $(READY) $(SOURCES)
	@echo "Compiling the kernels: a minute or so"
	@mkdir -p build
	@if [ ! -e $@ ]; then export CYTHON_FORCE_REGEN=1; force=--force; fi; \
	  $(PY) setup.py -q build_ext --inplace --parallel "$$(nproc)" $$force
	@rm -f build/.built.*
	@touch $@

build: $(BUILT) ## Compile the kernels in place

demo: $(BUILT) ## Run a centre's day through the real service and database
	@$(PY) -m desmos_fast.cli demo

test: lint types ## Check everything that must hold before a change lands
	@$(PY) -m pytest -q

lint: $(BUILT) ## Check style, direction of imports, kernels and migrations
	@$(VENV)/bin/ruff check .
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cython-lint ext
	@PYTHONPATH=. $(VENV)/bin/lint-imports --no-cache --no-logo
	@for sql in desmos_fast/db/migrations/*.sql; do \
	  sed '/^-- migrate: rollback/,$$d' $$sql | $(VENV)/bin/squawk --stdin-filepath $$sql || exit 1; done

types: $(BUILT) ## Check types, tests and the stubs of the kernels included
	@$(VENV)/bin/mypy
	@$(PY) -m mypy.stubtest ext --ignore-disjoint-bases --allowlist tests/stubtest.txt

$(PEERS): $(READY) requirements/bench.txt
	@echo "Installing the peers of the benchmarks into $(VENV)"
	@$(PIP) --require-hashes --only-binary :all: -r requirements/bench.txt
	@touch $@

bench: $(BUILT) $(PEERS) ## Measure everything beside its peers (ARGS="codec --quick" for a part)
	@$(PY) -m desmos_fast.cli bench $(ARGS)

fuzz: $(BUILT) ## Feed long runs of random input to every parser
	@$(PY) -m pytest -q -m fuzz --timeout 3600

fault: $(BUILT) ## Kill the service and the worker at random points of a day
	@$(PY) -m pytest -q -m fault --timeout 3600 tests/fault

serve: $(BUILT) ## Start the service with its own database
	@$(PY) -m desmos_fast.cli serve

migrate: $(BUILT) ## Bring the database to this version
	@$(PY) -m desmos_fast.cli migrate

docs: $(BUILT) ## Write the reference pages of the records from their tables
	@$(PY) -m desmos_fast.cli layouts --pages docs/reference/records $(addprefix --examples ,$(EXAMPLES))

golden: $(BUILT) ## Encode the golden inputs again and show what would change
	@for json in tests/golden/[0-9]*.ndjson; do case $$json in *.decoded.*) continue;; esac; \
	  $(PY) -m desmos_fast.cli fse encode $$json -o - | cmp - $${json%.ndjson}.b2 && echo "$$json same" || exit 1; done

lock: $(READY) ## Pin the newest libraries that pyproject.toml allows
	@$(PY) -m venv build/lock && build/lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
	@for list in all bench; do \
	  build/lock/bin/python -m piptools compile --quiet --generate-hashes --allow-unsafe --no-header --no-emit-index-url \
	    --no-emit-find-links --no-emit-options --no-emit-trusted-host --strip-extras --upgrade \
	    --output-file requirements/$$list.txt requirements/$$list.in || exit 1; done

clean: ## Remove what was built (the environment and the demo's data stay)
	@rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find ext -name '*.so' -delete -o -name '*.c' -delete -o -name '*.html' -delete
