# `make quick` runs the whole workflow on stand-in data; `make test` passes the tests. Both build
# the pinned environment in .venv first. Everything else is snakemake's: see README.md.
PYTHON ?= python3.11
UV := uv==0.13.9
BIN := .venv/bin

STUDY ?= quick

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

environment: .venv/built

# Every package with its hash from requirements.lock, then this checkout.
.venv/built: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	$(BIN)/uv pip sync --quiet --python $(CURDIR)/$(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(CURDIR)/$(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

# On a cluster: `make slurm` adds Snakemake's executor to the environment.
slurm: environment
	$(BIN)/uv pip install --quiet --python $(CURDIR)/$(BIN)/python --require-hashes \
		-r requirements-slurm.lock

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
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python $(BIN)/python
lock: environment
	$(COMPILE) --all-extras pyproject.toml -o requirements.lock
	$(COMPILE) --group slurm -c requirements.lock -o requirements-slurm.lock
	$(COMPILE) --no-deps requirements-gpu.in -c requirements.lock -o requirements-gpu.lock

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules

clean:
	rm -rf .venv .snakemake data/raw data/prepared
