# The options, the study, where files are, and what several rules share. Only this file and its
# neighbours know paths.
#
# What `snakemake --lint` finds is meant: commands use the constants of this file; one locked environment
# serves every rule, and this file sets what it reads; functions are next to the rules that use them; a
# path that begins with `/` is the end of one; `status` prints for a person and has no log.
import functools
import os
import re
import shlex
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
# Jobs use this interpreter and this checkout's code, wherever they run.
sys.path.insert(0, str(ROOT / "src"))
# Nothing else that the user's shell says of Python counts, nor a notebook's drawing backend, nor what
# a module system has each new shell do, nor the repository of a hook that calls snakemake, nor how a GPU
# is told to round.
for name in [n for n in os.environ if n.startswith("PYTHON")]:
    del os.environ[name]
OTHERS = ("BASH_ENV", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
ROUNDING = ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")
for name in OTHERS + ROUNDING:
    os.environ.pop(name, None)
os.environ |= {
    "PYTHONPATH": str(ROOT / "src"),
    "PYTHONNOUSERSITE": "1",
    "PYTHONUTF8": "1",
    "MPLBACKEND": "agg",
    "MATPLOTLIBRC": os.devnull,
}
os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
VERB = "python -m rotograd_replication"

from rotograd_replication import plugins
from rotograd_replication.claims import load as claims
from rotograd_replication.config import equal_code, settings, stages
from rotograd_replication.config.load import load_study
from rotograd_replication.config.yaml_files import ConfigurationError
from rotograd_replication.files import atomic
from rotograd_replication.planning import due
from rotograd_replication.results import run_records


def checked(function, *arguments):
    """Call a function; what is wrong with the configuration is one message."""
    try:
        return function(*arguments)
    except ConfigurationError as error:
        raise WorkflowError(str(error)) from None


def of_checkout(path):
    """A file of the checkout, wherever snakemake works (`-s`, `-d`)."""
    if os.path.samefile(ROOT, os.curdir):
        return path
    if set("{}") & set(str(ROOT)):
        raise WorkflowError(
            f"The path of a checkout that is used from another folder must have no braces: they "
            f"are Snakemake's wildcards. Found `{ROOT}`. Work in that folder, or rename it."
        )
    return str(ROOT / path)


# Options ----------------------------------------------------------------------------------------
if sum(w.split("=")[0] == "--config" or w.startswith("-C") for w in sys.argv) > 1:
    raise WorkflowError(
        "`--config` must be given once, with all options after it: Snakemake would take the last "
        "alone. Found it twice. Give for example `--config study=lite mirror=FOLDER`."
    )
OPTIONS = ["study", "mirror", "device", "threads", "present", "stale"]
LEGAL = {
    "device": ("auto", "cpu", "cuda"),
    "present": ("yes", "no", "True", "False"),
    "stale": ("keep", "retrain"),
}
for key, value in config.items():
    if key not in OPTIONS:
        raise WorkflowError(
            f"`--config {key}` is not an option. {plugins.nearest(key, OPTIONS)}"
        )
    if str(value) not in LEGAL.get(key, [str(value)]):
        legal = " or ".join([", ".join(LEGAL[key][:-1]), LEGAL[key][-1]])
        raise WorkflowError(f"`{key}` must be {legal}. Found {value}.")

# Set, not only read: captions of `snakemake --report` name it.
STUDY = str(config.setdefault("study", "quick"))
CONFIGS = ROOT / "configs"
study = checked(load_study, CONFIGS, STUDY)
judged, reference = checked(claims.load, CONFIGS)

# The report of what there is, without training what is missing.
PRESENT = str(config.get("present", "no")) in ("yes", "True")
DEVICE = config.get("device", study.device)
# Of each training; Snakemake lowers it to `--cores`.
THREADS = config.get("threads", study.threads)
if not isinstance(THREADS, int) or THREADS < 1:
    raise WorkflowError(f"`threads` must be a whole number from 1 on. Found {THREADS}.")


# Places -----------------------------------------------------------------------------------------
# What archives without a published hash held, recorded at the first fetch.
HASHES = of_checkout("configs/hashes")
RAW = "data/raw"
PREPARED = "data/prepared"
RESULTS = f"results/{STUDY}"
FIGURES = f"figures/{STUDY}"
TABLES = f"paper_tables/{STUDY}"
REPORT = f"report/{STUDY}"
# What a job says. Where one fails, the end of its log is shown.
LOGS = f"logs/{STUDY}"
RUN = f"{RESULTS}/{{experiment}}/{{method}}/seed{{seed}}"
CHOICE = f"{RESULTS}/{{experiment}}/tuning/{{method}}"
SPLITS = ["train", "val", "test"]


def files(experiment, name, pairs):
    """One file of each (method, seed)."""
    places = [RUN.format(experiment=experiment, method=m, seed=s) for m, s in pairs]
    return [f"{place}/{name}" for place in places]


def prepared(dataset, split):
    """The tensors of a split. Other parameters are other files: what was trained on these stays."""
    return f"{PREPARED}/{dataset}/{preparation(dataset)}/{split}.safetensors"


def one_of(names):
    """A wildcard's values, as a pattern."""
    return "|".join(map(re.escape, dict.fromkeys(names))) or "none"


# When a job runs --------------------------------------------------------------------------------
# Written anew by every call, so newer than any output: a job that takes it as input runs.
NOW = ".snakemake/out_of_date"
if workflow.is_main_process:
    Path(NOW).parent.mkdir(exist_ok=True)
    Path(NOW).write_text(str(time.time_ns()))


def until_made_here(log):
    """An input that has a job run once in a fresh clone: there, nobody knows what files are made of."""
    return ancient(NOW) if Path(log).exists() else NOW


def left_undone(workflow):
    """Have the next call make what this one was to make and did not.

    Outputs that git holds are marked `update`, so that they outlive a job that fails; but Snakemake
    then forgets what they were made of.
    """
    for job in workflow.dag.needrun_jobs():
        workflow.persistence.started(job)


wildcard_constraints:
    dataset="[a-z][a-z0-9_.-]*",
    method="[a-z][a-z0-9_.-]*",
    seed=r"\d+",
