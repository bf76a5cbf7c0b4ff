"""What an output needs and does not get is one clear error of the study's, before any job."""

import pytest

from rotograd_replication import plugins
from rotograd_replication.config import load as config
from rotograd_replication.config import needs, sweeps
from rotograd_replication.config.yaml_files import ConfigurationError
from tests.helpers.paths import CONFIGS
from tests.unit.config.test_config import change

OUTPUTS = [(p, o) for p in ("tables", "figures") for o in plugins.names(p)]
LEAVE = "or leave it out of"
# Output and experiments of study `quick` -> the whole message, after the place.
REFUSED = {
    (
        "figures",
        "improvement",
        "toy_convex",
    ): "`improvement` of figures: its experiment `toy_convex` "
    "must have the method `single_task`. Found vanilla, rotograd. Add it to its `methods`, "
    f"{LEAVE} `improvement`.",
    ("figures", "stability", "toy_convex"): "`stability` of figures: its experiment `toy_convex` "
    "must have methods that differ in the learning rate of their rotations alone. Found vanilla, "
    f"rotograd. Add some to its `methods`, {LEAVE} `stability`.",
    ("tables", "digits", "toy_convex"): "`digits` of tables: its experiment `toy_convex` must have "
    "the task `left`. Found first, second. Give it a dataset that has it, "
    f"{LEAVE} `digits`.",
    ("tables", "celeba", "toy_convex"): "`celeba` of tables: its experiment `toy_convex` must have "
    "the metric `f1` of every task. Found first with objective, second with objective. Give it a "
    f"dataset that has it, {LEAVE} `celeba`.",
    ("figures", "toy", "celeba_conv"): "`toy` of figures: its experiment `celeba_conv` must have "
    "tasks of kind avocado or multimodal alone. Found {eight} and 32 more. Give it a dataset that "
    f"has them, {LEAVE} `toy`.",
    ("figures", "tuning", "digits_svhn"): "must have a method that is tuned. Found single_task, ",
    ("figures", "cosine", "digits", "cifar10"): "`cosine` of figures must have 1 experiment. "
    "Found digits, cifar10. Give it 1 experiment, or remove its line.",
    ("tables", "tasks"): "`tasks` of tables must have at least 1 experiment. Found none. Give it "
    "at least 1 experiment, or remove its line.",
    ("tables", "tasks", "digits", "digits"): "`tasks` of tables must have each experiment once. "
    "Found `digits` twice. Remove one.",
}


@pytest.mark.parametrize("case", REFUSED, ids=" ".join)
def test_refused(configs, case):
    package, output, *names = case
    change(configs / "studies/quick.yaml", [package, output], names)
    with pytest.raises(ConfigurationError) as error:
        config.load_study(configs, "quick")
    study = config.load_study(CONFIGS, "quick")
    tasks = study.datasets["celeba_standin"].tasks[:8]
    eight = ", ".join(f"{task.name} of kind binary" for task in tasks)
    expected = REFUSED[case].replace("{eight}", eight)
    assert str(error.value).startswith("studies/quick.yaml: ") and expected in str(error.value)


def test_experiments_of_one_title_are_refused_in_one_output(configs):
    change(configs / "experiments/digits_svhn.yaml", ["title"], "Two-digit MNIST")
    change(configs / "experiments/digits.yaml", ["title"], "Two-digit MNIST")
    with pytest.raises(ConfigurationError, match="different titles. Found `Two-digit MNIST`"):
        config.load_study(configs, "quick")


@pytest.mark.parametrize(("package", "output"), OUTPUTS)
def test_every_output_declares_its_needs(package, output):
    assert isinstance(needs.of(package, output), needs.Needs)


def test_every_need_is_one_of_an_output():
    """A key that no output uses would be a dead option."""
    used = set().union(*(needs.of(*output).model_fields_set for output in OUTPUTS))
    assert used == set(needs.Needs.model_fields)
    kinds = {needs.of(*output).some_method for output in OUTPUTS} - {None}
    assert kinds == set(needs.SOME_METHOD)


def test_illegal_needs_name_the_file(monkeypatch):
    monkeypatch.setattr(plugins, "constant", lambda *_: {"methds": []})
    with pytest.raises(ConfigurationError, match="Did you mean `methods`") as error:
        needs.of("tables", "tasks")
    assert "paper/tables/tasks.py: NEEDS" in str(error.value)


def test_needs_that_are_not_declared_name_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(plugins, "ROOT", tmp_path)
    (tmp_path / "paper/tables").mkdir(parents=True)
    (tmp_path / "paper/tables/bare.py").write_text("build = 1\n")
    with pytest.raises(ConfigurationError, match="bare.py` must set `NEEDS`"):
        needs.of("tables", "bare")


def test_sweeps_are_methods_that_differ_in_their_rate_alone():
    study = config.load_study(CONFIGS, "rotations")
    groups = sweeps.of_rotations(study.experiments["cifar10"])
    assert [list(group.values()) for group in groups] == 3 * [[1.5e-4, 5e-4, 1.5e-3]]
    starts = {tuple({name.partition("_lr_")[0] for name in group}) for group in groups}
    assert starts == {("rotograd",), ("rotograd_straight_through",), ("rotograd_dynamic",)}
    lite = config.load_study(CONFIGS, "lite").experiments
    assert sweeps.of_rotations(lite["cifar10"]) == []
    assert list(map(len, sweeps.of_rotations(lite["stability"]))) == [6]
