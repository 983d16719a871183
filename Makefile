# Two commands do all the set-up on a fresh machine (Python 3.11, git, make): `make sprint` and `make test`.
PYTHON ?= python3
VENV ?= .venv
SPRINT ?= 0001-first-model
BIN := $(VENV)/bin
# Where it is set, Python keeps nothing that it compiled, and every stage compiles its libraries anew: longer than its imports.
export PYTHONDONTWRITEBYTECODE :=
NODE := tests/forges/node tests/github/node
UV := $(BIN)/uv
# Variables, since a comma in a call's argument would end it.
WITH_RUN := -e '.[run]'
WITH_DEV := -e '.[run,demo,dev]'
# uv installs the same packages as pip, several times faster; pip remains where uv cannot be had.
INSTALL = if [ -x $(UV) ]; then $(UV) pip install --quiet --python $(BIN)/python -c constraints.txt $(1); \
	else $(BIN)/python -m pip install --quiet -c constraints.txt $(1); fi

.PHONY: sprint wheel test check lint types layers generated unit install install-dev node label-studio clean help

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

sprint: install ## run the demo sprint and print its report
	@PATH="$(CURDIR)/$(BIN):$$PATH"; flywheel run $(SPRINT) --pull; code=$$?; \
	 if [ $$code -eq 1 ]; then echo "(the gates were not all passed: that is the sprint's result, not an error)"; exit 0; fi; exit $$code

wheel: install ## turn the wheel three times on the demo: train, label what it struggles with, train again, decide
	@$(BIN)/python demo/wheel.py

test: lint types layers unit ## everything that CI runs

check: install-dev ## in 90 s: lint, types, layers, and the quick tests that your change touches
	@.ci/check $(BIN)

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev
	$(BIN)/mypy

layers: install-dev
	$(BIN)/lint-imports

unit: install-dev
	$(BIN)/pytest -n auto --dist loadgroup --durations 15

generated: install-dev ## write the JSON Schemas and the option reference again
	$(BIN)/python -m runner.config.generate

node: $(NODE:%=%/node_modules/.package-lock.json) ## install what the tests of the workflows and of GitHub's API need (Node 20)

label-studio: ## install Label Studio's server (812 MB, not in the project's environment) for its tests
	@.ci/label-studio $(PYTHON)

# npm ci installs exactly what the lock file names, and runs no script of a package.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 4; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' constraints.txt)" || echo "uv cannot be installed: pip is used"

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing (about 5 GB the first time: torch brings its CUDA libraries)"
	@$(call INSTALL,$(WITH_RUN))
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(call INSTALL,$(WITH_DEV))
	@touch $@

clean: ## remove the environment and what tools cached
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
