"""The grid of a method's own hyper-parameters: its candidates, and the study that has one of them.

A candidate is the method with a value in place for each parameter of its grid. It is trained for
the epochs of `tuning`, with its seeds; `choice` says which is taken.
"""

import itertools
from typing import Any

from .. import plugins
from ..files import atomic
from . import faults, schema, settings, shorthand
from .yaml_files import ConfigurationError

# What tells the rotations from other plug-ins of methods/: the parameter that names their map.
ROTATES = "parametrisation"
Values = dict[str, Any]


def tunable(method: schema.Method, rotation: schema.Optimizer) -> list[str]:
    """List the parameters that a grid may name for a method.

    Args:
        method: The entry.
        rotation: The optimiser of its rotations, if it has any.
    """
    own = list(plugins.parameters("methods", method.module))
    inner = tunable(method.inner, rotation) if method.inner else []
    optimizer = [k for k, v in rotation if isinstance(v, schema.Sourced)] if ROTATES in own else []
    return [*own, *(f"inner.{p}" for p in inner), *(f"rotation.{key}" for key in optimizer)]


def candidates(experiment: schema.Experiment, method: str) -> list[Values]:
    """List every combination of a method's grid; the last parameter changes fastest."""
    grid = experiment.grid(method)
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def text(values: Values) -> str:
    """Name a candidate, as a folder may be named: `alpha=0.5,rotation.learning_rate=1e-3`."""
    return ",".join(f"{key}={shorthand.written(value)}" for key, value in values.items())


def sourced(values: Values) -> dict[str, schema.Sourced]:
    """Write a candidate's values as a configuration has them."""
    source = "choice: a value of the grid"
    return {name: schema.Sourced(value=value, source=source) for name, value in values.items()}


def with_values(
    study: schema.Study, experiment: str, method: str, values: dict[str, schema.Sourced]
) -> schema.Study:
    """Change the study so that `method` has these values and is no longer tuned.

    Args:
        study: The configuration.
        experiment: One of its experiments.
        method: One of the experiment's methods.
        values: Parameter -> its value.

    Raises:
        ConfigurationError: A parameter that the method does not have, or a value out of its range.
    """
    old = study.experiments[experiment]
    new = _changed(old.methods[method], old.training.rotation, values)
    tuning = old.tuning
    if tuning:
        grids = {name: grid for name, grid in tuning.grids.items() if name != method}
        tuning = tuning.model_copy(update={"grids": grids})
    changed = old.model_copy(update={"methods": old.methods | {method: new}, "tuning": tuning})
    return study.model_copy(update={"experiments": study.experiments | {experiment: changed}})


def _changed(
    method: schema.Method, rotation: schema.Optimizer, values: dict[str, schema.Sourced]
) -> schema.Method:
    """Put these values into the method.

    Raises:
        ConfigurationError: A parameter that it does not have, or a value out of its range.
    """
    legal = tunable(method, rotation)
    content = method.model_dump()
    for parameter, value in values.items():
        if parameter not in legal:
            hint = plugins.nearest(parameter, legal) if legal else "It has none."
            raise ConfigurationError(f"`{parameter}` is not a parameter of it. {hint}")
        *path, name = parameter.split(".")
        part = content
        for key in path:
            part[key] = part[key] or rotation.model_dump()
            part = part[key]
        if path[-1:] != ["rotation"]:
            part = part["parameters"]
        part[name] = value.model_dump()
    return faults.validate(schema.Method, content, "its grid")


def check(experiment: schema.Experiment, place: str) -> None:
    """Refuse a grid that cannot be trained.

    Args:
        experiment: The configuration.
        place: Where it is written.

    Raises:
        ConfigurationError: A method that the experiment does not have, a parameter that the method
            does not have, a value out of its range or given twice.
    """
    grids = experiment.tuning.grids if experiment.tuning else {}
    for method, grid in grids.items():
        start = f"{place}: tuning.grids.{method}"
        if method not in experiment.methods:
            hint = plugins.nearest(method, list(experiment.methods))
            raise ConfigurationError(f"{start}: not a method of this experiment. {hint}")
        if not grid:
            raise ConfigurationError(f"{start}: must name a parameter and its values. Found none.")
        for parameter, listed in grid.items():
            names = [shorthand.written(value) for value in listed.value]
            if len(set(names)) < len(names):
                found = ", ".join(names)
                raise ConfigurationError(
                    f"{start}.{parameter}: must have each value once. Found {found}."
                )
        features = experiment.network.features.value
        for values in candidates(experiment, method):
            entry = experiment.methods[method]
            try:
                entry = _changed(entry, experiment.training.rotation, sourced(values))
                schema.check_subspace(method, entry, features)
            except ValueError as error:
                raise ConfigurationError(f"{start}: {error}") from None


def digest(study: schema.Study, experiment: str, method: str) -> str:
    """Compute a digest that changes exactly when a candidate's settings or the seeds do."""
    content = study.experiments[experiment]
    runs = [
        settings.run_digest(of_candidate(study, experiment, method, values), experiment, method)
        for values in candidates(content, method)
    ]
    return atomic.digest([content.tuning and content.tuning.seeds.value, runs])


def of_candidate(study: schema.Study, experiment: str, method: str, values: Values) -> schema.Study:
    """Make the study in which a candidate is trained: its values, and the epochs of tuning."""
    changed = with_values(study, experiment, method, sourced(values))
    old = changed.experiments[experiment]
    epochs = old.tuning.epochs if old.tuning else old.training.epochs
    training = old.training.model_copy(update={"epochs": epochs})
    new = old.model_copy(update={"training": training})
    return changed.model_copy(update={"experiments": changed.experiments | {experiment: new}})
