"""Configurations: what is committed is complete and sourced; what is wrong is named with a remedy."""

import re
import shutil

import pytest
import yaml

from rotograd_replication import plugins
from rotograd_replication.config import load as config
from rotograd_replication.config import schema
from rotograd_replication.paper import hyperparameters
from tests.helpers.paths import CONFIGS, ROOT

SOURCE = ROOT / "src" / "rotograd_replication"
STUDIES = sorted(p.stem for p in (CONFIGS / "studies").glob("*.yaml"))


@pytest.fixture
def configs(tmp_path):
    """A copy of `configs/` to spoil."""
    return shutil.copytree(CONFIGS, tmp_path / "configs")


def change(path, keys, value):
    """Set one place of a YAML file."""
    content = yaml.safe_load(path.read_text())
    place = content
    for key in keys[:-1]:
        place = (
            place.setdefault(key, {})
            if place.get(key) is not None
            else place.update({key: {}}) or place[key]
        )
    place[keys[-1]] = value
    path.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.mark.parametrize("name", STUDIES)
def test_committed_studies_are_valid(name):
    study = config.load_study(CONFIGS, name)
    assert study.experiments
    for place, item in hyperparameters.entries(study):
        assert item.source.split(":")[0] in ("paper", "official code", "MTAN code", "choice"), place


def sourced(value):
    return {"value": value, "source": "choice: a test"}


BAD = {
    "unknown study": (None, "does not matter", "quick"),
    "unknown method": (["experiments/digits.yaml", "methods"], ["rotogrd"], "Did you mean `rotograd`?"),
    "unknown dataset": (["experiments/digits.yaml", "dataset"], "mnits", "Did you mean `mnist`?"),
    "unknown key": (
        ["experiments/digits.yaml", "training", "learning_rate"], 1, "`training.learning_rate` is not a key",
    ),
    "unknown study key": (["studies/paper.yaml", "expriments"], {}, "Did you mean `experiments`?"),
    "negative learning rate": (
        ["experiments/digits.yaml", "training", "optimizer", "learning_rate"],
        sourced(-0.1), "greater than 0. Found -0.1.",
    ),
    "no source": (["experiments/digits.yaml", "training", "epochs"], 3, "training.epochs"),
    "odd source": (
        ["experiments/digits.yaml", "training", "epochs"],
        {"value": 3, "source": "somewhere"}, "epochs.source",
    ),
    "seeds no number": (["experiments/digits.yaml", "seeds"], sourced("many"), "Found 'many'"),
    "zero epochs": (["experiments/digits.yaml", "training", "epochs"], sourced(0), "greater than 0"),
    "m beyond d": (
        ["methods.yaml", "rotograd", "parameters"], {"m": sourced(51)},
        "must be at most the network's features, 2. Found 51.",
    ),
    "unknown parameter": (
        ["methods.yaml", "gradnorm", "parameters", "alhpa"], sourced(1.0), "Did you mean `alpha`?",
    ),
    "parameter of another type": (
        ["methods.yaml", "gradnorm", "parameters", "alpha"], sourced("big"), "Found 'big'",
    ),
    "unknown module": (["methods.yaml", "gradnorm", "module"], "gradnrom", "Did you mean `gradnorm`?"),
    "an inner method on its own": (
        ["methods.yaml", "rotograd", "inner"], "single_task", "belong to the outermost method",
    ),
    "maps beside numbers": (
        ["datasets.yaml", "nyuv2", "tasks"],
        [
            {"name": "a", "label": "a", "kind": "depth", "outputs": 1},
            {"name": "b", "label": "b", "kind": "binary", "outputs": 1},
        ],
        "must all have maps as targets, or none",
    ),
    "unknown head": (
        ["experiments/nyuv2.yaml", "heads", "module"], "convolutionl", "Did you mean `convolutional`?",
    ),
    "unknown table": (["studies/paper.yaml", "tables"], {"cifar": []}, "Did you mean `cifar10`?"),
    "figure without experiment": (
        ["studies/paper.yaml", "figures"], {"cosine": ["cifar"]}, "Did you mean `cifar10`?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_configuration_is_one_clear_error(configs, case):
    where, value, expected = BAD[case]
    study = "paper"
    if where is None:
        study = "qiuck"
    else:
        change(configs / where[0], where[1:], value)
    with pytest.raises(config.ConfigurationError) as error:
        config.load_study(configs, study)
    assert expected in str(error.value)
    assert "pydantic" not in str(error.value)


def test_every_key_is_read():
    """A field that no line of code or rule names would be a dead option.

    That training looks up every setting of a run is tested by running one (test_train).
    """
    code = [p for p in SOURCE.rglob("*.py") if p != SOURCE / "config" / "schema"]
    code += [*(ROOT / "rules").glob("*.smk"), ROOT / "Snakefile"]
    text = "\n".join(path.read_text() for path in code)
    models = [
        m for m in vars(schema).values() if isinstance(m, type) and issubclass(m, schema.Model)
    ]
    for model in models:
        for field in model.model_fields:
            assert re.search(rf"""(\.{field}\b|["']{field}["'])""", text), f"{model}.{field}"


def test_digest_follows_numbers_not_words(configs):
    before = config.run_digest(config.load_study(configs, "paper"), "digits", "rotograd")
    change(configs / "methods.yaml", ["rotograd", "label"], "Another label")
    change(configs / "methods.yaml", ["gradnorm", "parameters", "alpha"], sourced(0.5))
    assert config.run_digest(config.load_study(configs, "paper"), "digits", "rotograd") == before
    change(configs / "experiments/digits.yaml", ["training", "epochs"], sourced(7))
    assert config.run_digest(config.load_study(configs, "paper"), "digits", "rotograd") != before


def test_a_later_option_at_its_default_leaves_digests_alone(configs):
    """Results from before the option stay valid; any other value is another configuration."""

    def digest():
        return config.run_digest(config.load_study(configs, "paper"), "digits", "rotograd")

    before = digest()
    place = configs / "experiments/digits.yaml"
    settings = config.run_settings(config.load_study(configs, "paper"), "digits", "rotograd", True)
    assert set(settings["heads"]) == {"hidden"}
    assert "drops" not in settings["training"]["optimizer"]
    change(place, ["heads", "module"], "mlp")
    assert digest() == before
    drops = {"after": sourced([3]), "factor": sourced(0.5)}
    change(place, ["training", "optimizer", "drops"], drops)
    assert digest() != before


@pytest.mark.parametrize(
    "package", ["datasets", "networks", "heads", "methods", "tables", "figures", "standins"]
)
def test_unknown_plugin_lists_the_legal_ones(package):
    with pytest.raises(ValueError, match="Legal: "):
        plugins.load(package, "nothing_of_that_name")
