# Every target works in a fresh clone: what it needs is made first. Paths stay relative, so the clone may lie anywhere.

PYTHON ?= python3
PORT ?= 8000
SPEED ?=
ARGS ?=
MINUTES ?= 30
SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))

BROWSERS := chromium chromium-browser google-chrome

BIN := .venv/bin
FAULTS := PYTHONPATH=.:tests:tests/model:tests/house $(BIN)/python
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links

# A Python that is asked for by name takes the place of the one that .venv was made with.
WHICH := -c 'import sys; print(sys.base_prefix, sys.version)'
ifneq ($(origin PYTHON),file)
ifneq ($(wildcard .venv/.service),)
OTHER := $(if $(filter-out "$(shell $(BIN)/python $(WHICH))","$(shell $(PYTHON) $(WHICH))"),yes)
endif
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install setup demo sbom test soak soak-faults faults-bank check format bench bench-taps bench-correct bench-read bench-close bench-sweden bench-peers bench-hold bench-looks sim-report wheel-compiled requirements upgrade clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s%s\n", $$1, $$2}' Makefile

install: .venv/.project ## make .venv with what the service needs, from the hashed exports

setup: install .venv/.development ## the same, and what tests, checks and measurements need

demo: install ## an example municipality and a simulated day, served: PORT=8000 SPEED=
	@$(BIN)/taggad demo --port "$(PORT)" $(if $(SPEED),--speed "$(SPEED)")

test: check ## all checks, then all tests: ARGS="tests/domain -k split"
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

soak: wheel-compiled ## every test on the compiled rules; then the reference model ten times as long as in the tests: SEED=
	cd build/compiled && PYTHONPATH="$$PWD" ../../$(BIN)/python -m pytest -n 2
	@echo "make soak SEED=$(SEED)"
	SOAK_SEED="$(SEED)" $(BIN)/pytest -n 2 tests/model $(ARGS)

soak-faults: setup ## machines killed, frozen and filled for long, and totals told: SEED= MINUTES=
	@echo "make soak-faults SEED=$(SEED) MINUTES=$(MINUTES)"
	$(FAULTS) tests/faults/run.py --seed "$(SEED)" --minutes "$(MINUTES)" --scale 3 $(ARGS)

faults-bank: setup ## seeded bugs, each to be found by the harness of faults: ARGS="07 12"
	$(FAULTS) tests/faults/bank.py $(ARGS)

check: setup ## style, types, layers and the API's description, without the tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@$(BIN)/python tests/lint

format: setup ## rewrite the code in the house style
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: setup ## the named workload against the service and the floor: ARGS=
	$(BIN)/python -m bench $(ARGS)

bench-taps: setup ## the part of it about taps
	$(BIN)/python -m bench --only taps $(ARGS)

bench-correct: setup ## the part of it about corrections
	$(BIN)/python -m bench --only correct $(ARGS)

bench-read: setup ## the part of it about reading
	$(BIN)/python -m bench --only read $(ARGS)

bench-close: setup ## the part of it about closing a month
	$(BIN)/python -m bench --only close $(ARGS)

bench-sweden: MINUTES = 10
bench-sweden: setup ## the part of it about all of Sweden in one service: MINUTES=
	$(BIN)/python -m bench --only sweden --minutes "$(MINUTES)" $(ARGS)

bench-peers: setup build/peers/.installed ## check-ins of other people's servers, beside the floor and our taps: ARGS=
	$(BIN)/python -m bench.peers $(ARGS)

bench-looks: setup ## what the access log adds to a list of visits
	$(BIN)/pytest -q -s -p no:xdist tests/hold/cost_of_looks.py | grep looks

bench-hold: setup ## how long taps hold the lock while one token floods a door
	$(BIN)/pytest -q -s -p no:xdist tests/hold/lock_time.py | grep flood

sim-report: setup ## honest people and an adversary against the service, and what it saw: ARGS="--taps 10000"
	$(BIN)/python -m bench.sim_report $(ARGS)

wheel-compiled: setup ## a wheel in build with the rules compiled by mypyc; the pure one stays the default
	$(BIN)/python -m bench.compiled wheel

requirements: setup ## write requirements/*.txt anew from pyproject.toml, holding what is pinned
	$(COMPILE) pyproject.toml --output-file requirements/app.txt
	$(COMPILE) requirements/build.in --output-file requirements/build.txt
	$(COMPILE) pyproject.toml --group dev requirements/dev.in --output-file requirements/dev.txt

sbom: setup ## the bill of materials of what the service needs, as build/sbom.json (CycloneDX)
	@mkdir -p build
	$(BIN)/python -W ignore -m cyclonedx_py requirements requirements/app.txt --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file build/sbom.json

upgrade: COMPILE += --upgrade
upgrade: requirements ## the same with the newest versions pyproject.toml allows

clean: ## remove what was made here, except the data in .taggad
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Pinned, in an environment of its own: nothing here depends on other people's servers.
build/peers/.installed: bench/peers/requirements.txt bench/peers/package.json
	$(PYTHON) -m venv --clear build/peers
	build/peers/bin/python -m pip --disable-pip-version-check install --requirement bench/peers/requirements.txt
	@cp bench/peers/package.json build/peers
	npm install --prefix build/peers --no-audit --no-fund --loglevel error || echo "Without npm Directus is not measured" >&2
	@touch $@

FORCE:

# As root, fetches a package of the system's after a word on what and why: $(call fetch,package,why).
fetch = { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "Installing $(1) with apt-get: $(2)" && \
	{ apt-get -qq update && apt-get -qq install --yes $(1); } >/dev/null 2>&1; }

# The exports are whole, so pip has nothing to resolve: what pyproject.toml overrides of a package's wishes holds here too.
# Each stamp is written last: an interrupted step is done again, a finished one costs nothing.
.venv/.service: requirements/build.txt requirements/app.txt $(if $(OTHER),FORCE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		$(call fetch,python3-venv,this Python cannot make .venv without it.) || \
		{ echo "This Python has no venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@test -z "$(OTHER)" && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(PIP) install --require-hashes --no-deps --requirement requirements/build.txt --requirement requirements/app.txt
	@touch $@

# The export for development names the very versions of the service's (a test compares them), so pip adds what lacks.
.venv/.development: .venv/.service requirements/dev.txt
	$(PIP) install --require-hashes --no-deps --requirement requirements/dev.txt
	@for name in $(BROWSERS); do ! command -v $$name >/dev/null || exit 0; done; \
		$(call fetch,chromium,the tests of the carer's page run in a browser.) || \
		echo "No browser here: the tests of the carer's page need one (Debian: apt-get install chromium)" >&2
	@touch $@

# Without isolation the build uses the hashed setuptools just installed instead of fetching one nobody pinned.
.venv/.project: .venv/.service pyproject.toml
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
