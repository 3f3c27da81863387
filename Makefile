# What a newcomer, a contributor and the CI machine all run. Nothing needs to be done first.
# Works with GNU make 3.81 or newer; `make` alone lists the targets.

PYTHON ?= python3
# The versions to install; empty means the newest of everything.
CONSTRAINTS ?= constraints.txt
# What `make pytest` runs; empty means all tests and the book's notebooks.
TESTS ?=
# Where the benchmark sequences are that the book's notebooks may use; empty means they use none.
DATA ?=

BIN := .venv/bin
PIP_INSTALL = $(BIN)/python -m pip install -qq --disable-pip-version-check
# PyTorch comes first and by its exact version: resolved together with the rest, pip may settle on
# another build of it, several gigabytes larger.
TORCH := $(if $(CONSTRAINTS),$(shell sed -n 's/^\(torch==[^ ;]*\).*/\1/p' $(CONSTRAINTS)))
PINNED := $(if $(CONSTRAINTS),-c $(CONSTRAINTS))

# Makes the environment that a target is in, with PyTorch.
define NEW_VENV
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "rltrack needs Python 3.10 or newer, not " + sys.version.split()[0] + ": choose one with make PYTHON=...")'
@echo "Installing rltrack and PyTorch into $(@D), once: a few minutes ..."
@$(PYTHON) -m venv $(@D)
@$(PIP_INSTALL) $(or $(TORCH),torch)
endef

.PHONY: help venv peers demo test lint pytest fuzz test-extras test-colab book slides test-site gpu clean

help:
	@echo "make demo    track the bundled example; results in out/demo/"
	@echo "make test    lint, type check, tests, and the book's stored outputs"
	@echo "make lint    ruff and mypy alone"
	@echo "make pytest  the tests alone"
	@echo "make fuzz    thousands of damaged inputs of every kind, and kills: about 20 minutes"
	@echo "make test-extras     the tests that need the toolkits of VOT and GOT-10k, and OpenCV's other trackers"
	@echo "make test-colab      run notebooks as Colab opens them, with what Colab has installed"
	@echo "make book    run the notebooks and build the pages in _build/html/"
	@echo "make book DATA=DIR   the same, on the benchmark sequences in DIR where a page can use them"
	@echo "make slides          make slides for a lecture from the chapters, in _build/slides/"
	@echo "make test-site       test the built pages, the slides, and the pages that --html writes, in Chromium"
	@echo "make gpu     measure what needs a GPU, in about 8 minutes; results in out/gpu/. DATA=DIR adds"
	@echo "             runs on the benchmark sequences in DIR. The same command goes on where it ended"
	@echo "make venv    only make .venv, with everything in it"
	@echo "make peers   make .venv-peers, with OpenCV's other trackers for rltrack compare"
	@echo "make clean   remove what the others made, except .venv, .venv-peers and .venv-colab"
	@echo "PYTHON=python3.12 chooses the interpreter for a new .venv (now: $(PYTHON))."

venv: .venv/.with-extras

# Two stamps: the tracker alone, all that a demo needs, then the tools for tests and book.
.venv/.with-rltrack: pyproject.toml $(CONSTRAINTS)
	$(NEW_VENV)
	@$(PIP_INSTALL) $(PINNED) -e .
	@touch $@

.venv/.with-extras: .venv/.with-rltrack
	@echo "Installing the tools for tests and book into .venv, once: a few minutes ..."
	@$(PIP_INSTALL) $(PINNED) -e '.[book,cluster,dev,test]'
	@touch $@

peers: .venv-peers/.with-rltrack
	@echo "OpenCV's other trackers are in .venv-peers:"
	@echo "  .venv-peers/bin/rltrack compare VIDEO --box X,Y,W,H --peers csrt,kcf"

# opencv-contrib-python, which has them, takes the place of opencv-python at the same version: both
# write the same files. So rltrack comes without its requirements, after them.
.venv-peers/.with-rltrack: BIN := .venv-peers/bin
.venv-peers/.with-rltrack: pyproject.toml $(CONSTRAINTS)
	$(NEW_VENV)
	@sed -n 's/opencv-/opencv-contrib-/; /^dependencies = /,/^]/s/^ *"\(.*\)",.*/\1/p' pyproject.toml > $(@D)/requirements.txt
	@sed 's/^opencv-/opencv-contrib-/' $(or $(CONSTRAINTS),/dev/null) > $(@D)/constraints.txt
	@$(PIP_INSTALL) -c $(@D)/constraints.txt -r $(@D)/requirements.txt
	@$(PIP_INSTALL) --no-deps -e .
	@touch $@

demo: .venv/.with-rltrack
	$(BIN)/rltrack demo --out out/demo

test: lint pytest

lint: .venv/.with-extras
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary

# One thread for each of the two workers: more would only fight over the cores. A notebook's cells
# depend on each other, so a file stays with one worker. Without reordering the notebooks come first.
# At the end stand the slowest tests, so that one that became slow is seen.
pytest: .venv/.with-extras
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --durations=10 --durations-min=1 --nbval --nbval-current-env $(TESTS)

# The tests have a short run of it. One input alone: FUZZ='--show images 7'; other options: FUZZ=--help.
FUZZ ?=
fuzz: .venv/.with-extras
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m fuzz $(FUZZ)

# What is not installed for the others: the toolkits of VOT and GOT-10k, and .venv-peers.
test-extras: .venv/.with-toolkits .venv-peers/.with-tests
	$(BIN)/python -m pytest -q -rs tests/test_vot.py tests/test_benchmark_folders.py
	.venv-peers/bin/python -c 'import cv2; cv2.TrackerCSRT_create'
	.venv-peers/bin/python -m pytest -q -rs tests/test_opencv_trackers.py tests/test_side_by_side.py

.venv/.with-toolkits: .venv/.with-extras
	@$(PIP_INSTALL) $(PINNED) -e '.[vot,got10k]'
	@touch $@

.venv-peers/.with-tests: BIN := .venv-peers/bin
.venv-peers/.with-tests: .venv-peers/.with-rltrack
	@$(PIP_INSTALL) -c $(@D)/constraints.txt pytest hypothesis
	@touch $@

# What is tested is the commit, in an environment like Colab's. COLAB_TORCH names another release of
# PyTorch, for machines that have another build for the CPU.
COLAB_TORCH ?= $(shell sed -n 's/^\(torch==.*\)/\1/p' .github/colab.txt)
test-colab: .venv-colab/.with-colab
	.venv-colab/bin/python tests/colab/notebooks.py 02_attention 03_regulariser 11_your_own

.venv-colab/.with-colab: BIN := .venv-colab/bin
.venv-colab/.with-colab: TORCH := $(COLAB_TORCH)
.venv-colab/.with-colab: .github/colab.txt
	$(NEW_VENV)
	@sed '/^torch==/d' $< > $(@D)/requirements.txt
	@$(PIP_INSTALL) -r $(@D)/requirements.txt
	@touch $@

book: .venv/.with-extras book/_assets/vendor/.filled
	$(BIN)/python book/build.py $(if $(DATA),-p data "$(if $(filter /%,$(DATA)),,$(CURDIR)/)$(DATA)")

# From the outputs that are stored with the notebooks.
slides: .venv/.with-extras node_modules/.package-lock.json
	$(BIN)/python book/slides.py

# Tests what `make book` made last, slides, and pages of results.
test-site: .venv/.with-rltrack node_modules/.package-lock.json slides
	$(BIN)/python tests/site/pages.py _build/pages
	node --test --test-reporter=spec tests/site/pages.test.mjs tests/site/slides.test.mjs tests/site/site.test.mjs

gpu: .venv/.with-extras
	$(BIN)/python data_scripts/measure_gpu.py out/gpu $(if $(DATA),--data "$(DATA)")

# What the pages load comes with them: they work without a network, and from a folder.
book/_assets/vendor/.filled: node_modules/.package-lock.json
	@rm -rf $(@D)
	@mkdir -p $(@D)/mathjax $(@D)/widgets
	@cp node_modules/mathjax/LICENSE node_modules/mathjax/es5/tex-svg-full.js $(@D)/mathjax
	@cp $(addprefix node_modules/@jupyter-widgets/html-manager/dist/,embed.js embed.js.LICENSE.txt *.woff2) $(@D)/widgets
	@touch $@

# npm writes this file when it is done.
node_modules/.package-lock.json: package.json package-lock.json .npmrc
	@command -v npm > /dev/null || { echo "error: the book's pages need npm (Debian and Ubuntu: apt-get install npm)" >&2; exit 1; }
	@npm ci --loglevel=error

clean:
	rm -rf _build out/demo out/gpu dist node_modules book/_assets/vendor .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path './.venv*' -prune -o -name __pycache__ -prune -exec rm -rf {} +
