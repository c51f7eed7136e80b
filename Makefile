# Two commands: `make book` and `make test`. They need Python >= 3.11 with venv, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NEEDED := import sys; sys.version_info >= (3, 11) or sys.exit( \
	"This book needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help book test notebooks bench lab pdf links latest clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1~/p' Makefile | tr '~' '\t' | expand -t 20

book: $(READY) ## set up, execute and build the book
	$(BIN)/jupyter-book build -W -n --keep-going .
	@$(BIN)/python -c 'import pathlib; print("Open", pathlib.Path("_build/html/index.html").resolve().as_uri())'

pdf: book ## print the built book as _build/epbook.pdf; some minutes
	$(BIN)/python tools/pdf.py

test: $(READY) ## set up and run every test: library, notebooks, built pages, JupyterLab
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

notebooks: $(READY) ## execute the notebooks again and store what they print
	$(BIN)/python tools/notebooks.py run

links: $(READY) ## ask for every external link of the book; needs the network, not part of the tests
	$(BIN)/jupyter-book build --builder linkcheck .

bench: $(READY) ## time epbook against its peers (QUICK=1: little of it); not part of the tests
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/measure.py $(if $(QUICK),--quick)
	QUICK=$(QUICK) $(BIN)/python -m pytest -s benchmarks

lab: $(READY) ## open the chapters in JupyterLab, sliders live
	$(BIN)/jupyter lab --notebook-dir=book

latest: ## the tests with the newest packages that the ranges of pyproject.toml allow, in an environment of their own
	$(PYTHON) -m venv _build/latest
	_build/latest/bin/python -m pip install --quiet --upgrade -e ".[test]"
	OMP_NUM_THREADS=1 _build/latest/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

clean: ## remove the environment and the built book
	rm -rf $(VENV) _build

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c '$(NEEDED)'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "This Python cannot make environments; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the packages of requirements.lock, about a minute the first time"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
