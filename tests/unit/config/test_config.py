"""Configurations: what is committed is complete and sourced; what is wrong is named with a remedy."""

import re

import pytest
import yaml

from rotograd_replication import plugins
from rotograd_replication.config import palette, schema, yaml_files
from rotograd_replication.config.load import load_study
from rotograd_replication.config.schema import base
from rotograd_replication.config.settings import run_digest, run_settings
from rotograd_replication.config.yaml_files import ConfigurationError
from rotograd_replication.paper import hyperparameters
from tests.helpers.paths import CONFIGS, ROOT

SOURCE = ROOT / "src" / "rotograd_replication"
STUDIES = sorted(p.stem for p in (CONFIGS / "studies").glob("*.yaml"))


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
    study = load_study(CONFIGS, name)
    assert study.experiments
    for place, item in hyperparameters.entries(study):
        assert item.source.split(":")[0] in ("paper", "official code", "MTAN code", "choice"), place


def sourced(value):
    return {"value": value, "source": "choice: a test"}


SWEEP = ["experiments/stability.yaml", "variants", "rotograd_lr_{}", "rotation", "learning_rate"]
BAD = {
    "unknown study": (None, "does not matter", "quick"),
    "unknown method": (["experiments/digits.yaml", "methods"], ["rotogrd"], "Did you mean `rotograd`?"),
    "unknown dataset": (["experiments/digits.yaml", "dataset"], "mnits", "Did you mean `mnist`?"),
    "unknown key": (
        ["experiments/digits.yaml", "training", "learning_rate"], 1, "`training.learning_rate` is not a key",
    ),
    "datasets of a study": (["studies/paper.yaml", "datasets"], {"nonsense": 3}, "`datasets` must be left out"),
    "unknown study key": (["studies/paper.yaml", "expriments"], {}, "Did you mean `experiments`?"),
    "negative learning rate": (
        ["experiments/digits.yaml", "training", "optimizer", "learning_rate"],
        sourced(-0.1), "greater than 0. Found -0.1.",
    ),
    "no source": (
        ["experiments/digits.yaml", "training", "epochs"], 3,
        "`training.epochs`: must state its source, `{value: ..., source: \"choice: why\"}`, or the file",
    ),
    "no source in a study": (
        ["studies/paper.yaml", "experiments", "digits"], {"seeds": 3}, "`seeds`: must state its source",
    ),
    "odd source of a study": (["studies/paper.yaml", "source"], "somewhere", "`source`: String should match"),
    "an experiment like itself": (
        ["experiments/digits.yaml", "like"], "stability", "digits -> stability -> digits",
    ),
    "unknown experiment in like": (
        ["experiments/stability.yaml", "like"], "digts", "Did you mean `digits`?",
    ),
    "a sweep without values": ([*SWEEP, "values"], [], "must be a list of at least one value. Found []."),
    "a sweep over no list": ([*SWEEP[:-1], "learning_rate"], sourced(1e-3), "Found none."),
    "a sweep over two lists": (
        [*SWEEP[:-1], "decay"], {"values": [1.0, 0.5], "source": "choice: a test"},
        "Found rotation.learning_rate and rotation.decay.",
    ),
    "a value twice in a sweep": (
        [*SWEEP, "values"], [1e-3, 0.001], "must have each value once: 1e-3",
    ),
    "an illegal value in a sweep": ([*SWEEP, "values"], [1e-3, -1.0], "Found -1.0."),
    "a list without a place for its values": (
        ["methods.yaml", "gradnorm", "parameters", "alpha"],
        {"values": [0.5], "source": "choice: a test"}, "`methods.gradnorm.parameters.alpha.value`",
    ),
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
    "a label of two methods": (
        ["methods.yaml", "graddrop", "label"], "Vanilla", "must have different labels. Found `Vanilla` twice",
    ),
    "a label of two tasks": (
        ["datasets.yaml", "toy_convex", "tasks"], [{"name": n, "label": "A", "kind": "binary", "outputs": 1} for n in "ab"],
        "must have different labels. Found `A` twice",
    ),
    "a name of two tasks": (
        ["datasets.yaml", "toy_convex", "tasks"], [{"name": "a", "label": n, "kind": "binary", "outputs": 1} for n in "AB"],
        "must have different labels. Found `a` twice",
    ),
    "an archive twice": (
        ["datasets.yaml", "mnist", "archives"], 2 * [{"name": "a.gz", "urls": ["https://a"], "sha256": "0" * 64}],
        "must have different labels. Found `a.gz` twice",
    ),
    "true is no number": (["experiments/digits.yaml", "training", "epochs"], sourced(True), "Found True"),
    "a text is no number": (["experiments/digits.yaml", "training", "epochs"], sourced("4"), "Found '4'"),
    "a yes for a number of threads": (["studies/paper.yaml", "threads"], True, "Found True"),
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
    with pytest.raises(ConfigurationError) as error:
        load_study(configs, study)
    assert expected in str(error.value)
    assert "pydantic" not in str(error.value)


def test_a_source_at_the_top_is_that_of_every_value_without_one(configs):
    place = configs / "studies" / "paper.yaml"
    change(place, ["source"], "choice: of the whole study")
    change(place, ["figures", "tuning"], ["digits"])
    own = {"source": "choice: of this experiment", "seeds": 2}
    parameters = {"rotograd": {"like": "rotograd", "parameters": {"m": 7}}}
    training = {"epochs": 3, "batch_size": sourced(8), "optimizer": {"learning_rate": 0.5}}
    change(place, ["experiments", "digits_svhn"], {"training": training, "variants": parameters})
    change(place, ["experiments", "cifar10"], own)
    study = load_study(configs, "paper")
    digits = study.experiments["digits_svhn"]
    m = digits.methods["rotograd"].parameters["m"]
    whole = [digits.training.epochs, digits.training.optimizer.learning_rate, m]
    assert [item.value for item in whole] == [3, 0.5, 7]
    assert {item.source for item in whole} == {"choice: of the whole study"}
    assert digits.training.batch_size.source == "choice: a test"
    assert digits.training.optimizer.name.source == "paper: reproducibility sheet (ICLR)"
    assert study.experiments["cifar10"].seeds.source == "choice: of this experiment"


def test_a_sweep_is_a_method_per_value(configs):
    change(configs.joinpath(SWEEP[0]), [*SWEEP[1:], "values"], [2, 0.25, 1.5e-3, 1e-05])
    change(configs.joinpath(SWEEP[0]), ["methods"], ["rotograd_lr_{}", "vanilla"])
    methods = load_study(configs, "paper").experiments["stability"].methods
    names = ["2", "0.25", "1.5e-3", "1e-5"]
    assert list(methods) == [*(f"rotograd_lr_{name}" for name in names), "vanilla"]
    swept = methods["rotograd_lr_1.5e-3"]
    assert swept.label == "RotoGrad, rotation learning rate 1.5e-3"
    assert swept.rotation.learning_rate.value == 0.0015
    assert swept.rotation.learning_rate.source == "choice: a point of the sweep of section 6.1"
    assert swept.inner.module == "scale"


def test_looks_go_by_order_unless_set(configs):
    change(configs / "studies" / "paper.yaml", ["figures", "tuning"], ["digits"])
    place = configs / "methods.yaml"
    new = {"label": "New", "module": "vanilla", "citation": "a test"}
    change(place, ["new"], new)
    change(place, ["newer"], new | {"label": "Newer", "marker": "*"})
    change(configs / "experiments/digits.yaml", ["methods"], ["vanilla", "new", "newer"])
    methods = load_study(configs, "paper").experiments["digits_svhn"].methods
    looks = {name: (method.colour, method.marker) for name, method in methods.items()}
    assert looks["vanilla"] == ("#1a1a1a", "s")
    assert looks["new"] == (palette.COLOURS[8], palette.MARKERS[8])
    assert looks["newer"] == (palette.COLOURS[9], "*")
    assert len({tuple(palette.look(i).values()) for i in range(154)}) == 154


def test_numbers_are_read_as_in_yaml_1_2(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: 1e-3\nb: 2E5\nc: 1.5e+2\nd: e3\ne: 1e-3x\nf: -1e0\ng: .5e3\nh: .e3\n")
    expected = {"a": 1e-3, "b": 2e5, "c": 150.0, "d": "e3", "e": "1e-3x", "f": -1.0}
    expected |= {"g": 500.0, "h": ".e3"}
    assert yaml_files.read_yaml(path) == expected


def test_every_key_is_read():
    """A field that no line of code or rule names would be a dead option.

    That training looks up every setting of a run is tested by running one (test_train).
    """
    code = [p for p in SOURCE.rglob("*.py") if SOURCE / "config" / "schema" not in p.parents]
    code += [*(ROOT / "rules").glob("*.smk"), ROOT / "Snakefile"]
    text = "\n".join(path.read_text() for path in code)
    models = [
        m for m in vars(schema).values() if isinstance(m, type) and issubclass(m, schema.Model)
    ]
    for model in models:
        for field in model.model_fields:
            assert re.search(rf"""(\.{field}\b|["']{field}["'])""", text), f"{model}.{field}"


def test_digest_follows_numbers_not_words(configs):
    before = run_digest(load_study(configs, "paper"), "digits", "rotograd")
    change(configs / "methods.yaml", ["rotograd", "label"], "Another label")
    change(configs / "methods.yaml", ["gradnorm", "parameters", "alpha"], sourced(0.5))
    assert run_digest(load_study(configs, "paper"), "digits", "rotograd") == before
    change(configs / "experiments/digits.yaml", ["training", "epochs"], sourced(7))
    assert run_digest(load_study(configs, "paper"), "digits", "rotograd") != before


@pytest.mark.parametrize("name", ["digits_history", "verdicts"])
def test_an_experiment_has_no_name_of_another_file_of_results(configs, name):
    path = configs / "experiments" / "digits.yaml"
    path.with_stem(name).write_text(path.read_text())
    change(configs / "studies/paper.yaml", ["experiments", name], None)
    with pytest.raises(ConfigurationError, match=f"`{name}` must be another name"):
        load_study(configs, "paper")


def test_a_parameter_counts_whatever_its_name(configs):
    """Also one that is called as what is cosmetic of a dataset or a method."""
    plain = load_study(configs, "lite")
    old, digests = plain.datasets["cifar10"], set()
    for label in ("fine", "coarse"):
        parameters = old.parameters | {"label": schema.Sourced(**sourced(label))}
        new = old.model_copy(update={"parameters": parameters})
        study = plain.model_copy(update={"datasets": plain.datasets | {"cifar10": new}})
        assert run_settings(study, "cifar10", "vanilla")["data"]["parameters"]["label"] == label
        digests.add(run_digest(study, "cifar10", "vanilla"))
    assert len(digests) == 2


@pytest.mark.parametrize("annotation", ["tuple[int, int]", ""])
def test_an_annotation_that_cannot_be_checked_names_its_plug_in(monkeypatch, annotation):
    monkeypatch.setattr(plugins, "parameters", lambda *_: {"size": (annotation, True)})
    said = "`size` of heads/linear.py must have an annotation of Factor, .* Found "
    with pytest.raises(ValueError, match=said):
        base.check_parameters("heads", "linear", {"size": schema.Sourced(**sourced(1))})


def test_a_default_that_is_written_out_leaves_digests_alone(configs):
    before = run_digest(load_study(configs, "paper"), "digits", "vanilla")
    path = configs / "studies" / "paper.yaml"
    text = path.read_text()
    stated = '    training: {compiled: {value: false, source: "choice: as it is"}}\n'
    path.write_text(text.replace("\n  digits:\n", f"\n  digits:\n{stated}"))
    study = load_study(configs, "paper")
    assert study.experiments["digits"].training.compiled.source == "choice: as it is"
    assert run_digest(study, "digits", "vanilla") == before


def test_a_later_option_at_its_default_leaves_digests_alone(configs):
    """Results from before the option stay valid; any other value is another configuration."""

    def digest():
        return run_digest(load_study(configs, "paper"), "digits", "rotograd")

    before = digest()
    place = configs / "experiments/digits.yaml"
    settings = run_settings(load_study(configs, "paper"), "digits", "rotograd", True)
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
