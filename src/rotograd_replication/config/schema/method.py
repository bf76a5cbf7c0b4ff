"""`configs/methods.yaml`: a method, what it wraps, and the optimiser of its own parameters."""

from typing import Annotated, Literal

import pydantic
from pydantic import Field, PositiveFloat, PositiveInt

from .base import Factor, Model, Parameters, Sourced, check_parameters

Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
Marker = Literal[
    "o", "s", "^", "v", "<", ">", "D", "d", "p", "h", "H", "8", "P", "X", "*", "x", "4"
]  # matplotlib's


class Drops(Model):
    """A learning rate that is multiplied by `factor` when each epoch of `after` has ended."""

    after: Sourced[list[PositiveInt]]
    factor: Sourced[Factor]


class Optimizer(Model):
    """An optimiser and the factor its learning rate is multiplied by after every step."""

    later = frozenset({"drops"})
    name: Sourced[Literal["radam", "adam", "sgd"]]
    learning_rate: Sourced[PositiveFloat]
    decay: Sourced[Factor]
    drops: Drops | None = None


class Method(Model):
    """An entry of `configs/methods.yaml`; `inner` names the method it wraps."""

    label: str
    module: str
    citation: str
    colour: Colour
    marker: Marker = "o"
    inner: "Method | None" = None
    parameters: Parameters = Field({})
    separate: bool = False
    reported_as: str | None = None
    rotation: Optimizer | None = None

    @pydantic.model_validator(mode="after")
    def _known(self) -> "Method":
        check_parameters("methods", self.module, self.parameters)
        if self.inner and (self.inner.separate or self.inner.rotation):
            raise ValueError(
                f"`separate` and `rotation` of {self.inner.label} must not be set where another "
                "method wraps it: they belong to the outermost method. Move them there."
            )
        return self
