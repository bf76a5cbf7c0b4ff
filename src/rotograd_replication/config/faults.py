"""What is wrong with a configuration: a line per fault, with its place, the rule and the remedy."""

from typing import Any

import pydantic

from .. import plugins
from .yaml_files import ConfigurationError, short


def validate(model: type[pydantic.BaseModel], content: Any, place: str) -> Any:
    """Build `model` from the content of `place`.

    Raises:
        ConfigurationError: One line per fault, with the nearest legal key.
    """
    try:
        return model.model_validate(content)
    except pydantic.ValidationError as error:
        raise ConfigurationError(
            "\n".join(explain(model, e, place) for e in error.errors())
        ) from None


def explain(model: type[pydantic.BaseModel], error: Any, place: str) -> str:
    """Say one of pydantic's errors in this project's words.

    Args:
        model: What was to be built.
        error: One entry of `ValidationError.errors()`.
        place: Where its content is written.
    """
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
    """List the legal keys at a place inside `model`."""
    annotation: Any = model
    for part in parents:
        if part in getattr(annotation, "model_fields", {}):
            annotation = annotation.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        candidates += [b for a in candidates for b in getattr(a, "__args__", ())]
        annotation = next((a for a in candidates if hasattr(a, "model_fields")), annotation)
    return list(getattr(annotation, "model_fields", {}))
