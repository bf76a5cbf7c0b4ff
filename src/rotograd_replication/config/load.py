"""Configurations are read, merged and checked here, once, before any job starts.

A study names experiments and overrides parts of them; an experiment names a dataset and methods.
`like: other` starts an entry, or an experiment, from another one. The result, a `schema.Study`, is
complete: no default hides elsewhere.
"""

from pathlib import Path
from typing import Any

from .. import plugins
from . import batches, needs, palette, schema, shorthand, tuning
from .faults import validate
from .yaml_files import ConfigurationError, mapping, merge, read_named, short


class Written(schema.Experiment):
    """An experiment as its file has it: `methods` are names, of entries and of `variants`."""

    variants: dict[schema.Name, schema.Method]


def _entry(entries: dict[str, Any], name: Any, kind: str, above: tuple[Any, ...] = ()) -> Any:
    """Resolve the entry `name` with its `like` and `inner` entries; `above` led to it."""
    if not isinstance(name, str) or name not in entries:
        hint = plugins.nearest(str(name), list(entries))
        found = name if isinstance(name, str) else short(name)
        raise ConfigurationError(f"Unknown {kind} `{found}`. {hint}")
    if name in above:
        way = " -> ".join((*above, name))
        raise ConfigurationError(f"`{name}` must not lead to itself by `like` or `inner`: {way}.")
    above = (*above, name)
    entry = dict(mapping(entries[name], name))
    if "like" in entry:
        entry = merge(
            _entry(entries, entry["like"], kind, above),
            {k: entry[k] for k in entry.keys() - {"like"}},
        )
    if isinstance(entry.get("inner"), str):
        entry["inner"] = _entry(entries, entry["inner"], kind, above)
    return entry


def load_datasets(configs: Path) -> dict[str, schema.Dataset]:
    """Read every dataset of `configs/datasets.yaml`, by name.

    Raises:
        ConfigurationError: A fault in the file.
    """
    entries = read_named(configs, "datasets")
    return {
        name: validate(schema.Dataset, _entry(entries, name, "dataset"), f"datasets.yaml: {name}")
        for name in entries
    }


def _variants(methods: dict[str, Any], variants: dict[str, Any]) -> dict[str, Any]:
    """List the experiment's own methods; one `like` the method whose name it takes changes it."""
    entries = {}
    for name, entry in variants.items():
        mapping(entry, name)
        own = isinstance(entry, dict) and entry.get("like") == name and name in methods
        rest = {key: value for key, value in entry.items() if key != "like"} if own else entry
        entries[name] = merge(methods[name], rest) if own else entry
    return entries


def _changes(content: Any, source: Any, place: str) -> dict[str, Any]:
    """Read what a file says of an experiment, every value with its source.

    Args:
        content: The part of the file.
        source: The file's, for values that state none; the part may have one of its own.
        place: Of the part, for messages.
    """
    content = dict(mapping(content, place))
    return shorthand.with_source(content, content.pop("source", source), Written)


def _experiment(configs: Path, name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read a file of `configs/experiments/`, with the one it is `like`; `above` led to it."""
    if name in above:
        way = " -> ".join((*above, name))
        raise ConfigurationError(f"Experiment `{name}` must not lead to itself by `like`: {way}.")
    content = _changes(read_named(configs / "experiments", name), None, f"experiments/{name}.yaml")
    if "like" not in content:
        return content
    base = _experiment(configs, str(content.pop("like")), (*above, name))
    return merge(base, content)


def _methods(methods: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Resolve the entries that an experiment's `methods` and `variants` name, in their order."""
    variants = mapping(content.pop("variants", None), "variants")
    sweeps = shorthand.expand(variants)
    points = {name: entry for sweep in sweeps.values() for name, entry in sweep.items()}
    looks = {name: {"marker": palette.look(i)["marker"]} for i, name in enumerate(points)}
    variants = {n: v for n, v in variants.items() if n not in sweeps}
    variants |= {name: looks[name] | entry for name, entry in points.items()}
    entries = methods | _variants(methods, variants)
    listed = content.get("methods") or []
    if not isinstance(listed, list):
        raise ConfigurationError(f"`methods` must be a list. Found {short(listed)}.")
    names = [name for m in listed for name in (sweeps.get(m, [m]) if isinstance(m, str) else [m])]
    _leave_grids(content, entries.keys() - set(map(str, names)))
    return {name: _entry(entries, name, "method") for name in names}


def _leave_grids(content: dict[str, Any], others: set[str]) -> None:
    """Tune only what is trained: grids of other methods wait for the study that asks for them."""
    tuning = content.get("tuning")
    if isinstance(tuning, dict) and isinstance(tuning.get("grids"), dict):
        grids = {name: grid for name, grid in tuning["grids"].items() if name not in others}
        content["tuning"] = tuning | {"grids": grids}


def load_study(configs: Path, name: str) -> schema.Study:
    """Read a study with everything that it names, resolved and checked.

    Raises:
        ConfigurationError: An unknown name or key, or an illegal value, with its place and remedy.
    """
    study = read_named(configs / "studies", name)
    methods = palette.with_looks(read_named(configs, "methods"))
    datasets = load_datasets(configs)
    experiments = {}
    for experiment, changes in mapping(study.get("experiments"), f"{name}: experiments").items():
        place = f"studies/{name}.yaml: {experiment}"
        content = _experiment(configs, experiment)
        content = merge(content, _changes(changes, study.get("source"), place))
        try:
            content["methods"] = _methods(methods, content)
        except ConfigurationError as error:
            raise ConfigurationError(f"{place}: {error}") from None
        dataset = content.get("dataset")
        if not isinstance(dataset, str) or dataset not in datasets:
            hint = plugins.nearest(str(dataset), list(datasets))
            raise ConfigurationError(f"{place}: unknown dataset `{dataset}`. {hint}")
        experiments[experiment] = validate(schema.Experiment, content, place)
        tuning.check(experiments[experiment], place)
        batches.check(experiments[experiment], datasets[dataset], place)
    if "datasets" in study:
        raise ConfigurationError(
            f"studies/{name}.yaml: `datasets` must be left out: they are those of the experiments."
        )
    used = {e.dataset: datasets[e.dataset] for e in experiments.values()}
    content = study | {"experiments": experiments, "datasets": used}
    place = f"studies/{name}.yaml"
    checked = validate(schema.Study, content, place)
    needs.check(checked, place)
    return checked
