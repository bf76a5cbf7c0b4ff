"""The paper's claims as hypotheses on results: the models of `configs/paper/claims.yaml`.

A claim holds where all its tests do. A test compares methods with others, or with a number, in one
quantity, seed by seed. Every margin, share and minimum of seeds has its source.
"""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from ..config import schema
from ..results.quantities import Printed, Quantity

Share = Annotated[float, Field(gt=0, lt=1)]
# One run has no spread: it decides nothing.
Seeds = Annotated[int, Field(ge=2)]


class Statistics(schema.Model):
    """How intervals, verdicts and the number of missing seeds are computed.

    A cell counts where its interval can cover `confidence`, less `tolerance`, of the time.
    """

    confidence: schema.Sourced[Share]
    tolerance: schema.Sourced[Share]
    resamples: schema.Sourced[PositiveInt]
    power: schema.Sourced[Share]


class Setting(schema.Model):
    """What a verdict on an experiment needs."""

    minimum_n: schema.Sourced[Seeds]


Relation = Literal[
    "is better than",
    "is worse than",
    "is not better than",
    "is not worse than",
    "is as good as",
    "is noisier than",
]


class Test(schema.Model):
    """A sentence that results can refute.

    Each of `methods` has the `relation` to each (`need: all`), or to at least one (`any`), of
    `against`: methods, or a number. The relation holds by more than `margin` (`is
    better than`), or up to it (`is not better than`, `is as good as`); it is in the quantity's
    unit, or in percent of the other's value. It holds for the mean over seeds or, where `share` is
    set, in each of more than this share of the seeds.
    """

    id: schema.Name
    hypothesis: str
    experiment: schema.Name
    methods: list[schema.Name] = Field(min_length=1)
    relation: Relation
    against: list[schema.Name | float] = Field(min_length=1)
    quantity: schema.Name
    margin: schema.Sourced[Annotated[float, Field(ge=0)]] | None = None
    percent: bool = False
    share: schema.Sourced[Share] | None = None
    need: Literal["all", "any"] = "all"

    @property
    def compared(self) -> list[str]:
        """The names of all methods that it compares."""
        return [*self.methods, *(other for other in self.against if isinstance(other, str))]


class Computation(schema.Model):
    """A sentence that arithmetic can refute: a case of `proposition`."""

    id: schema.Name
    hypothesis: str
    computation: Literal["two_tasks", "no_conflict"]


class Claim(schema.Model):
    """What the paper says, in our words."""

    id: schema.Name
    number: PositiveInt
    sentence: str
    source: str
    tests: list[Test | Computation] = Field(min_length=1)


class File(schema.Model):
    """A whole `claims.yaml`; `reference` is the study that is configured as published."""

    reference: schema.Name
    statistics: Statistics
    experiments: dict[schema.Name, Setting]
    claims: list[Claim] = Field(min_length=1)


class Claims(File):
    """The claims with the quantities that they are about."""

    quantities: dict[schema.Name, Quantity]
    printed: dict[schema.Name, Printed]
