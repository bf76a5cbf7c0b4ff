"""What a configuration file need not write in full: a source for every value, a variant per rate.

`source:` at the top of a file, or of an experiment in a study, holds for each value below it that
states none: `epochs: 8` is then `epochs: {value: 8, source: ...}`.

A variant whose name holds `{}` is a sweep: one of its values is a list, `{values: [...]}`, and each
of them is a variant of its own, with the value in place of `{}` in its name and label.
"""

import copy
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_args, get_origin

from .schema import Model, Sourced
from .yaml_files import ConfigurationError, mapping, short

PLACE = "{}"


def with_source(content: Any, source: Any, kind: Any) -> Any:
    """Give `source` to every value in the content of a file that states none.

    Args:
        content: What the file holds at one place; of any form, as nothing is checked yet.
        source: The file's, or None if it has none.
        kind: The annotation of that place in the schema.
    """
    if source is None:
        return content
    if get_origin(kind) is dict and isinstance(content, dict):
        value = get_args(kind)[1]
        return {key: with_source(inner, source, value) for key, inner in content.items()}
    model = next((k for k in (kind, *get_args(kind)) if _is_model(k)), None)
    if model is None:
        return content
    if issubclass(model, Sourced):
        if isinstance(content, dict):
            return {"source": source} | content
        return {"value": content, "source": source}
    if isinstance(content, dict):
        kinds = {key: field.annotation for key, field in model.model_fields.items()}
        return {key: with_source(v, source, kinds.get(key)) for key, v in content.items()}
    return content


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model)


def written(value: Any) -> str:
    """Write a value as names have it: `1e-5`, `1.5e-3`, `0.5`, `64`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return str(value)
    number = Decimal(repr(value)).normalize()
    plain = number.adjusted() in range(-1, 6)
    return f"{number:f}" if plain else f"{number:e}".replace("e+", "e")


def expand(variants: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Expand the sweeps among an experiment's variants: name with `{}` -> its variants by name.

    Args:
        variants: The entries as written.

    Raises:
        ConfigurationError: A sweep that names no list of values or several, an empty one, or a
            value twice.
    """
    return {name: _points(name, entry) for name, entry in variants.items() if PLACE in name}


def _points(name: str, entry: Any) -> dict[str, Any]:
    entry = mapping(entry, name)
    lists = list(_lists(entry, ()))
    if len(lists) != 1:
        found = " and ".join(".".join(path) for path, _ in lists) or "none"
        raise ConfigurationError(
            f"The sweep `{name}` must have one parameter with a list, such as "
            f"`learning_rate: {{values: [1.0e-4, 1.0e-3]}}`. Found {found}."
        )
    ((path, listed),) = lists
    values = listed["values"]
    if not isinstance(values, list) or not values:
        raise ConfigurationError(
            f"`values` of `{'.'.join(path)}` of `{name}` must be a list of at least one value. "
            f"Found {short(values)}."
        )
    points: dict[str, Any] = {}
    for value in values:
        point = value if isinstance(value, dict) else {"value": value}
        point = {key: listed[key] for key in listed if key != "values"} | point
        text = written(point.get("value"))
        key = name.replace(PLACE, text)
        if key in points:
            raise ConfigurationError(f"The sweep `{name}` must have each value once: {text}.")
        points[key] = variant = copy.deepcopy(entry)
        parent = variant
        for part in path[:-1]:
            parent = parent[part]
        parent[path[-1]] = point
        if isinstance(entry.get("label"), str):
            variant["label"] = entry["label"].replace(PLACE, text)
    return points


def _lists(entry: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Find where an entry gives a list of values in place of one."""
    for key, value in entry.items():
        if isinstance(value, dict):
            if "values" in value:
                yield (*above, key), value
            else:
                yield from _lists(value, (*above, key))
