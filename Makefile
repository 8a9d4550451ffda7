# tovgov. `make` alone lists what there is.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes
MAKEFLAGS += --no-print-directory

.PHONY: help
help:
	@echo "make demo         start tovgov with an invented database and play its story; Ctrl-C ends it"
	@echo "                  ARGS=--once ends after the story; ARGS='--scale 10' more rows; ARGS=--s3 copies to S3 too"
	@echo "make up           run tovgov for real use: web and workers, settings from .env (see .env.example)"
	@echo "make test         run all tests (ARGS go to pytest)"
	@echo "make bench        run the benchmarks, write var/bench/report.json"
	@echo "make lint         ruff, mypy and the house tests"
	@echo "make dev          install what tests and tools need"
	@echo "make migrations   write migrations for changed models"
	@echo "make lock         write requirements*.txt from pyproject.toml, for every Python from 3.11 on"
	@echo "make clean        remove what can be made again; var/ with your data stays"
	@echo "PYTHON=...        the Python to use, 3.11 or later (now: $(PYTHON))"

.PHONY: demo up dev test bench lint migrations lock clean

ifneq (,$(findstring --s3,$(ARGS)))
demo: $(VENV)/dev
endif
demo: $(VENV)/base
	@$(PY) manage.py demo $(ARGS)

up: $(VENV)/base keys
	@$(PY) manage.py up $(ARGS)

dev: $(VENV)/dev

# A worker that dies ends the run: to go on without it, xdist may wait for ever.
test: $(VENV)/dev
	@$(PY) -m pytest -n 2 --dist loadgroup --max-worker-restart 0 $(ARGS)

bench: $(VENV)/dev
	@$(PY) -m tests.benchmarks $(ARGS)

lint: $(VENV)/dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy --no-incremental
	@$(PY) -m pytest -q tests/house

migrations: $(VENV)/dev
	@$(PY) manage.py makemigrations audit backups $(ARGS)

LOCK := $(PY) -m uv pip compile pyproject.toml --generate-hashes --no-header --universal --python-version 3.11 --quiet
lock: $(VENV)/dev
	@$(LOCK) -o requirements.txt
	@$(LOCK) --extra dev -o requirements-dev.txt

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Cleaned. var/ with your data and keys is as it was."

.PHONY: keys
keys: $(VENV)/base
	@$(PY) -m tovgov.keys

# --- the environment; each stamp is a file of the environment, so a removed or broken one is made again ---------------

$(VENV)/base: requirements.txt $(VENV)/works
	@echo "Installing what tovgov needs (requirements.txt) ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/works
	@echo "Installing what tests and tools need (requirements-dev.txt) ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/base

# A Python that was removed or upgraded leaves an environment that does not start.
ifneq (,$(wildcard $(VENV)/works))
ifneq (ok,$(shell $(PY) -c 'print("ok")' 2>/dev/null))
.PHONY: $(VENV)/works
endif
endif

$(VENV)/works:
	@command -v $(PYTHON) >/dev/null || { echo "tovgov needs Python 3.11 or later, and there is no '$(PYTHON)'. Install it, or name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tovgov needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Making a Python environment in $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV) || { echo "Python cannot make environments here. On Debian and Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }
	@touch $@
