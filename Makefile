# Two commands on a fresh machine: `make demo` and `make test`. Both make .venv when it is missing.

# The first Python that is new enough; `make PYTHON=/path/to/python3.12 demo` picks another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$p" && break; \
	done)
# Much of the tests is waiting for audio to be spoken: two at once take half as long on any machine.
WORKERS ?= 2
CONSTRAINTS := .ci/constraints.txt
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# The stamps say what was installed from which pyproject.toml and constraints.
PACKAGE := $(VENV)/package.stamp
TOOLS := $(VENV)/tools.stamp

# What an interrupted or failed recipe left of its target is removed, a half-made .venv too.
.DELETE_ON_ERROR:
.PHONY: help demo test lint typecheck check wheel clean

help:
	@echo 'make demo       run on the bundled recording; writes timeline.csv'
	@echo 'make test       run the tests'
	@echo 'make check      everything that CI checks before it builds: lint, typecheck, test'
	@echo 'make lint       formatting, lint and import rules'
	@echo 'make typecheck  mypy --strict on the package'
	@echo 'make wheel      build dist/*.whl'
	@echo 'make clean      remove .venv and everything that was built'

demo: $(PACKAGE)
	$(BIN)/python -m realtime_ser demo --overwrite

test: $(TOOLS)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(TOOLS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo

typecheck: $(TOOLS)
	$(BIN)/mypy

check: lint typecheck test

wheel: $(BIN)/python
	$(PIP) wheel --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(PACKAGE): pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo 'Installing realtime-ser into $(VENV); torch is large, so the first time takes minutes.'
	$(PIP) install --constraint $(CONSTRAINTS) --editable .
	@touch $@

$(TOOLS): pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo 'Installing realtime-ser and its tools into $(VENV); the first time takes minutes.'
	$(PIP) install --constraint $(CONSTRAINTS) --editable '.[dev]'
	@touch $@ $(PACKAGE)

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo 'Python 3.11 or newer was not found; install it, or name it: make PYTHON=/path/to/python3' >&2; \
		exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or newer is needed; $(PYTHON) is not: make PYTHON=/path/to/python3' >&2; \
		exit 1; }
	@rm -rf $(VENV)
	@"$(PYTHON)" -m venv $(VENV) || { \
		rm -rf $(VENV); \
		echo 'The venv module does not work; on Debian and Ubuntu: apt install python3-venv' >&2; \
		exit 1; }
