# make demo, make test, make lint, make bench: each sets up what it needs in .venv and stops with one clear line if it can't.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SANDBOX_PORT ?= 8800
TOOL_PORT ?= 8700
CATALOGUES := $(wildcard lti_app/web/translations/*/LC_MESSAGES/messages.po)

.PHONY: help demo test lint bench service-page lock clean

help: ## say what each target does
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/'

demo: $(VENV)/.run ## sandbox Moodle and tool on this machine, a night, and who to log in as
	@SANDBOX_PORT=$(SANDBOX_PORT) TOOL_PORT=$(TOOL_PORT) exec $(BIN)/python -m lti_app.demo

test: $(VENV)/.dev ## all tests, on SQLite, PostgreSQL and in Chromium
	@.ci/need chromium
	@.ci/need redis
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

lint: $(VENV)/.dev ## style, types, directions of imports, dead code, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/vulture

bench: $(VENV)/.dev ## measure launches, enrolments, planning and workers; prints tables
	@.ci/need redis
	@$(BIN)/python -m tests.bench

service-page: $(VENV)/.run ## write the tables of config/moodle-service.md anew from moodle_sync/functions.py
	@$(BIN)/flask --app lti_app moodle functions --write config/moodle-service.md

lock: ## write the locks anew from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --group dev pyproject.toml -o requirements-dev.lock

clean: ## remove what set-up and runs left
	rm -rf $(VENV) .demo artefacts .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.made:
	@.ci/need python
	@python3 -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements.lock $(CATALOGUES)
	@echo "installing packages …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(BIN)/pybabel -q compile -d lti_app/web/translations
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-dev.lock $(CATALOGUES)
	@echo "installing packages …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(BIN)/pybabel -q compile -d lti_app/web/translations
	@touch $@ $(VENV)/.run
