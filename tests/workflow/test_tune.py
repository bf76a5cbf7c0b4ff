"""Tuning as a user runs it: a target of its own, part of the one command, and what an edit reruns."""

import json

import yaml

from rotograd_replication.config.shorthand import written
from tests.workflow.test_workflow import jobs, snakemake, tree  # noqa: F401

STUDY = {
    "title": "Tiny",
    "summary": "One toy.",
    "source": "choice: a test",
    "device": "cpu",
    "threads": 1,
    "batch": "method",
    "experiments": {
        "toy_nonconvex": {
            "seeds": 1,
            "training": {"epochs": 3},
            "tuning": {
                "epochs": 2,
                "seeds": 1,
                "grids": {"rotograd": {"rotation.learning_rate": [5.0e-3, 5.0e-2]}},
            },
        }
    },
    "tables": {},
    "figures": {"tuning": ["toy_nonconvex"]},
}
WANTED = ["results/tiny/toy_nonconvex.csv", "paper_tables/tiny/hyperparameters.md"]
WANTED += ["figures/tiny/tuning.csv"]
OPTIONS = ["--cores", "1", "--config", "study=tiny"]


def grid(folder, *rates):
    """Write the study with these rates to try."""
    STUDY["experiments"]["toy_nonconvex"]["tuning"]["grids"]["rotograd"] = {
        "rotation.learning_rate": list(rates)
    }
    (folder / "configs/studies/tiny.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))


def read(path):
    return json.loads(path.read_text())


def test_tune_is_a_target_and_part_of_the_one_command(tree):  # noqa: F811
    """`snakemake tune` trains the grid alone; the final runs follow its choice and say so."""
    grid(tree, 5e-3, 5e-2)
    planned = jobs(snakemake(tree, "-n", *OPTIONS, "--", *WANTED))
    assert planned["tune_toy_nonconvex"] == 1 and planned["train_toy_nonconvex"] == 2
    snakemake(tree, *OPTIONS, "--", "tune")
    runs = tree / "results/tiny/toy_nonconvex"
    assert [path.name for path in runs.rglob("*.json")] == ["rotograd.json"]
    assert sorted(path.name for path in (runs / "tuning").iterdir()) == ["rotograd.json"]
    chosen = read(runs / "tuning/rotograd.json")
    errors = [candidate["errors"][0] for candidate in chosen["candidates"]]
    best = [5e-3, 5e-2][errors.index(min(errors))]
    planned = jobs(snakemake(tree, "-n", *OPTIONS, "--", *WANTED))
    assert "tune_toy_nonconvex" not in planned
    snakemake(tree, *OPTIONS, "--", *WANTED)
    record = read(runs / "rotograd/seed0/metrics.json")
    how = f"{written(best)} of {{5e-3, 5e-2}} on validation, seed 0, 2 epochs"
    assert record["tuned"] == {"rotation.learning_rate": how}
    assert record["settings"]["method"]["rotation"]["learning_rate"] == best
    assert record["epochs"] == 3
    assert "tuned" not in read(runs / "vanilla/seed0/metrics.json")
    assert f"| `{best}` | tuned: {how} |" in (tree / WANTED[1]).read_text()
    assert read(runs.with_suffix(".json"))["tuning"]["rotograd"] == chosen
    assert (tree / WANTED[2]).read_text().count("toy_nonconvex,rotograd") == 2
    assert "Nothing to be done" in snakemake(tree, "-n", *OPTIONS, "--", *WANTED)

    # Another grid tunes and trains that method again.
    grid(tree, 5e-3, 5e-2, 5e-1)
    planned = snakemake(tree, "-n", *OPTIONS, "--", "results/tiny/toy_nonconvex.csv")
    assert jobs(planned)["tune_toy_nonconvex"] == 1
    assert jobs(planned)["train_toy_nonconvex"] == 1, "rotograd's alone"
