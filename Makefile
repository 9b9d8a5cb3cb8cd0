# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Each does its own set-up; a second run skips what is done.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers
READERS := $(VENV)/.readers
# A first build that was cut short, whose last outputs may be half written, compiles everything again.
BUILT := build/.built
# The kernels in place are those of a release: each safety build has a copy of the tree under build/, and its switches are set there alone.
unexport DESMOS_DEBUG DESMOS_ANNOTATE DESMOS_SANITIZE
SAFETY := build/safety
CONTRACT := build/contract
# How long `make fuzz` goes on with each of its targets.
RUNS := 10000000
# Which scenario `make load` plays, and how many minutes `make soak` takes.
NAME := opening
FOR := 20
# How long `make contract` goes on with each of its four runs.
SECONDS := 120
TARGETS := claims invoices columns arl rsp cfonb settle
# Tests run in one process more than there are processors, since a third of their time is waiting, up to five; each has a PostgreSQL of its own.
WORKERS := $(shell n=$$(nproc); echo $$((n < 4 ? n + 1 : 5)))
SPREAD := --numprocesses $(WORKERS) --dist worksteal
KERNEL_TESTS := tests/fuzz tests/exchange tests/billing tests/lots tests/returns tests/generators tests/settlement/test_join.py tests/settlement/test_subset.py \
  tests/settlement/bank tests/db/test_pgcopy.py tests/db/test_seal.py tests/monitoring/test_tally.py
# What a sanitizer keeps of freed memory says nothing of a release.
MEASURED := --ignore tests/exchange/test_memory.py
# Rooms in which no kernel is at work, and whole programs whose parts have tests of their own: slow there, and they say nothing of memory.
BESIDE := $(addprefix --ignore ,tests/readers tests/agents tests/loadtests tests/e2e tests/test_wheel.py tests/test_set_up.py)
# Lines are counted in the process of the tests, by tests that reach the same ones each time; what is long would take hours while traced.
SHORT := -k "not long and not planted and not gigabytes and not threads and not command and not wherever and not apart \
  and not every_code and not any_value"
WRITTEN_TESTS := tests/exchange tests/billing $(wildcard tests/lots/test_kernel_*.py) tests/lots/test_build_encoded.py \
  tests/returns/test_parse.py $(filter tests/settlement/% tests/db/%,$(KERNEL_TESTS))
SOURCES := setup.py $(wildcard ext/*.pyx ext/*.px? ext/*.h)
# Golden files whose records the reference pages take apart.
EXAMPLES = $(patsubst %,tests/golden/%.b2,02_dental_ccam 11_accents 18_ccam_detail 19_prescriber_kinds files/file1 files/arl2_negative \
  files/rsp2_mixed $(addprefix records/,3 3E 3F 3H 3S 4B 4H))
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test lint types build bench load line soak fuzz sanitize valgrind coverage annotate contract fault defects serve migrate docs golden lock rules dashboards clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
	@touch $@

build: $(BUILT) ## Compile the kernels in place

demo: $(BUILT) ## Run a centre's day through the real service and database
	@$(PY) -m desmos_fast.cli demo

# The library of card readers has no wheel for Linux.
$(READERS): $(READY) requirements/readers.txt scripts/system-packages
	@scripts/system-packages readers
	@echo "Compiling the library of card readers: half a minute or so"
	@$(PIP) --require-hashes --only-binary :all: --no-binary pyscard -r requirements/readers.txt
	@touch $@

test: lint types $(READERS) ## Check everything that must hold before a change lands
	@scripts/system-packages promtool prometheus-alertmanager haproxy chromium
	@$(PY) -m pytest -q $(SPREAD) --durations 10 --durations-min 5

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

bench: $(BUILT) $(PEERS) $(READERS) ## Measure everything beside its peers (ARGS="codec --quick" for a part)
	@$(PY) -m desmos_fast.cli bench $(ARGS)

# An interpreter of its own for the tools of three targets would be no test of the environment: they are put beside it.
$(SAFETY)/.ready: $(READY) requirements/safety.txt
	@$(PIP) --require-hashes --only-binary :all: --upgrade --target $(SAFETY) -r requirements/safety.txt
	@touch $@

load: $(BUILT) $(PEERS) ## Play a scenario by the clock (NAME=opening, ARGS="--scale 0.1 --ramp"; `--help` names them all)
	@$(PY) -m loadtests.scenarios $(NAME) $(ARGS)

line: $(BUILT) ## Measure the bytes of each action, and ten people on 2 Mbit/s (root; ARGS="--users 20")
	@$(PY) -m loadtests.bandwidth $(ARGS)

soak: $(BUILT) $(PEERS) ## Let the service run at a low rate and say whether anything grows (FOR=720 minutes for a night)
	@$(PY) -m loadtests.soak --for $(FOR) $(ARGS)

fuzz: $(BUILT) $(SAFETY)/.ready ## Feed every parser guided input under the sanitizers (RUNS=1000000 for a tenth)
	@scripts/system-packages clang
	@DESMOS_SANITIZE=fuzz scripts/safety-build fuzz
	@for target in $(TARGETS); do scripts/fuzz $$target $(RUNS) || exit 1; done
	@$(PY) -m pytest -q -m fuzz

sanitize: $(READY) ## Run the tests of all that the kernels serve with them under the sanitizers of the compiler
	@DESMOS_SANITIZE=1 scripts/safety-build sanitize
	@cd build/sanitize && scripts/sanitized .venv/bin/python -m pytest -q --capture=sys --timeout 1200 $(SPREAD) $(MEASURED) $(BESIDE)
	@cd build/sanitize && DESMOS_SIMD=portable \
	  scripts/sanitized .venv/bin/python -m pytest -q --capture=sys --timeout 1200 $(SPREAD) $(MEASURED) $(KERNEL_TESTS)

valgrind: $(BUILT) ## Run the kernels on every golden file and crasher under valgrind
	@scripts/system-packages valgrind
	@PYTHONMALLOC=malloc valgrind --quiet --error-exitcode=1 --suppressions=tests/valgrind.supp $(PY) -m tests.fuzz.replay

coverage: $(SAFETY)/.ready ## Say which lines of the kernels the tests of the kernels run
	@DESMOS_DEBUG=1 scripts/safety-build coverage
	@cd build/coverage && export PYTHONPATH=$(CURDIR)/$(SAFETY) && \
	  .venv/bin/python -m coverage run --rcfile tests/coverage.ini -m pytest -q --timeout 1200 $(MEASURED) $(SHORT) $(WRITTEN_TESTS) && \
	  .venv/bin/python -m coverage report --rcfile tests/coverage.ini

$(CONTRACT)/.ready: $(READY) requirements/contract.txt
	@$(PIP) --require-hashes --only-binary :all: --upgrade --target $(CONTRACT) -r requirements/contract.txt
	@touch $@

contract: $(BUILT) $(CONTRACT)/.ready ## Ask the running service whatever its description allows, and what it does not (SECONDS=600 for longer)
	@$(PY) -m tests.api.fuzzed $(CONTRACT) $(SECONDS)

annotate: $(READY) ## Write each kernel as a page that shows where it calls Python
	@DESMOS_ANNOTATE=1 scripts/safety-build annotate
	@ls build/annotate/build/cython/ext/*.html

fault: $(BUILT) $(READERS) ## Kill processes a thousand times, and play months over a line that spoils messages
	@$(PY) -m pytest -q -m fault

defects: $(BUILT) ## Plant defects in copies of the tree, and see that the fault tests find each
	@$(PY) -m tests.fault.defects

serve: $(BUILT) ## Start the service with its own database
	@$(PY) -m desmos_fast.cli serve

migrate: $(BUILT) ## Bring the database to this version
	@$(PY) -m desmos_fast.cli migrate

docs: $(BUILT) ## Write the reference pages of the records from their tables
	@$(PY) -m desmos_fast.cli layouts --pages docs/reference/records $(addprefix --examples ,$(EXAMPLES))

golden: $(BUILT) ## Encode the golden inputs again and show what would change
	@for json in tests/golden/[0-9]*.ndjson; do case $$json in *.decoded.*) continue;; esac; \
	  $(PY) -m desmos_fast.cli fse encode $$json -o - | cmp - $${json%.ndjson}.b2 && echo "$$json same" || exit 1; done

rules: $(BUILT) ## Write the rules of Prometheus and their cases, and play these through promtool
	@scripts/system-packages promtool
	@$(PY) -m desmos_fast.cli slo rules
	@$(PY) -m tests.monitoring.cases
	@$(PY) -m pytest -q tests/monitoring

dashboards: $(BUILT) ## Write the dashboards of Grafana, and the pages of what they show
	@scripts/system-packages promtool
	@$(PY) -m desmos_fast.cli slo dashboards --pages docs/reference
	@$(PY) -m pytest -q tests/monitoring/test_dashboards*.py tests/monitoring/test_catalogue.py

lock: $(READY) ## Pin the newest libraries that pyproject.toml allows
	@$(PY) -m venv build/lock && build/lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
	@for list in all bench safety contract readers; do \
	  build/lock/bin/python -m piptools compile --quiet --generate-hashes --allow-unsafe --no-header --no-emit-index-url \
	    --no-emit-find-links --no-emit-options --no-emit-trusted-host --strip-extras --upgrade \
	    --output-file requirements/$$list.txt requirements/$$list.in || exit 1; done

clean: ## Remove what was built (the environment and the demo's data stay)
	@rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find ext -name '*.so' -delete -o -name '*.c' -delete -o -name '*.html' -delete
