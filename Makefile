# `make quick` runs the whole workflow on stand-in data; `make test` passes the tests. Both build
# the pinned environment in .venv first. Everything else is snakemake's: see README.md.
BIN := .venv/bin

STUDY ?= quick

# Of the user's shell no setting of Python or matplotlib counts. Where there is no home that can be
# written to, as in a container, Snakemake and uv are given one.
unexport PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE := 1
export PYTHONUTF8 := 1
export MPLBACKEND := agg
ifneq ($(shell test -n "$$HOME" && test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.snakemake/home
$(shell mkdir -p .snakemake/home)
endif
# Snakemake asks who is calling; a container's user may have no name.
export LOGNAME := $(or $(LOGNAME),$(USER),$(shell id -u))

.PHONY: quick status test fuzz environment slurm lock lint clean

quick: environment
	$(BIN)/snakemake

# Which runs are done, and how long the rest takes; also while another snakemake works.
status: environment
	@$(BIN)/snakemake status --nolock --quiet all --config study=$(STUDY)

test: environment
	$(BIN)/python -m pytest -n 2 --dist worksteal

# The tests on random examples, with twenty times as many as `make test` has, drawn anew.
fuzz: environment
	$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile campaign -m hypothesis

# The Python of .venv is kept, else the first that is found is taken; `make PYTHON=...` names another.
PYTHONS := $(if $(PYTHON),"$(PYTHON)",.venv/bin/python python3.11 python3.12 python3.13 python3)
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# What environment.py finds changed is built again.
environment:
	@for python in $(PYTHONS); do \
		"$$python" -I -c '$(SUPPORTED)' 2>/dev/null && exec "$$python" -I environment.py $(LOCKS); \
	done; \
	echo 'error: install Python 3.11, 3.12 or 3.13, or name it: make PYTHON=/path/to/python3.12.' \
		'Tried: $(PYTHONS).' >&2; exit 1

# On a cluster: `make slurm` adds Snakemake's executor to the environment.
slurm: LOCKS := requirements-slurm.lock
slurm: environment

# After a change of pyproject.toml: what is pinned stays pinned, and no host is named. To renew a
# package, delete its lines from requirements.lock first.
# Hashes are found anew, for every supported Python.
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header \
	--python $(BIN)/python --python-version 3.11
lock: environment
	sed -e '/--hash=/d' -e 's/ \\$$//' -i requirements.lock requirements-slurm.lock
	$(COMPILE) --all-extras pyproject.toml -o requirements.lock > /dev/null
	$(COMPILE) --group slurm -c requirements.lock -o requirements-slurm.lock > /dev/null

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy

clean:
	rm -rf .venv .snakemake data/raw data/prepared
