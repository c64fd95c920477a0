# The whole developer interface. Every target works from a fresh clone with make and a Python >= 3.11.
.DEFAULT_GOAL := help
PORT ?= 8061
ARGS ?=
BIN := .venv/bin
# A shim of a version manager may be on PATH and dead, so each candidate is tried, not just found.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python /usr/bin/python3; do \
	"$$p" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

.PHONY: help setup demo test check prove bench big format screens screenshots lock clean

help:  ## these lines
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

setup: .venv/.runtime  ## .venv with the runtime lock and `rasad` in .venv/bin

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "make: no working Python >= 3.11 on PATH (or say PYTHON=/path/to/python3)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.runtime: requirements/runtime.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: .venv/.runtime requirements/test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.lock
	@touch $@

demo: setup  ## everything on one desk: gateway, offices, SMS side (PORT=8061)
	@exec $(BIN)/rasad demo --port $(PORT)

# Half of the tests wait for somebody most of their time: two processes a core. A test that takes no notice of its own
# limit ends its process, with what each thread was doing, and the others go on.
HANGS := -o faulthandler_timeout=360 -o faulthandler_exit_on_timeout=true
test: .venv/.test  ## the whole suite, two processes a core (ARGS= goes to pytest)
	$(BIN)/python -m pytest -n $$($(BIN)/python -c "import os; print(2 * os.cpu_count())") --dist worksteal $(HANGS) $(ARGS)

check: .venv/.test  ## format, lint, types, import contracts, then the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

prove: .venv/.test  ## every experiment in full, then docs/proof.md (ARGS=B5: only this one)
	$(BIN)/python -m pytest --prove="$(or $(ARGS),all)"

bench: .venv/.test  ## what a step, a page and a turn cost, into docs/speed.md
	$(BIN)/python -m benchmarks

big: .venv/.test  ## what each statement takes among ten million messages, into docs/size.md (ROWS=; many minutes)
	$(BIN)/python -m pytest -q tests/gateway/big.py

format: .venv/.test  ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screens: setup  ## docs/screens.md and docs/menu.mmd anew from the menu
	$(BIN)/rasad menu print --today 2026-11-22 > docs/.new && mv docs/.new docs/screens.md
	$(BIN)/rasad menu graph > docs/.new && mv docs/.new docs/menu.mmd

screenshots: .venv/.test  ## docs/screenshots anew (needs chromium, fonts-noto-core, pngquant)
	$(BIN)/python -m tests.e2e.screenshots

LOCK := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11
lock:  ## make both locks anew (needs uv on PATH)
	cd requirements && $(LOCK) --upgrade ../pyproject.toml build.in -o runtime.lock && $(LOCK) --upgrade test.in -o test.lock

clean:  ## remove what setup and demo made
	rm -rf .venv var
