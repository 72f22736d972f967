# Every target builds .venv by itself: `make demo` on a fresh clone needs git, make and Python 3.11+.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
CODE   := $(wildcard mlgitops tests benchmarks pipelines)
# A file's tests stay in one process: they share what is costly to make.
PYTEST ?= -n auto --dist loadfile

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help venv test check format format-check lint imports types workflows demo bench lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

venv: $(STAMP) ## build .venv with everything that development needs

# The stamp is written last and holds this folder's path: what an interrupted build left, or a folder
# that was moved, is thrown away and built anew; an interrupted update is done again in place.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif
$(STAMP): pyproject.toml requirements.lock
	@command -v $(PYTHON) >/dev/null || { \
	  echo "mlgitops needs Python 3.11 or newer, and there is no '$(PYTHON)' here." >&2; \
	  echo "Name one: make $(or $(MAKECMDGOALS),venv) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "mlgitops needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make $(or $(MAKECMDGOALS),venv) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@if [ "$$(cat $@ 2>/dev/null)" != "$(CURDIR)" ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  echo "venv: making $(VENV) with $$($(PYTHON) --version)"; \
	  rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); fi
	@echo "venv: installing the packages of requirements.lock (the first time takes about a minute)"
	@$(BIN)/python -m pip install -qq --use-pep517 --constraint requirements.lock --editable '.[ml,boosting,sign,serve,bucket,notebook,sql,demo,dev]'
	@echo "$(CURDIR)" > $@

test: $(STAMP) ## run the tests
	$(BIN)/python -m pytest $(PYTEST)

check: format-check lint imports types workflows test ## everything that CI checks, the fast parts first

format: $(STAMP) ## rewrite the code in the project's format
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix-only --quiet $(CODE)

format-check: $(STAMP)
	$(BIN)/ruff format --check $(CODE)

lint: $(STAMP)
	$(BIN)/ruff check $(CODE)

imports: $(STAMP)
	$(BIN)/lint-imports --no-logo

types: $(STAMP)
	$(BIN)/mypy

workflows: $(STAMP)
	$(BIN)/actionlint -no-color .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --no-progress --quiet .github/workflows

demo: $(STAMP) ## the whole story on one machine
	$(BIN)/mlgitops demo

bench: $(STAMP) ## measure the cost of starting
	$(BIN)/python benchmarks/startup.py

lock: ## take the newest versions that pyproject.toml allows into requirements.lock
	@rm -rf build/lock && $(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install -qq --use-pep517 --editable '.[ml,boosting,sign,serve,bucket,notebook,sql,demo,dev]'
	@{ sed -n '/^#/p' requirements.lock; build/lock/bin/python -m pip freeze --exclude-editable; } > build/requirements.lock
	@mv build/requirements.lock requirements.lock && rm -rf build/lock

clean: ## remove what the targets made (not the store in .mlgitops)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
