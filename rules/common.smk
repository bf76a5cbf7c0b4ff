# Paths, the study, and the digests that decide what reruns. Only this file and its neighbours know
# where files lie.
import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
# Jobs use this interpreter and this checkout's code, wherever they run.
sys.path.insert(0, str(ROOT / "src"))
# Nothing else that the user's shell says of Python counts, nor a notebook's drawing backend, nor what
# a module system has each new shell do, nor the repository of a hook that calls snakemake.
for name in [n for n in os.environ if n.startswith("PYTHON")]:
    del os.environ[name]
for name in ("BASH_ENV", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
    os.environ.pop(name, None)
os.environ |= {
    "PYTHONPATH": str(ROOT / "src"),
    "PYTHONNOUSERSITE": "1",
    "PYTHONUTF8": "1",
}
os.environ |= {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}
os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]

from rotograd_replication.claims import schema as claims
from rotograd_replication.config import equal_code, stages, tuning
from rotograd_replication import plugins
from rotograd_replication.files import atomic as records
from rotograd_replication.config import load as configuration
from rotograd_replication.results import run_records as finished
from rotograd_replication.config.stages import code


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


def word(text):
    """Text as one word of a rule's command, whatever it holds."""
    return shlex.quote(text).replace("{", "{{").replace("}", "}}")


OPTIONS = ["study", "mirror", "device", "threads", "present"]
VERB = "python -m rotograd_replication"

if sum(w.split("=")[0] == "--config" or w.startswith("-C") for w in sys.argv) > 1:
    raise WorkflowError(
        "`--config` must be given once, with all options after it: Snakemake would take the last "
        "alone. Found it twice. Give for example `--config study=lite mirror=FOLDER`."
    )
for key in config:
    if key not in OPTIONS:
        raise WorkflowError(
            f"`--config {key}` is not an option. {plugins.nearest(key, OPTIONS)}"
        )
if config.get("device", "cpu") not in ("auto", "cpu", "cuda"):
    raise WorkflowError(
        f"`device` must be auto, cpu or cuda. Found {config['device']}."
    )

if str(config.get("present", "no")) not in ("yes", "no", "True", "False"):
    raise WorkflowError(f"`present` must be yes or no. Found {config['present']}.")

# Set, not only read: captions of `snakemake --report` name it.
STUDY = str(config.setdefault("study", "quick"))
CONFIGS = ROOT / "configs"
try:
    study = configuration.load_study(CONFIGS, STUDY)
    judged, reference = claims.load(CONFIGS)
except configuration.ConfigurationError as error:
    raise WorkflowError(str(error)) from None

# The report of what there is, without training what is missing.
PRESENT = str(config.get("present", "no")) in ("yes", "True")
DEVICE = config.get("device", study.device)
# Of each training; Snakemake lowers it to `--cores`.
THREADS = config.get("threads", study.threads)
if not isinstance(THREADS, int) or THREADS < 1:
    raise WorkflowError(f"`threads` must be a whole number from 1 on. Found {THREADS}.")
# What archives without a published hash held, recorded at the first fetch.
HASHES = word(of_checkout("configs/hashes"))
RAW = "data/raw"
PREPARED = "data/prepared"
RESULTS = f"results/{STUDY}"
FIGURES = f"figures/{STUDY}"
TABLES = f"paper_tables/{STUDY}"
REPORT = f"report/{STUDY}"
SPLITS = ["train", "val", "test"]


def digest(experiment, method):
    """The digest of all that determines a run's numbers beside seed and data."""
    return configuration.run_digest(study, experiment, method)


def every_run(experiment):
    """All (method, seed) pairs of an experiment; with `present=yes`, those that are finished."""
    chosen = study.experiments[experiment]
    pairs = [(m, s) for m in chosen.methods for s in range(chosen.seeds.value)]
    done = files(experiment, "metrics.json", pairs)
    return [p for p, file in zip(pairs, done) if not PRESENT or Path(file).exists()]


def files(experiment, name, pairs):
    """One file of every run."""
    return [f"{RESULTS}/{experiment}/{m}/seed{s}/{name}" for m, s in pairs]


# What tables, figures and verdicts are made of; with `present=yes`, of what is there.
EXPERIMENTS = [e for e in study.experiments if every_run(e)]


def with_runs(outputs):
    """Tables or figures -> their experiments, without those that have no runs."""
    found = {o: [e for e in names if e in EXPERIMENTS] for o, names in outputs.items()}
    return {o: names for o, names in found.items() if names}


# What each number of the paper is, and where it prints it.
QUANTITIES = records.digest(
    judged.model_dump(mode="json", include={"quantities", "printed"})
)
# The claims, and the configuration that counts as published.
CLAIMS = records.digest(
    [model.model_dump(mode="json") for model in (judged, reference)]
)


def prepared(dataset, split):
    """The tensors of a split. Other parameters are other files: what was trained on these stays."""
    content = study.datasets[dataset]
    version = records.digest(
        [
            configuration.values(content.parameters),
            configuration.values(content.standin),
        ]
    )
    return f"{PREPARED}/{dataset}/{version}/{split}.safetensors"


try:
    TRAIN_CODE = equal_code.load(CONFIGS, code(*stages.TRAIN))
except configuration.ConfigurationError as error:
    raise WorkflowError(str(error)) from None
# Of which other code runs are not stale: captions follow it.
EQUAL_CODE = records.digest([e.model_dump(mode="json") for e in TRAIN_CODE.equal])


wildcard_constraints:
    dataset="[a-z][a-z0-9_.-]*",
    method="[a-z][a-z0-9_.-]*",
    seed=r"\d+",
