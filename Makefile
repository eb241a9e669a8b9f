# The whole developer interface. `make demo` and `make test` need python3.11, venv, pip and make, nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q install --require-hashes --only-binary :all: --no-deps

JOBS   ?= 2

CUTS   ?= 1000
KILLS  ?= 1000

.PHONY: demo test lint format types imports unit coverage sim bench chaos lock screenshots clean dev

demo: $(VENV)/.run
	@$(BIN)/detente demo

test: lint types imports unit sim

dev: $(VENV)/.dev

$(VENV)/bin/python:
	@echo "[1/3] making a virtual environment with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Détente needs Python 3.11 or newer; set PYTHON=…")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock requirements-build.lock pyproject.toml | $(VENV)/bin/python
	@echo "[2/3] installing the locked packages (about 160 MB the first time)"
	@$(PIP) -r requirements.lock -r requirements-build.lock
	@$(BIN)/python -m pip --disable-pip-version-check -q install --no-build-isolation --no-deps -e .
	@echo "[3/3] compiling the kernels for this machine (half a minute, once)"
	@$(BIN)/python -c "from detente.cli.kernels import compile_kernels; compile_kernels()"
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "[+] installing the locked tools for tests"
	@$(PIP) -r requirements-dev.lock
	@touch $@

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

format: $(VENV)/.dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: $(VENV)/.dev
	@$(BIN)/mypy

imports: $(VENV)/.dev
	@$(BIN)/lint-imports --no-logo

# A file's tests stay on one worker, so that what a file sets up is set up once.
unit: $(VENV)/.dev
	@$(BIN)/pytest -q -n $(JOBS) --dist loadfile

# By itself: with every line counted, in the nodes that tests start too, the tests take more than twice as long.
coverage: $(VENV)/.dev
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q -n $(JOBS) --dist loadfile
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report

# Links under faults, in virtual time: `make sim SEEDS=100000` for a night.
SEEDS  ?= 2000
sim: $(VENV)/.dev
	@$(BIN)/detente simulate --seeds $(SEEDS)

bench: $(VENV)/.dev
	@$(BIN)/detente bench

# A night of faults on real nodes; the table goes into docs/reliability.md. Needs strace and root for all of it.
chaos: $(VENV)/.dev
	@PYTHONPATH=src:tools $(BIN)/python -m chaos --cuts $(CUTS) --kills $(KILLS) --page docs/reliability.md

# The pictures of the documents, out of a running demo.
screenshots: $(VENV)/.dev
	@PYTHONPATH=src:tests $(BIN)/python tools/screenshots.py

# Hashed requirements hold no address; uv.lock and pylock.toml would. uv is used for this and nothing else.
lock:
	@$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip -q install uv
	@UV=$(VENV)-lock/bin/uv; export UV_PYTHON_DOWNLOADS=never; \
	C="$$UV pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate"; \
	$$C pyproject.toml -o requirements.lock && \
	$$C --group build -c requirements.lock -o requirements-build.lock && \
	$$C --group dev -c requirements.lock -o requirements-dev.lock
	@! grep -l '://' requirements.lock requirements-build.lock requirements-dev.lock
	@rm -rf $(VENV)-lock

clean:
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
