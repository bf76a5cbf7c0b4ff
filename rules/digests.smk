# The digests in the rules' `params`: a job runs again when its own changes, and not when a date does.
from rotograd_replication.config.stages import code


# Data -------------------------------------------------------------------------------------------
def archives_digest(dataset):
    content = study.datasets[dataset]
    return atomic.digest(
        content.model_dump(mode="json", include={"archives", "standin"})
    )


def standin_code(dataset):
    """The generator of a stand-in; nothing where archives are fetched."""
    standin = study.datasets[dataset].standin
    files = (
        (f"data/standins/{standin.module}.py", "data/standins/_*.py") if standin else ()
    )
    return code(*files) if files else ""


def preparation(dataset):
    """The parameters of prepared files."""
    content = study.datasets[dataset]
    parts = (content.parameters, content.standin)
    return atomic.digest([settings.values(part) for part in parts])


def preparation_code(dataset):
    return code(
        "data/prepare.py",
        "files/streamed.py",
        f"data/datasets/{study.datasets[dataset].module}.py",
        "data/datasets/_*.py",
        "data/datasets/_*.csv",
    )


# Training: `planning/due.py` compares the records of runs with these.
TRAIN_CODE = checked(equal_code.load, CONFIGS, code(*stages.TRAIN))
# Of which other code runs are not stale: captions follow it.
EQUAL_CODE = atomic.digest([e.model_dump(mode="json") for e in TRAIN_CODE.equal])
AGGREGATE_CODE = code(*stages.AGGREGATE)


@functools.cache
def run_digest(experiment, method):
    """All that determines a run's numbers besides seed and data."""
    return settings.run_digest(study, experiment, method)


# Paper ------------------------------------------------------------------------------------------
# What each number of the paper is, and where it prints it.
QUANTITIES = atomic.digest(
    judged.model_dump(mode="json", include={"quantities", "printed"})
)
# The claims, and the configuration that counts as published.
CLAIMS = atomic.digest([model.model_dump(mode="json") for model in (judged, reference)])
DATASETS = atomic.digest(
    {k: d.model_dump(mode="json") for k, d in study.datasets.items()}
)
HYPERPARAMETERS_CODE = code(*stages.HYPERPARAMETERS)
VERDICT_CODE = code(*stages.VERDICT, *stages.PAPER)
# The versions of other packages stand in captions.
LOCK = ROOT / "requirements.lock"
LOCKED = atomic.digest(LOCK.read_text() if LOCK.exists() else "")


def words(experiments):
    """What a table, figure or verdict takes from the configuration: labels, colours, order."""
    chosen = {e: study.experiments[e].model_dump(mode="json") for e in experiments}
    return atomic.digest({"title": study.title, "experiments": [list(chosen), chosen]})


def table_code(table):
    own = (f"paper/tables/{table}.py", "paper/tables/_*.py", "paper/table.py")
    return code(*own, *stages.PAPER)


def figure_code(figure):
    own = (f"paper/figures/{figure}.py", "paper/figures/_*.py", "paper/figure.py")
    return code(*own, "tasks/objectives.py", *stages.PAPER)


# Report -----------------------------------------------------------------------------------------
REPORT_CODE = code(
    "claims/cell.py",
    "claims/verdict_file.py",
    "report/build.py",
    "report/sections/*",
    "paper/tables/*.py",
    "paper/figures/*.py",
    "paper/hyperparameters.py",
    "results/run_records.py",
    "results/run_states.py",
    *stages.PAPER,
)


def stamp(path):
    """When a file was written; nothing where a run under way has just removed it."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def stamps():
    """What there is, and of when: a report of what there is follows it."""
    if not PRESENT:
        return ""
    runs = [
        path
        for name in ("metrics.json", "run.json")
        for path in Path(RESULTS).glob(f"*/*/*/{name}")
    ]
    shown = [p for folder in (TABLES, FIGURES) for p in Path(folder).glob("*.*")]
    return atomic.digest(sorted((str(p), stamp(p)) for p in runs + shown))
