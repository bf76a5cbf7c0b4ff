"""The steps that the cost tables time are whole training steps, foreign packages' ones too."""

import contextlib
import importlib.metadata
import subprocess

import contenders
import cost_report
import pandas as pd
import pytest
import scaling
import small_runs
import step_time
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rotograd_replication import plugins
from rotograd_replication.config import load as config
from rotograd_replication.config import schema
from rotograd_replication.config.settings import run_settings
from tests.helpers.paths import CONFIGS, ROOT

CPU = torch.device("cpu")
B, M = 4, 6


class Exponentials(TorchDispatchMode):
    """The matrix sizes of all exponentials that are computed, derivatives' block matrices too."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def __torch_dispatch__(self, function, kinds, args=(), kwargs=None):
        if function._overloadpacket is torch.ops.aten.linalg_matrix_exp:
            self.sizes += [args[0].shape[-1]] * args[0].shape[:-2].numel()
        return function(*args, **(kwargs or {}))


def small(experiment: str, method: str) -> tuple[dict, schema.Dataset]:
    """An experiment of the quick study, its rotations of M features."""
    study = config.load_study(CONFIGS, "quick")
    settings = run_settings(study, experiment, method)
    if "parametrisation" in settings["method"]["parameters"]:
        settings["method"]["parameters"]["m"] = M
    return settings, study.datasets[study.experiments[experiment].dataset]


def moved(contender: contenders.Contender) -> dict[str, bool]:
    """Which parts a step moves, every tensor of them."""
    before = {name: [x.clone() for x in part] for name, part in contender.parts().items()}
    contender.step()
    return {
        name: not any(torch.equal(x, old) for x, old in zip(part, before[name], strict=True))
        for name, part in contender.parts().items()
    }


def numbered(*kinds: str, tasks: int) -> set[str]:
    return {f"{kind} {k}" for kind in kinds for k in range(tasks)}


@pytest.mark.parametrize("experiment, method", step_time.WORKLOADS.items())
def test_the_official_step_moves_backbone_heads_and_rotations(experiment, method):
    settings, data = small(experiment, method)
    found = contenders.official(settings, data, B, CPU)
    assert set(found.parts()) == {"backbone"} | numbered("head", "rotation", tasks=found.tasks)
    assert all(moved(found).values())


def test_the_official_step_computes_each_exponential_once():
    """Forward once a rotation; backward once, as the exponential of a matrix of twice the size."""
    found = contenders.official(*small("digits", "rotograd"), B, CPU)
    found.step()
    with Exponentials() as counted:
        found.step()
    assert sorted(counted.sizes) == [M] * found.tasks + [2 * M] * found.tasks


def test_without_the_cache_of_its_documentation_there_would_be_many_more(monkeypatch):
    """What the test above counts is not fixed by the package alone."""
    monkeypatch.setattr(contenders.package(), "cached", torch.enable_grad)
    found = contenders.official(*small("digits", "rotograd"), B, CPU)
    with Exponentials() as counted:
        found.step()
    assert counted.sizes.count(M) > 2 * found.tasks


def test_the_official_rotations_have_their_own_rate():
    settings, data = small("digits", "rotograd")
    training = settings["training"]
    training["rotation"]["learning_rate"] = 0.0
    rotations = {
        name: yes for name, yes in moved(contenders.official(settings, data, B, CPU)).items()
    }
    assert {name for name, yes in rotations.items() if not yes} == numbered("rotation", tasks=5)


@pytest.mark.parametrize("chunk", [1, None])
@pytest.mark.parametrize("aggregator", ["PCGrad", "MGDA", "IMTLG", "GradDrop"])
def test_torchjds_step_moves_backbone_and_heads(aggregator, chunk):
    settings, data = small("digits", "vanilla")
    found = contenders.torchjd_step(settings, data, B, CPU, aggregator, chunk)
    assert set(found.parts()) == {"backbone"} | numbered("head", tasks=found.tasks)
    assert all(moved(found).values())


@pytest.mark.parametrize("parametrisation", plugins.names("rotations"))
def test_our_step_moves_backbone_heads_and_rotations(parametrisation):
    settings, data = small("digits", "rotograd")
    settings["method"]["parameters"]["parametrisation"] = parametrisation
    found = contenders.ours(settings, data, B, CPU)
    assert found.parametrisation == parametrisation
    assert moved(found) == dict.fromkeys(["backbone", "heads", "rotations"], True)


def test_a_step_that_leaves_a_part_is_not_timed():
    settings, data = small("digits", "rotograd")
    settings["training"]["optimizer"]["learning_rate"] = 0.0
    with pytest.raises(RuntimeError, match="Found backbone unmoved"):
        contenders.checked(contenders.official(settings, data, B, CPU))


@pytest.mark.parametrize("workload", step_time.WORKLOADS)
def test_every_parametrisation_is_a_row(workload):
    listed = {
        step_time.chosen(workload, name)[0]["method"]["parameters"]["parametrisation"]
        for name in step_time.maps(workload)
    }
    assert listed == set(plugins.names("rotations")) == set(scaling.LINES) & listed
    assert set(step_time.maps(workload)) <= set(step_time.names(workload))
    assert {one for _, one in map(cost_report.variant, scaling.ROTATED)} == listed
    assert listed <= set(cost_report.MAPS)


def test_the_first_pair_counts_only_where_there_is_no_other():
    steps = []
    found = step_time.pairs(lambda: steps.append("a"), lambda: steps.append("b"), CPU, 3, 60)
    assert len(found) == 3 and "".join(steps) == "aabababab"
    assert len(step_time.pairs(lambda: None, lambda: None, CPU, 3, 0)) == 1
    assert step_time.quartiles([2.0]) == [2, 2, 2]
    assert step_time.quartiles([1.0, 2.0, 3.0]) == [1.5, 2, 2.5]


def test_a_row_is_kept_once_and_known_again(tmp_path):
    file = tmp_path / "cost.csv"
    row = {"workload": "digits", "contender": "official", "kind": "cpu", "revision": "12e4"}
    assert not step_time.there(file, row)
    for ratio in (2.0, 3.0):
        step_time.keep(file, row | {"ratio": ratio}, step_time.KEY)
    assert step_time.read(file)["ratio"].tolist() == [3]
    assert step_time.there(file, row)
    assert not step_time.there(file, row | {"revision": "another"})
    assert not step_time.there(file, row | {"column": "new"})


def test_a_step_without_end_is_a_row_that_says_so(tmp_path, monkeypatch):
    """The process is ended by its own alarm; here it is forked, which saves its imports."""

    def answer(script, *words):
        def measure():
            given = step_time.parser().parse_args(list(map(str, words)))
            with open(tmp_path / "said", "w") as said, contextlib.redirect_stdout(said):
                step_time.measure(given.workloads[0], given.contenders[0], CPU, given)

        code = small_runs.wait(small_runs.start(measure, tmp_path / "log"))
        raise subprocess.CalledProcessError(code, script, (tmp_path / "said").read_text())

    monkeypatch.setattr(step_time, "answer", answer)
    monkeypatch.setattr(step_time, "peak_gflops", lambda device: 1.0)
    monkeypatch.setattr(step_time, "CSV", tmp_path / "cost.csv")
    arguments = step_time.parser().parse_args(["--patience", "0.00001", "--threads", "1"])
    known = step_time.facts(CPU, 1)
    step_time.run("digits", "official", arguments, known)
    (row,) = step_time.read(tmp_path / "cost.csv").to_dict("records")
    assert row["note"] == "not measured: one step did not end in 1e-05 minutes"
    assert row["m"] == 50 and row["batch"] == 1024 and "ratio" not in row
    assert f"rotograd {importlib.metadata.version('rotograd')}" in row["versions"]


def test_a_row_without_a_time_is_shown_by_its_reason():
    row = {"workload": "cifar10", "contender": "official", "batch": 128, "m": 512.0, "tasks": 10}
    row |= {"parametrisation": "exponential", "ratio": None, "note": "not measured: too long"}
    times = dict.fromkeys(["ratio_low", "ratio_high", "pairs", "seconds", "vanilla_seconds"], 1.0)
    other = row | times | {"ratio": 5.0, "note": None, "contender": "rotograd"}
    work = {"backbone_gflop": 1.0, "peak_gflop_per_s": 1.0}
    rows = pd.DataFrame([row, other]).assign(**work)
    memory = pd.DataFrame({"workload": [], "contender": [], "peak_ratio": []})
    shown = cost_report.table(ROOT, rows, memory)
    assert shown["× Vanilla"].tolist() == ["5.00", "not measured: too long"]
    assert shown["target"].tolist() == ["≤ 1.15", ""]
