"""Configurations are read, merged and checked here, once, before any job starts.

A study names experiments and overrides parts of them; an experiment names a dataset and methods.
`like: other` starts an entry, or an experiment, from another one. The result, a `schema.Study`, is
complete: no default hides elsewhere.
"""

from pathlib import Path
from typing import Any

import pydantic

from .. import plugins
from ..files import atomic as records
from . import palette, schema, shorthand
from .yaml_files import ConfigurationError, mapping, merge, read_named, short
from .yaml_files import read_yaml as read_yaml


class Written(schema.Experiment):
    """An experiment as its file has it: `methods` are names, of entries and of `variants`."""

    variants: dict[schema.Name, schema.Method]


def _entry(entries: dict[str, Any], name: Any, kind: str, above: tuple[Any, ...] = ()) -> Any:
    """The entry `name` with its `like` and `inner` entries resolved; `above` led to it."""
    if not isinstance(name, str) or name not in entries:
        hint = plugins.nearest(str(name), list(entries))
        raise ConfigurationError(f"Unknown {kind} `{short(name)[1:-1]}`. {hint}")
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


def validate(model: type[pydantic.BaseModel], content: Any, place: str) -> Any:
    """Build `model` from what `place` says.

    Raises:
        ConfigurationError: one line per fault, with the nearest legal key.
    """
    try:
        return model.model_validate(content)
    except pydantic.ValidationError as error:
        raise ConfigurationError(
            "\n".join(_explain(model, e, place) for e in error.errors())
        ) from None


def _explain(model: type[pydantic.BaseModel], error: Any, place: str) -> str:
    location = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        *parents, key = error["loc"]
        return f"{place}: `{location}` is not a key. {plugins.nearest(key, _keys(model, parents))}"
    rule = error["msg"].removeprefix("Value error, ")
    found = (
        "" if error["type"] in ("missing", "value_error") else f" Found {short(error['input'])}."
    )
    return f"{place}: `{location}`: {rule.rstrip('.')}.{found}" if location else f"{place}: {rule}"


def _keys(model: Any, parents: list[Any]) -> list[str]:
    """The legal keys at a place inside `model`."""
    annotation: Any = model
    for part in parents:
        if part in getattr(annotation, "model_fields", {}):
            annotation = annotation.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        candidates += [b for a in candidates for b in getattr(a, "__args__", ())]
        annotation = next((a for a in candidates if hasattr(a, "model_fields")), annotation)
    return list(getattr(annotation, "model_fields", {}))


def load_datasets(configs: Path) -> dict[str, schema.Dataset]:
    """Every dataset of `configs/datasets.yaml`, by name.

    Raises:
        ConfigurationError: a fault in the file.
    """
    entries = read_named(configs, "datasets")
    return {
        name: validate(schema.Dataset, _entry(entries, name, "dataset"), f"datasets.yaml: {name}")
        for name in entries
    }


def _variants(methods: dict[str, Any], variants: dict[str, Any]) -> dict[str, Any]:
    """The experiment's own methods; one `like` the method whose name it takes is that, changed."""
    found = {}
    for name, entry in variants.items():
        mapping(entry, name)
        own = isinstance(entry, dict) and entry.get("like") == name and name in methods
        rest = {key: value for key, value in entry.items() if key != "like"} if own else entry
        found[name] = merge(methods[name], rest) if own else entry
    return found


def _changes(content: Any, source: Any, place: str) -> dict[str, Any]:
    """What a file says of an experiment, every value with its source.

    Args:
        content: The part of the file.
        source: The file's, for values that state none; the part may have one of its own.
        place: Of the part, for messages.
    """
    content = dict(mapping(content, place))
    return shorthand.with_source(content, content.pop("source", source), Written)


def _experiment(configs: Path, name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """A file of `configs/experiments/`, with the one it is `like`; `above` led to it."""
    if name in above:
        way = " -> ".join((*above, name))
        raise ConfigurationError(f"Experiment `{name}` must not lead to itself by `like`: {way}.")
    content = _changes(read_named(configs / "experiments", name), None, f"experiments/{name}.yaml")
    if "like" not in content:
        return content
    base = _experiment(configs, str(content.pop("like")), (*above, name))
    return merge(base, content)


def _methods(methods: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """The entries that an experiment's `methods` and `variants` name, resolved, in their order."""
    variants = mapping(content.pop("variants", None), "variants")
    sweeps = shorthand.expand(variants)
    points = {name: entry for sweep in sweeps.values() for name, entry in sweep.items()}
    looks = {name: {"marker": palette.look(i)["marker"]} for i, name in enumerate(points)}
    variants = {n: v for n, v in variants.items() if n not in sweeps}
    variants |= {name: looks[name] | entry for name, entry in points.items()}
    entries = methods | _variants(methods, variants)
    chosen = content.get("methods") or []
    if not isinstance(chosen, list):
        raise ConfigurationError(f"`methods` must be a list. Found {short(chosen)}.")
    names = [name for m in chosen for name in (sweeps.get(m, [m]) if isinstance(m, str) else [m])]
    return {name: _entry(entries, name, "method") for name in names}


def load_study(configs: Path, name: str) -> schema.Study:
    """One study with everything it names, resolved and checked.

    Raises:
        ConfigurationError: an unknown name or key, or an illegal value, with its place and remedy.
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
    used = {e.dataset: datasets[e.dataset] for e in experiments.values()}
    content = study | {"experiments": experiments, "datasets": used}
    return validate(schema.Study, content, f"studies/{name}.yaml")


def values(model: Any, digested: bool = False) -> Any:
    """A model as plain values, without the sources: what determines a run's numbers.

    Args:
        model: a configuration or a part of one.
        digested: leave out keys at their defaults that a digest ignores (`schema.Model.later`).
    """
    if isinstance(model, schema.Sourced):
        return values(model.value, digested)
    if isinstance(model, schema.Model):
        keys = type(model).model_fields
        if digested:
            keys = [
                key
                for key, field in keys.items()
                if key not in model.later or getattr(model, key) != field.default
            ]
        return {key: values(getattr(model, key), digested) for key in keys}
    if isinstance(model, dict):
        return {key: values(value, digested) for key, value in model.items()}
    if isinstance(model, list):
        return [values(item, digested) for item in model]
    return model


# Words and colours: they show in tables and figures and change no number of a run.
COSMETIC = {
    "label",
    "citation",
    "colour",
    "marker",
    "reported_as",
    "title",
    "licence",
    "homepage",
    "urls",
}


def _numbers(content: Any) -> Any:
    if isinstance(content, dict):
        return {k: _numbers(v) for k, v in content.items() if k not in COSMETIC}
    return [_numbers(item) for item in content] if isinstance(content, list) else content


def pick(kind: str, name: str, entries: dict[str, Any]) -> Any:
    """The entry of that name.

    Raises:
        ConfigurationError: there is none.
    """
    if name not in entries:
        raise ConfigurationError(f"Unknown {kind} `{name}`. {plugins.nearest(name, list(entries))}")
    return entries[name]


def run_settings(
    study: schema.Study, experiment: str, method: str, digested: bool = False
) -> dict[str, Any]:
    """All that determines the numbers of a run beside its seed, its archives and its device.

    Args:
        study: the configuration.
        experiment: one of its experiments.
        method: one of the experiment's methods.
        digested: as `values` takes it.

    Raises:
        ConfigurationError: the study has no such experiment or method.
    """
    chosen = pick("experiment", experiment, study.experiments)
    pick("method", method, chosen.methods)
    settings = values(chosen, digested)
    del settings["methods"], settings["seeds"]
    dataset = values(study.datasets[chosen.dataset], digested)
    settings["data"] = {key: dataset[key] for key in ("module", "parameters", "standin", "tasks")}
    return _numbers(settings | {"method": values(chosen.methods[method], digested)})


def run_digest(study: schema.Study, experiment: str, method: str) -> str:
    """A digest that changes exactly when a run's settings do."""
    return records.digest(run_settings(study, experiment, method, digested=True))
