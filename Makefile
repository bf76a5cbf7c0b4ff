# `make quick` runs the whole workflow on stand-in data; `make test` runs the tests. Both build
# the pinned environment in .venv first. Everything else is snakemake's: see README.md.
BIN := .venv/bin

STUDY ?= quick

# Of the user's shell no setting of Python or matplotlib counts. Where there is no home that can be
# written to, as in a container, Snakemake and uv are given one.
unexport $(filter PYTHON%,$(.VARIABLES))
export PYTHONNOUSERSITE := 1
export PYTHONUTF8 := 1
export MPLBACKEND := agg
ifneq ($(shell test -n "$$HOME" && test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.snakemake/home
$(shell mkdir -p .snakemake/home)
endif
# Snakemake asks who is calling; a container's user may have no name.
export LOGNAME := $(or $(LOGNAME),$(USER),$(shell id -u))

.PHONY: quick status test fuzz environment slurm wheels lock lint clean

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

# What a machine with a GPU lacks that has torch and no package index: docs/cluster.md.
WHEELS := $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
	--only-binary=:all: --implementation cp --dest wheels --requirement requirements-gpu.lock \
	$(patsubst %,--platform manylinux%_x86_64,2014 _2_17 _2_27 _2_28)
wheels: environment
	rm -rf wheels
	for python in 3.11 3.12 3.13; do $(WHEELS) --python-version $$python || exit 1; done
	du -sh wheels

# After a change of pyproject.toml: what is pinned stays pinned, and no host is named. To renew a
# package, delete its lines from requirements.lock first.
# Hashes are found anew, for every supported Python.
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header \
	--python $(BIN)/python --python-version 3.11
lock: environment
	sed -e '/--hash=/d' -e 's/ \\$$//' -i requirements.lock requirements-slurm.lock requirements-gpu.lock
	$(COMPILE) --all-extras pyproject.toml -o requirements.lock > /dev/null
	$(COMPILE) --group slurm -c requirements.lock -o requirements-slurm.lock > /dev/null
	$(COMPILE) --no-deps requirements-gpu.in -c requirements.lock -o requirements-gpu.lock > /dev/null

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy

clean:
	rm -rf .venv .snakemake logs data/raw data/prepared
