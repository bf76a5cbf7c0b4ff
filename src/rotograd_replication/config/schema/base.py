"""A value with its source, and parameters of plug-ins: what every configuration is made of."""

import functools
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from ... import plugins

T = TypeVar("T")
# `tuned` is not written in a file: it is the source of a value that validation has chosen.
Source = Annotated[str, Field(pattern=r"^(paper|official code|MTAN code|choice|tuned): .+")]
Share = Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]*$")]
Factor = Annotated[float, Field(gt=0, le=1)]
# What an annotation of a plug-in's parameter may be made of.
ANNOTATIONS = {
    "Factor": Factor,
    "Literal": Literal,
    "NonNegativeFloat": NonNegativeFloat,
    "NonNegativeInt": NonNegativeInt,
    "None": None,
    "PositiveFloat": PositiveFloat,
    "PositiveInt": PositiveInt,
    "Share": Share,
    "bool": bool,
    "float": float,
    "int": int,
    "list": list,
    "str": str,
}


class Model(BaseModel):
    """A mapping whose unknown keys are errors.

    `later` names keys that came after the first results: at its default, such a key is not part
    of a run's digest, so that a new option leaves earlier results valid.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    later: ClassVar[frozenset[str]] = frozenset()


class Sourced(Model, Generic[T]):
    """A value and where it comes from: the paper, published code, or our choice and why."""

    # `true` is no number, and "4" is none.
    model_config = ConfigDict(strict=True)

    value: T
    source: Source

    @pydantic.model_validator(mode="before")
    @classmethod
    def _has_source(cls, content: Any) -> Any:
        if isinstance(content, dict | Sourced):
            return content
        raise ValueError(
            'must state its source, `{value: ..., source: "choice: why"}`, or the file one for all '
            f"its values, `source: ...` at its top. Found {content!r}"
        )


Parameters = dict[str, Sourced[Any]]


def check_labels(what: str, labels: Iterable[str]) -> None:
    """Refuse a label that two have: tables and figures tell things apart by it.

    Raises:
        ValueError: names the label.
    """
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            raise ValueError(f"`{what}` must have different labels. Found `{label}` twice.")
        seen.add(label)


@functools.cache
def _adapter(annotation: str) -> pydantic.TypeAdapter[Any]:
    """Build what checks a parameter by the annotation that its plug-in gives.

    Raises:
        ValueError: There is none, or it is made of something else.
    """
    try:
        kind = eval(annotation, {"__builtins__": {}}, ANNOTATIONS)
    except (NameError, SyntaxError, TypeError, AttributeError):
        legal = ", ".join(ANNOTATIONS)
        raise ValueError(
            f"must have an annotation of {legal}. Found {annotation or 'none'}"
        ) from None
    return pydantic.TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))


def check_parameters(package: str, module: str, given: Parameters, function: str = "build") -> None:
    """Refuse parameters that the plug-in does not take, lacks or types otherwise.

    Raises:
        ValueError: Names the plug-in, the parameter and the legal ones.
    """
    legal = plugins.parameters(package, module, function)
    for name in given:
        if name not in legal:
            hint = plugins.nearest(name, list(legal)) if legal else "It takes none."
            raise ValueError(f"`{name}` is not a parameter of {package}/{module}. {hint}")
    for name, (annotation, required) in legal.items():
        if name in given:
            try:
                adapter = _adapter(annotation)
            except ValueError as error:
                raise ValueError(f"`{name}` of {package}/{module}.py {error}.") from None
            try:
                adapter.validate_python(given[name].value, strict=True)
            except pydantic.ValidationError as error:
                found = given[name].value
                rule = error.errors()[0]["msg"]
                raise ValueError(f"`{name}` of {module}: {rule}. Found {found!r}.") from error
        elif required:
            raise ValueError(f"`{name}` of {package}/{module} must be given. Found none.")
