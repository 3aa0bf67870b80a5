PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The environment of a benchmark's peer.
PYTORCH := .venv-pytorch
# A uv on the PATH is used as it is; without one, this version goes into .venv.
UV_VERSION := 0.13.9
UV     := $(or $(shell command -v uv 2>/dev/null),$(BIN)/uv)
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help run up test check docs docs-site bench faults lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

run: $(VENV)/.installed  ## Install, then `gan-aug run $(ARGS)`
	@$(BIN)/gan-aug run $(ARGS)

up: $(VENV)/.installed  ## Install, then `gan-aug up $(ARGS)`: Prefect server, schedules and worker
	@$(BIN)/gan-aug up $(ARGS)

test: $(VENV)/.installed  ## Install, then all tests: `make test ARGS="-k dcgan"`
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.installed  ## Lint, format and type checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@for system in win32 darwin; do $(BIN)/mypy --platform $$system gan_aug || exit 1; done

docs: $(VENV)/.installed  ## Render what README and docs say of settings and of what was measured
	@$(BIN)/python docs/render_settings.py > docs/settings.md
	@$(BIN)/python -m benchmarks.pages

docs-site: $(VENV)/.installed  ## Render docs/ as a site with search, into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --site-dir site
	@echo "site/index.html; to search it: $(BIN)/python -m http.server --directory site"

bench: $(VENV)/.installed  ## Measure speed, memory and growth: `make bench ARGS="dcgan_step"`
	@$(MAKE) --no-print-directory $(PYTORCH)/.installed || echo "bench: PyTorch could not be installed, and is left out"
	@$(BIN)/python -m benchmarks $(ARGS)

faults: $(VENV)/.installed  ## Try the whole fault matrix, and render docs/reliability.md
	@$(BIN)/python -m benchmarks.faults $(ARGS)

lock: $(VENV)/bin/python  ## Resolve the dependencies again
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--extra dask --extra hf --extra mlflow --extra s3 --group dev --custom-compile-command "make lock" -o requirements.lock pyproject.toml

clean:  ## Remove the environments (runs stay)
	rm -rf $(VENV) $(PYTORCH)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("gan-aug needs Python 3.11, 3.12 or 3.13; $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet "uv==$(UV_VERSION)"

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

# pip, because some machines name a CPU build of PyTorch to pip alone.
$(PYTORCH)/.installed: pyproject.toml
	$(PYTHON) -m venv $(PYTORCH)
	$(PYTORCH)/bin/pip install --quiet --upgrade pip
	$(PYTORCH)/bin/pip install --quiet --group bench-pytorch
	@touch $@
