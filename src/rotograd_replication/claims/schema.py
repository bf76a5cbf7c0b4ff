"""The paper's claims as hypotheses on results: the models of `configs/paper/claims.yaml`.

A claim holds where all its tests do. A test compares methods with others, or with a number, in one
quantity, seed by seed. Every margin, share and minimum of seeds has its source.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import Field, PositiveInt

from .. import plugins
from ..config import load as config
from ..config import schema

Share = Annotated[float, Field(gt=0, lt=1)]
# One run has no spread: it decides nothing.
Seeds = Annotated[int, Field(ge=2)]


class Statistics(schema.Model):
    """How intervals, verdicts and the number of missing seeds are reckoned.

    A cell counts where its interval can cover `confidence`, less `tolerance`, of the time.
    """

    confidence: schema.Sourced[Share]
    tolerance: schema.Sourced[Share]
    resamples: schema.Sourced[PositiveInt]
    power: schema.Sourced[Share]


class Quantity(schema.Model):
    """One number of a run: a statistic over tasks of what was measured on the test split.

    `of` is the relative improvement over the single-task network, the metric itself, or the hours
    of the run. A task with several metrics takes `metric`, or the mean of their improvements.
    `tasks` are all where none is named. `times` changes the unit. `at` says which parameters are
    measured: those of the best epoch, or those that training ends with, whose `metric` the history
    has on the validation split.
    """

    label: str
    of: Literal["delta", "value", "hours"]
    at: Literal["best_epoch", "last_epoch"] = "best_epoch"
    metric: schema.Name | None = None
    tasks: tuple[schema.Name, ...] = ()
    statistic: Literal["avg", "med", "min", "max", "std", "range", "each"]
    direction: Literal["higher", "lower"]
    unit: str
    times: float = 1.0

    @pydantic.model_validator(mode="after")
    def _recorded(self) -> "Quantity":
        if self.at == "last_epoch" and (self.of != "value" or self.metric is None):
            raise ValueError(
                "`at: last_epoch` must be of `value` and name its `metric`: the history has no "
                f"other. Found `of: {self.of}`, `metric: {self.metric}`."
            )
        return self


class Setting(schema.Model):
    """An experiment: its names in the paper's tables, and the seeds that a verdict needs."""

    minimum_n: schema.Sourced[Seeds]
    reported: str | None = None
    # Method -> its name in the paper's rows, where it is neither its own nor `reported_as`.
    names: dict[schema.Name, str] = Field(default={})
    # The quantities that the paper prints of it, named as in `configs/paper/reported.csv`.
    cells: tuple[schema.Name, ...] = ()


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

    Every one of `methods` stands in `relation` to every one (`need: all`), or to at least one
    (`any`), of `against`: methods, or a number. The relation holds by more than `margin` (`is
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


class Claims(schema.Model):
    """A whole `claims.yaml`; `reference` is the study that is configured as published."""

    reference: schema.Name
    statistics: Statistics
    quantities: dict[schema.Name, Quantity]
    experiments: dict[schema.Name, Setting]
    claims: list[Claim] = Field(min_length=1)


def load(configs: Path) -> tuple[Claims, schema.Study]:
    """The claims, every name in them checked against the reference study; and that study.

    Raises:
        ConfigurationError: an unknown name or key, with its place and the nearest legal one.
    """
    content = config.read_named(configs / "paper", "claims")
    claims = config.validate(Claims, content, "claims.yaml")
    reference = config.load_study(configs, claims.reference)
    for name, setting in claims.experiments.items():
        _check(f"experiments: {name}", "experiment", [name], reference.experiments)
        _check(f"experiments: {name}", "quantity", setting.cells, claims.quantities)
        methods = reference.experiments[name].methods
        _check(f"experiments: {name}: names", "method", list(setting.names), methods)
        for cell in setting.cells:
            _check_tasks(f"experiments: {name}: {cell}", claims.quantities[cell], reference, name)
    seen: set[str] = set()
    for claim in claims.claims:
        for test in claim.tests:
            if test.id in seen:
                raise config.ConfigurationError(
                    f"claims.yaml: `id` of a test must be its own. Found `{test.id}` twice."
                )
            seen.add(test.id)
            if isinstance(test, Test):
                _check_test(f"{claim.id}: {test.id}", test, claims, reference)
    return claims, reference


def _check_test(place: str, test: Test, claims: Claims, reference: schema.Study) -> None:
    _check(place, "experiment", [test.experiment], claims.experiments)
    _check(place, "quantity", [test.quantity], claims.quantities)
    named = [*test.methods, *(other for other in test.against if isinstance(other, str))]
    _check(place, "method", named, reference.experiments[test.experiment].methods)
    _check_tasks(place, claims.quantities[test.quantity], reference, test.experiment)
    if test.percent and len(named) < len(test.methods) + len(test.against):
        raise config.ConfigurationError(
            f"claims.yaml: {place}: `percent` must compare with methods. "
            f"Found the numbers {[a for a in test.against if not isinstance(a, str)]}."
        )


def _check_tasks(place: str, quantity: Quantity, study: schema.Study, experiment: str) -> None:
    tasks = study.datasets[study.experiments[experiment].dataset].tasks
    _check(place, "task", quantity.tasks, [task.name for task in tasks])


def _check(place: str, kind: str, names: Iterable[str], legal: dict | list) -> None:
    for name in names:
        if name not in legal:
            hint = plugins.nearest(name, list(legal))
            raise config.ConfigurationError(
                f"claims.yaml: {place}: unknown {kind} `{name}`. {hint}"
            )
