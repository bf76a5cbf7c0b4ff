"""Grids and choices: what is tuned, what is refused, and which runs follow a choice."""

import pytest

from rotograd_replication.config import choice, settings, tuning
from rotograd_replication.config.load import load_study
from rotograd_replication.config.yaml_files import ConfigurationError
from tests.helpers.paths import CONFIGS
from tests.unit.config.test_config import change, sourced

RATES = {"rotation.learning_rate": [1e-3, 1e-2, 1e-1]}


def tuned(configs, grids, **more):
    """The study `paper` with grids for methods of its digits."""
    content = {"epochs": 2, "seeds": 2, "grids": grids, "source": "choice: a test"} | more
    source = content.pop("source")
    change(configs / "studies/paper.yaml", ["source"], source)
    change(configs / "studies/paper.yaml", ["experiments", "digits"], {"tuning": content})
    return load_study(configs, "paper")


BAD = {
    "an empty grid": ({"rotograd": {"rotation.learning_rate": []}}, "at least 1 item"),
    "no parameter": ({"rotograd": {}}, "tuning.grids.rotograd: must name a parameter"),
    "no list": ({"rotograd": {"rotation.learning_rate": 0.1}}, "valid list"),
    "out of range": (
        {"rotograd": {"rotation.learning_rate": [0.1, -0.1]}},
        "tuning.grids.rotograd: its grid: `rotation.learning_rate.value`: "
        "Input should be greater than 0. Found -0.1.",
    ),
    "of another type": ({"gradnorm": {"alpha": [1.0, "big"]}}, "Found 'big'"),
    "twice": ({"gradnorm": {"alpha": [1.0, 1]}}, "must have each value once. Found 1, 1."),
    "another's parameter": ({"vanilla": {"alpha": [1.0]}}, "`alpha` is not a parameter of it"),
    "no rotations": (
        {"gradnorm": {"rotation.learning_rate": [0.1]}},
        "`rotation.learning_rate` is not a parameter of it. Did you mean `learning_rate`?",
    ),
    "no inner method": ({"gradnorm": {"inner.alpha": [0.1]}}, "Did you mean `alpha`?"),
    "m beyond d": ({"rotograd": {"m": [10, 51]}}, "at most the network's features, 50. Found 51."),
    "unknown method": ({"rotogrd": RATES}, "not a method of this experiment. Did you mean `rotograd`?"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_grid_that_cannot_be_trained_is_refused(configs, case):
    grids, expected = BAD[case]
    with pytest.raises(ConfigurationError) as error:
        tuned(configs, grids)
    assert expected in str(error.value)
    assert "pydantic" not in str(error.value)


def test_candidates_are_every_combination_in_place(configs):
    grid = {"inner.reference_step": [0, 5], "rotation.learning_rate": [0.1, 0.2], "m": [10]}
    study = tuned(configs, {"rotograd": grid})
    candidates = tuning.candidates(study.experiments["digits"], "rotograd")
    assert [tuning.text(values) for values in candidates] == [
        f"inner.reference_step={step},rotation.learning_rate={rate},m=10"
        for step in (0, 5)
        for rate in (0.1, 0.2)
    ]
    changed = tuning.of_candidate(study, "digits", "rotograd", candidates[-1])
    run = settings.run_settings(changed, "digits", "rotograd")
    plain = settings.run_settings(study, "digits", "rotograd")
    assert run["training"].pop("epochs") == 2 and plain["training"].pop("epochs") == 300
    method = run.pop("method")
    assert method["inner"]["parameters"] == {"reference_step": 5}
    assert method["parameters"] == plain["method"]["parameters"] | {"m": 10}
    assert method["rotation"] == plain["training"]["rotation"] | {"learning_rate": 0.2}
    assert run == {key: value for key, value in plain.items() if key != "method"}


def test_a_digest_follows_the_grid_of_its_own_method_alone(configs):
    def digests(study):
        return {
            m: settings.run_digest(study, "digits", m) for m in ("rotograd", "gradnorm", "mgda")
        }

    before = digests(load_study(configs, "paper"))
    first = tuned(configs, {"rotograd": RATES, "gradnorm": {"alpha": [0.5, 1.5]}})
    both = digests(first)
    assert both["mgda"] == before["mgda"]
    assert both["rotograd"] != before["rotograd"] and both["gradnorm"] != before["gradnorm"]
    fewer = {"rotation.learning_rate": [1e-3, 1e-2]}
    second = tuned(configs, {"rotograd": fewer, "gradnorm": {"alpha": [0.5, 1.5]}})
    assert digests(second)["gradnorm"] == both["gradnorm"]
    assert digests(second)["rotograd"] not in (both["rotograd"], before["rotograd"])
    found = [tuning.digest(study, "digits", "rotograd") for study in (first, second)]
    assert len(set(found)) == 2


def test_a_longer_training_needs_no_new_tuning(configs):
    before = tuning.digest(tuned(configs, {"rotograd": RATES}), "digits", "rotograd")
    change(configs / "experiments/digits.yaml", ["training", "epochs"], sourced(7))
    change(configs / "experiments/digits.yaml", ["seeds"], sourced(3))
    assert tuning.digest(tuned(configs, {"rotograd": RATES}), "digits", "rotograd") == before
    change(configs / "experiments/digits.yaml", ["training", "batch_size"], sourced(7))
    assert tuning.digest(tuned(configs, {"rotograd": RATES}), "digits", "rotograd") != before


def test_grids_of_methods_that_a_study_leaves_out_wait(configs):
    change(configs / "experiments/digits.yaml", ["methods"], ["vanilla", "rotograd"])
    study = tuned(configs, {"rotograd": RATES, "gradnorm": {"alpha": [0.5, 1.5]}})
    assert list(study.experiments["digits"].tuning.grids) == ["rotograd"]


def made(errors, grid=(1e-3, 1e-2, 1e-1), diverged=(), epochs=None):
    """A choice among rates; errors in the order of the grid."""
    values = [{"rotation.learning_rate": value} for value in grid]
    lost = ["nan, seed 0, epoch 1" if i in diverged else None for i in range(len(grid))]
    candidates = [
        choice.Candidate(values=v, errors=e, diverged=d, epochs=n)
        for v, e, d, n in zip(values, errors, lost, epochs or [4] * len(grid), strict=True)
    ]
    facts = {"study": "paper", "experiment": "digits", "method": "rotograd", "configuration": "0"}
    facts |= {"code": "0", "data": {}, "selection": "loss_sum", "epochs": 2, "seeds": 2}
    return choice.Choice(**facts, seconds=1.0, process={}, candidates=candidates)


def test_the_smallest_mean_error_is_chosen():
    found = made([(1.0, 4.0), (2.0, 2.0), (3.0, 3.0)])
    assert found.best.values == {"rotation.learning_rate": 1e-2} and not found.at_end
    how = "1e-2 of {1e-3, 1e-2, 0.1} on validation, seeds 0 to 1, 2 epochs"
    assert found.said == {"rotation.learning_rate": how}


def test_the_first_of_equal_candidates_is_chosen_and_an_end_is_marked():
    found = made([(1.0, 1.0), (1.0, 1.0), (3.0, 3.0)])
    assert found.best.values == {"rotation.learning_rate": 1e-3}
    assert found.at_end == ["rotation.learning_rate"]


def test_a_diverged_candidate_loses():
    found = made([(1.0,), (2.0, 2.0), (3.0, 3.0)], diverged=[0])
    assert found.best.values == {"rotation.learning_rate": 1e-2} and not found.diverged


def test_where_all_diverged_the_one_that_lasted_is_trained_and_said_to_have():
    found = made([(), (), ()], diverged=[0, 1, 2], epochs=[1, 3, 2])
    assert found.diverged and found.best.values == {"rotation.learning_rate": 1e-2}
    assert found.said["rotation.learning_rate"].endswith("; all diverged, this one last")


def test_a_choice_is_read_back_and_sets_what_is_trained(configs, tmp_path):
    study = tuned(configs, {"rotograd": RATES})
    found = made([(3.0,), (2.0,), (1.0,)]).model_copy(
        update={"configuration": tuning.digest(study, "digits", "rotograd")}
    )
    (tmp_path / "a.json").write_text(found.model_dump_json())
    assert choice.read(tmp_path / "a.json") == found
    applied = choice.apply(study, [found])
    run = settings.run_settings(applied, "digits", "rotograd")
    plain = settings.run_settings(study, "digits", "rotograd")
    assert run["method"]["rotation"] == plain["training"]["rotation"] | {"learning_rate": 0.1}
    assert run["training"] == plain["training"]
    rate = applied.experiments["digits"].methods["rotograd"].rotation.learning_rate
    assert rate.source == f"tuned: {found.said['rotation.learning_rate']}"


def test_a_choice_of_another_configuration_is_refused(configs):
    study = tuned(configs, {"rotograd": RATES})
    with pytest.raises(ConfigurationError, match="tuning results of another one, 0. Tune it"):
        choice.apply(study, [made([(3.0,), (2.0,), (1.0,)])])
    with pytest.raises(ConfigurationError, match="`digits/rotograd` is not tuned"):
        choice.apply(load_study(CONFIGS, "paper"), [made([(3.0,), (2.0,), (1.0,)])])


def test_a_damaged_choice_is_one_message(tmp_path):
    for text in ("{", "{}", "[]", '{"study": 3}'):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(ConfigurationError, match=r"a\.json.*run `tune` again\.$") as error:
            choice.read(tmp_path / "a.json")
        assert "pydantic" not in str(error.value)
