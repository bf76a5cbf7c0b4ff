"""All that determines the numbers of a run, as plain values, and its digest."""

from typing import Any

from .. import plugins
from ..files import atomic
from . import schema
from .run_settings import RunSettings
from .yaml_files import ConfigurationError


def values(model: Any, digested: bool = False) -> Any:
    """Reduce a model to plain values, without the sources: what determines a run's numbers.

    Args:
        model: A configuration or a part of one.
        digested: Leave out keys at their defaults that a digest ignores (`schema.Model.later`).
    """
    if isinstance(model, schema.Sourced):
        return values(model.value, digested)
    if isinstance(model, schema.Model):
        keys = [
            key
            for key, field in type(model).model_fields.items()
            if not (digested and key in model.later and _default(model, key, field.default))
        ]
        return {key: values(getattr(model, key), digested) for key in keys}
    if isinstance(model, dict):
        return {key: values(value, digested) for key, value in model.items()}
    if isinstance(model, list):
        return [values(item, digested) for item in model]
    return model


def _default(model: schema.Model, key: str, default: Any) -> bool:
    """Whether a key has its default value, wherever that was stated."""
    return values(getattr(model, key)) == values(default)


# Words and colours: tables and figures show them; they change no number of a run.
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


def numbers(content: Any) -> Any:
    """Plain values without what is cosmetic; a plug-in's parameters count whatever their names."""
    if isinstance(content, dict):
        kept = {k: v for k, v in content.items() if k not in COSMETIC}
        return {k: v if k == "parameters" else numbers(v) for k, v in kept.items()}
    return [numbers(item) for item in content] if isinstance(content, list) else content


def pick(kind: str, name: str, entries: dict[str, Any]) -> Any:
    """Look up the entry of that name.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in entries:
        raise ConfigurationError(f"Unknown {kind} `{name}`. {plugins.nearest(name, list(entries))}")
    return entries[name]


def run_settings(
    study: schema.Study, experiment: str, method: str, digested: bool = False
) -> RunSettings:
    """Collect what determines a run's numbers, besides its seed, its archives and its device.

    Args:
        study: The configuration.
        experiment: One of its experiments.
        method: One of the experiment's methods.
        digested: As `values` takes it.

    Raises:
        ConfigurationError: The study has no such experiment or method.
    """
    content = pick("experiment", experiment, study.experiments)
    pick("method", method, content.methods)
    settings = values(content, digested)
    del settings["methods"], settings["seeds"], settings["tuning"]
    dataset = values(study.datasets[content.dataset], digested)
    settings["data"] = {key: dataset[key] for key in ("module", "parameters", "standin", "tasks")}
    settings["method"] = values(content.methods[method], digested)
    return numbers(settings)


def run_digest(study: schema.Study, experiment: str, method: str) -> str:
    """Compute a digest that changes exactly when a run's settings do.

    Of a method that is tuned, its grid and the budget of tuning are part of the settings: they and
    the data decide which values it is trained with.
    """
    settings: dict[str, Any] = {**run_settings(study, experiment, method, digested=True)}
    if grid := study.experiments[experiment].grid(method):
        tuning = values(study.experiments[experiment].tuning)
        settings["tuning"] = {**tuning, "grids": grid}
    return atomic.digest(settings)
