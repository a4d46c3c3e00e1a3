# `make demo` and `make test` work on a fresh machine with Python 3.11, make, a C compiler and the package index.

SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || echo python3)
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := .venv/bin/
# xdist would begin with the files of many tests, and end on one core with the few long ones: services, viewer, wheel
SHARE := --dist loadfile --no-loadscope-reorder
# pip's uv lies in .tools; Debian's pip refuses to install beside the system
export PYTHONPATH := $(if $(filter .tools/bin/uv,$(UV)),$(CURDIR)/.tools,$(PYTHONPATH))

LAST := models/glioma-flair/

.PHONY: demo test quick lint bench train train-check certs wheel clean

demo: .venv/node          ## send a synthetic patient through the whole line and print the report
	$(RUN)radnode demo

test: .venv/dev           ## lint, types, layers, and the whole suite
	$(MAKE) --no-print-directory lint
	tests/isolated $(RUN)pytest -n 3 $(SHARE)

quick: .venv/dev          ## the suite without what is slow
	tests/isolated $(RUN)pytest -n 3 $(SHARE) -m "not slow"

lint: .venv/dev
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports --no-cache

bench: .venv/dev          ## measured against peers in the same run; never asserted
	tests/isolated $(RUN)python -m tests.benchmarks

train: .venv/dev          ## make the shipped models again from the data folder ($$RADNODE_DATA); the last wants a GPU
	for package in $(filter-out $(LAST),$(wildcard models/*/)) $(LAST); do $(RUN)python $${package}train.py || exit 1; done
	$(RUN)python models/glioma-idh/train.py --masks  # with the masks of the segmenter that was just made

train-check: .venv/dev    ## make them again in memory, and say what would differ; a quarter of an hour
	failed=; for package in models/*/; do echo $$package; $(RUN)python $${package}train.py --check || failed=1; done; test -z "$$failed"

certs: .venv/node         ## certificates to try TLS with, in ./certs: `make certs AE="RADNODE PACS"`
	$(RUN)python -m node.demo.certs certs $(AE)

wheel: .venv/dev
	$(UV) build --wheel --out-dir dist

.tools/bin/uv:
	$(PYTHON) -m pip install --quiet --target .tools uv

.venv/node: pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	$(UV) sync --quiet --frozen --inexact --python $(PYTHON) --no-dev --extra cpu
	touch $@

.venv/dev: pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	$(UV) sync --quiet --frozen --python $(PYTHON) --extra cpu --extra train --extra postgresql
	touch $@ .venv/node

clean:
	rm -rf .venv .tools dist build state .pytest_cache .mypy_cache .ruff_cache
