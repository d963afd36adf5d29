# Each command works on a machine with Python >= 3.11, make and git. The first one sets up .venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/.ready
# Like pip, uv trusts the machine's certificates: many networks have a proxy with its own certificate.
export UV_SYSTEM_CERTS := true
export UV_NATIVE_TLS := true
# Tests start hundreds of processes. Without bytecode, each of them would compile all its imports.
unexport PYTHONDONTWRITEBYTECODE
# Some tools need a home folder that they can write to.
ifeq ($(shell test -w "$$HOME" && echo yes),)
export HOME := $(CURDIR)/.home
endif
UV = $(shell command -v uv || echo $(BIN)/uv)

export SAM_CLI_TELEMETRY := 0
# sam looks for uv on PATH.
SAM := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sam
# The function's Python, as 3.13.
RUNTIME := $(shell sed -n 's/^ *Runtime: python//p' template.yaml | head -1)
FINISH_BUILD := $(BIN)/python -m tools.finish_build --python $(RUNTIME)

PORT ?= 3000
EVENT ?= events/function_url_get_file.json
ARCH ?= arm64
HOST_ARCH := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

.PHONY: help
help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

.PHONY: install
install: $(READY) ## set up .venv (every other command does this by itself)

$(READY): pyproject.toml emulator/pyproject.toml requirements-dev.txt
	@python=$$(for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done); \
	[ -n "$$python" ] || { echo "lambda-asgi needs Python 3.11 or newer on PATH; 'python3 --version' says: $$(python3 --version 2>&1)" >&2; exit 1; }; \
	echo "Setting up .venv with $$($$python --version) (once; about half a minute)"; \
	[ -x $(BIN)/python ] || if command -v uv >/dev/null; then uv venv -q --python "$$(command -v $$python)" .venv; else $$python -m venv .venv; fi
	@command -v uv >/dev/null || [ -x $(BIN)/uv ] || { echo "  uv"; $(BIN)/python -m pip install -q --disable-pip-version-check uv; }
	@echo "  the locked packages and tools (0.8 GB on disk)"
	@$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements-dev.txt
	@echo "  the two packages of this project"
	@# The lock above has all tools. This builds and links only the two wheels of this project, offline.
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation --editable . --editable emulator
	@touch $@

.PHONY: run
run: $(READY) ## serve template.yaml's function at http://127.0.0.1:$PORT (PORT=3000, KIND=WebFunction, FILE_SOURCE and every FILE_ setting)
	@exec $(BIN)/python -m tools.run --port $(PORT)

.PHONY: dev
dev: $(READY) ## the same app under uvicorn --reload, without Lambda (PORT, and every FILE_ setting)
	@exec $(BIN)/uvicorn --app-dir src --reload --reload-dir src --port $(PORT) file_service.main:app

.PHONY: test
test: $(READY) ## run the tests on all cores, without the slow ones (ARGS="-k name" for some of all)
	@$(BIN)/pytest -n auto --dist worksteal $(or $(ARGS),-m "not slow")

.PHONY: test-slow
test-slow: $(READY) ## run the tests that `make test` leaves out: in browsers, with real tools, under load
	@$(BIN)/pytest -n auto --dist worksteal -m slow $(ARGS)

.PHONY: coverage
coverage: $(READY) ## run the test suite with branch coverage, which must not fall below its floor
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n auto --dist worksteal $(ARGS)
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report

.PHONY: integrations
integrations: $(READY) ## test with Datadog, Sentry, OpenTelemetry ..., in separate environments (a minute longer the first time)
	@$(BIN)/python -m tools.integrations
	@$(BIN)/pytest -n auto --dist worksteal tests/integrations $(ARGS)

# The built zip has packages for the function's Python. So the emulator runs under that Python too, in
# another environment.
ZIP_PYTHON := .cache/zip-python
.PHONY: test-zip
test-zip: $(READY) ## build the zip for this machine's processor, and test the service in it as both kinds of function
	@$(MAKE) --no-print-directory build ARCH=$(HOST_ARCH)
	@$(UV) venv -q --allow-existing --python "$$($(BIN)/python -c 'from tools.finish_build import interpreter; print(interpreter("$(RUNTIME)") or "$(RUNTIME)")')" $(ZIP_PYTHON)
	@$(UV) pip install -q --python $(ZIP_PYTHON)/bin/python './emulator[web]'
	@SERVICE_CODE=$(CURDIR)/.aws-sam/build/FileServiceFunction.zip SERVICE_PYTHON=$(CURDIR)/$(ZIP_PYTHON)/bin/python \
	    $(BIN)/pytest -n auto tests/end_to_end/test_file_service_on_lambda.py tests/end_to_end/test_file_service_clients.py \
	    tests/conformance/test_http.py tests/file_service/test_web_function.py $(ARGS)

.PHONY: lint
lint: $(READY) ## ruff, mypy --strict, lizard, and the template through sam validate --lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@# No function has a cyclomatic complexity above 12. Ruff's C901 counts no `and`, `or` and comprehension.
	@$(BIN)/lizard -l python -C 12 -w -x 'benchmarks/results/*' -x 'benchmarks/node/*' src emulator tools benchmarks
	@$(SAM) validate --lint

.PHONY: build
build: $(READY) ## sam build for ARCH (arm64 or x86_64), reproducible, with bytecode if the function's Python is on PATH
	@$(SAM) build --parameter-overrides Architecture=$(ARCH)
	@$(FINISH_BUILD) .aws-sam/build/FileServiceFunction
	@$(BIN)/lambda-emulator check-code --architecture $(ARCH) .aws-sam/build/FileServiceFunction

.PHONY: wheels
wheels: $(READY) ## build lambda-asgi and lambda-emulator, as a release does, in dist/
	@rm -rf dist
	@for project in . emulator; do \
	    $(UV) build -q --python $(BIN)/python --no-build-isolation --out-dir dist $$project || exit 1; done

# sam local runs on this machine, so its build is for this machine's processor, in another folder.
.PHONY: invoke
invoke: $(READY) ## sam local invoke (needs Docker) with EVENT=events/<case>.json
	@$(SAM) build --build-dir .aws-sam/local --parameter-overrides Architecture=$(HOST_ARCH) >/dev/null 2>&1 || \
	    $(SAM) build --build-dir .aws-sam/local --parameter-overrides Architecture=$(HOST_ARCH)
	@$(SAM) local invoke --template .aws-sam/local/template.yaml --event $(EVENT) \
	    --parameter-overrides Architecture=$(HOST_ARCH) $(ARGS)

.PHONY: deploy
deploy: build ## sam deploy --guided, of a fresh build
	@$(SAM) deploy --guided --parameter-overrides Architecture=$(ARCH)

# The function's own Python, once `python -m benchmarks prepare` has set it up; otherwise .venv's.
BENCH := $(or $(wildcard benchmarks/results/prepared/venv/bin/python),$(BIN)/python)

.PHONY: bench
bench: $(READY) ## compare lambda_asgi with its peers, 9 minutes (ARGS=--quick: 3; docs/performance.md)
	@$(BENCH) -m benchmarks $(ARGS)

.PHONY: bench-check
bench-check: $(READY) ## fail if the runtime needs 15 % more instructions than before (valgrind)
	@$(BENCH) -m benchmarks.check $(ARGS)

.PHONY: examples
examples: $(READY) ## set up and test every example (ARGS="mcp llm" for some); lint every template
	@$(BIN)/python -m tools.examples $(ARGS)
	@[ -n "$(ARGS)" ] || $(BIN)/python -m tools.check_templates

# The site's theme advertises in the terminal; this turns that off.
.PHONY: docs
docs: $(READY) ## build the documentation site into .cache/site; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: docs-serve
docs-serve: $(READY) ## show the documentation site at http://127.0.0.1:8000 while you write
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

.PHONY: mutants
mutants: $(READY) ## make small changes in the code; a test must notice each (ARGS="--every 10 lambda_asgi._cycle")
	@$(BIN)/python -m tools.mutants $(ARGS)

.PHONY: lock
lock: $(READY) ## renew the pins after a change in a pyproject.toml
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	    --group service --group dev pyproject.toml emulator/pyproject.toml -o requirements-dev.txt
	@$(UV) pip compile -q --universal --python-version 3.13 --generate-hashes --no-header \
	    --constraint requirements-dev.txt --group service pyproject.toml -o src/requirements.txt
