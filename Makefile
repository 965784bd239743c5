# make run | card | notebook | verify | recheck | replay | test | check | docs | lock | unlock | clean-env
# Needs python3 (3.11 or later) with pip and venv, nothing else; everything goes into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := run
.PHONY: run card notebook verify recheck replay test check docs vendor lock unlock clean-env environment

# What is handed on: make run ARGS="dark_matter_fig4 --configfile presets/gpt2-small.yaml"
ARGS ?=
PYTHON ?= python3
VENV := .venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

run: environment
	@$(VENV) -m workflow_scripts.anatomy.launch $(ARGS)

# One SAE, from a folder or a release: make card SAE=path/to/sae TEXT="text/*.txt"
# MODEL=path/to/model where the SAE's metadata does not lead to its model; NAME=... is the folder in results/.
card: environment
	@$(VENV) -m workflow_scripts.anatomy.launch.card --sae "$(SAE)" --text "$(TEXT)" --model "$(MODEL)" --name "$(NAME)" $(ARGS)

# Of an audited run (make run ARGS=audit): is it still what was recorded, and do its jobs give the same again?
# make replay RUN=results/default OF=dark_matter_fig4 does all that one figure is made of; without OF some jobs.
RUN ?= results/default
OF ?=
recheck: environment
	@$(VENV) -m workflow_scripts.anatomy.launch.recheck "$(RUN)"

replay: environment
	@$(VENV) -m workflow_scripts.anatomy.launch.replay "$(RUN)" $(if $(OF),--of "$(OF)") $(ARGS)

notebook: environment
	@$(VENV) -c 'import jupyterlab' 2>/dev/null || { echo "error: no JupyterLab in .venv; install it: $(VENV) -m pip install jupyterlab" >&2; exit 1; }
	@$(VENV) -m jupyterlab $(ARGS)

# Tests side by side, of the workflow three at a time: those of SLURM wait more than they work.
test: environment
	@$(VENV) -m pytest -n 2 tests/anatomy tests/papers tests/house $(ARGS)
	@$(VENV) -m pytest -n 3 --dist loadfile --no-loadscope-reorder tests/workflow $(ARGS)

check: environment
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .
	@$(VENV) -m snakefmt --check Snakefile rules
	@$(VENV) -m mypy
	@$(VENV) -m snakemake --lint

# The pictures of the README: the rule graph by stages, without what other arrows say, and Fig. 1 of the default run.
docs: environment
	@command -v dot >/dev/null || { echo "error: no dot in the PATH; install graphviz" >&2; exit 1; }
	@mkdir -p docs/images
	@$(VENV) -m snakemake --rulegraph 2>/dev/null | $(VENV) -m workflow_scripts.anatomy.launch.stages | tred | dot -Tsvg > docs/images/stages.svg
	@cp results/default/figures/dark_matter/fig1.png docs/images/dark_matter_fig1.png
	@ls -l docs/images

# envs/environment.yaml holds the pins of envs/requirements.txt: conda resolves no file beside it.
lock:
	@sed -i.old '/^  - pip:$$/q' envs/environment.yaml && rm envs/environment.yaml.old
	@sed -n 's/^[A-Za-z].*==.*/      - &/p' envs/requirements.txt >> envs/environment.yaml

# The libraries of the explorer's page, bundled anew; for developers, needs Node.
vendor:
	@cd workflow_scripts/anatomy/report/vendor && npm ci --ignore-scripts && npm run --silent build

unlock: environment
	@$(VENV) -m workflow_scripts.anatomy.launch.unlock $(ARGS)

# Every file of the store and the run against the digest that was kept of it: make verify ARGS="--rebuild"
verify: environment
	@$(VENV) -m workflow_scripts.anatomy.launch.verify $(ARGS)

clean-env:
	@rm -rf .venv

# The copy of the lock is written last: an installation that was cut off is done anew.
environment:
	@cmp -s envs/requirements.txt .venv/requirements.txt || { \
	  $(PYTHON) -c 'import sys; v = sys.version_info[:2]; v >= (3, 11) or sys.exit("error: Python 3.11 or later is needed, and $(PYTHON) is %d.%d; name another: make PYTHON=python3.12" % v)'; \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) cannot make virtual environments; install what it lacks (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
	  echo "installing the packages of envs/requirements.txt into .venv, which takes a few minutes"; \
	  rm -rf .venv; \
	  $(PYTHON) -m venv .venv; \
	  $(VENV) -m pip install -r envs/requirements.txt 2>&1 | tee .venv/pip.log | awk -v all="$$(grep -c == envs/requirements.txt)" ' \
	    /^(Collecting|Processing) / && ++n % 20 == 0 { print "  " (n < all ? n : all) " of " all " packages fetched"; fflush() } \
	    /^Installing / { print "  unpacking them"; fflush() } \
	    /^ERROR/ { print; fflush() }' || { echo "error: the installation failed; .venv/pip.log says more" >&2; exit 1; }; \
	  cp envs/requirements.txt .venv/requirements.txt; }
	@grep -sqF "$(CURDIR)" .venv/lib/python*/site-packages/sae_anatomy.pth || $(VENV) -m workflow_scripts.anatomy.launch.importable
