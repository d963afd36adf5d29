# Every command here works on a machine with Python >= 3.11, make and git; the first one sets everything up in .venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/.ready
UV = $(shell command -v uv || echo $(BIN)/uv)

PORT ?= 3000
EVENT ?= events/function_url_get_file.json

.PHONY: help
help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

.PHONY: install
install: $(READY) ## set up .venv (every other command does this by itself)

$(READY): pyproject.toml requirements-dev.txt
	@python=$$(for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done); \
	[ -n "$$python" ] || { echo "lambda-asgi needs Python 3.11 or newer on PATH; 'python3 --version' says: $$(python3 --version 2>&1)" >&2; exit 1; }; \
	echo "Setting up .venv with $$($$python --version) (once; about half a minute)"; \
	[ -x $(BIN)/python ] || if command -v uv >/dev/null; then uv venv -q --python "$$(command -v $$python)" .venv; else $$python -m venv .venv; fi
	@command -v uv >/dev/null || [ -x $(BIN)/uv ] || $(BIN)/python -m pip install -q --disable-pip-version-check uv
	@$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements-dev.txt
	@# The tools come from the lock above; only this project itself is built and linked, without looking anything up.
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: run
run: $(READY) ## serve template.yaml's function at http://127.0.0.1:$PORT (PORT, FILE_SOURCE)
	@exec $(BIN)/lambda-emulator --port $(PORT)

.PHONY: dev
dev: $(READY) ## the same app under uvicorn --reload, without Lambda
	@exec $(BIN)/uvicorn --app-dir src --reload --reload-dir src --port $(PORT) file_service.main:app

.PHONY: test
test: $(READY) ## run the test suite (ARGS="-k name" for a part of it)
	@$(BIN)/pytest $(ARGS)

.PHONY: lint
lint: $(READY) ## ruff and mypy --strict
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

.PHONY: lock
lock: $(READY) ## renew the pins after a change in pyproject.toml
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	    --extra emulator --group service --group dev pyproject.toml -o requirements-dev.txt
	@$(UV) pip compile -q --universal --python-version 3.13 --generate-hashes --no-header \
	    --constraint requirements-dev.txt --group service pyproject.toml -o src/requirements.txt
