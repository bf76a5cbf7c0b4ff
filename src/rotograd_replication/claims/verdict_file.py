"""What `results/<study>/verdicts.json` holds: a verdict per claim, and every reported number.

Every key is always there; null (None) says that there is no such thing. Numbers are finite.
"""

from enum import StrEnum
from pathlib import Path
from typing import Literal

from ..config import faults, schema
from ..files import atomic
from .cell import Cell


class Verdict(StrEnum):
    """What results say of a claim, a test or a comparison."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "inconclusive"
    # Of a claim or a test: it has no results, or only those of generated data.
    NOT_RUN = "not run"
    STANDIN = "stand-in data"


class Scale(StrEnum):
    """What a difference is measured in."""

    ABSOLUTE = "absolute"
    PERCENT = "percent of against"
    SPREAD = "absolute deviation from the median"


class Judgement(schema.Model):
    """A verdict, and what would decide an open one.

    Attributes:
        verdict: The verdict.
        leaning: Where the observed means point, decided or not: holds or does not hold.
        more_seeds: How many more seeds would decide if differences stay as observed. 0 where it is
            decided; None where no number in reach would, or where it is unknown.
    """

    verdict: Verdict
    leaning: Verdict | None = None
    more_seeds: int | None = None


class Comparison(Judgement):
    """A method and another one, or a number, seed by seed.

    Attributes:
        method: The method's name.
        label: Its label.
        against: The other method's name; None where it is a number.
        against_label: The other's label, or the number.
        task: The task, where each is compared on its own.
        n: How many seeds both have.
        left_out: How many seeds miss a number: diverged, Δ undefined, no run, or a percentage of 0.
        difference: The mean over seeds of method minus against, on the `scale`.
        low: The lower end of its paired interval (Student's t); None below two seeds.
        high: The upper end.
        scale: What the difference is measured in; `absolute` is the quantity's unit.
        p: Two-sided, of the mean, or of the share where the test has one; None below two seeds.
        p_adjusted: After Holm over all comparisons of the claim.
        met: How many seeds, each taken alone, meet the relation.
        share_low: The lower end of the interval of their share (Clopper and Pearson).
        share_high: The upper end.
        improvement: The probability that a run of the method beats one of the other.
        margin: What the difference is compared with.
    """

    method: str
    label: str
    against: str | None
    against_label: str
    task: str | None
    n: int
    left_out: int
    difference: float | None
    low: float | None
    high: float | None
    scale: Scale
    p: float | None
    p_adjusted: float | None
    met: int
    share_low: float | None
    share_high: float | None
    improvement: float | None
    margin: float


class MeasuredQuantity(schema.Model):
    """The quantity that a test is about.

    Attributes:
        name: Its name in `configs/paper/quantities.yaml`.
        label: In words.
        direction: Which is better.
        unit: Its unit; empty if it has none.
    """

    name: str
    label: str
    direction: Literal["higher", "lower"]
    unit: str


class TestVerdict(Judgement):
    """What results, or arithmetic, say of one test.

    Attributes:
        id: A short name, its own in the file.
        hypothesis: A sentence that can be false.
        kind: Whether results decide it, or arithmetic (claim 8).
        experiment: The experiment's name; None for a computation.
        quantity: What is compared; None for a computation.
        relation: The words between method and against, such as "is better than".
        share: The share of the seeds in more than which the relation must hold; None where it must
            hold for their mean.
        minimum_n: Fewer common seeds never confirm or refute.
        n: The smallest n of its comparisons; 0 where none was run.
        reason: Why it has its verdict, in a sentence.
        printed: Whether the paper's own numbers meet it; None where it prints too few of them.
        standin: Whether the data are generated stand-ins.
        as_published: Whether every run compared is configured as in the reference study.
        data: The data's label; None where it was not run.
        comparisons: Empty where it was not run.
    """

    id: str
    hypothesis: str
    kind: Literal["comparison", "computation"]
    experiment: str | None = None
    quantity: MeasuredQuantity | None = None
    relation: str = ""
    share: float | None = None
    minimum_n: int = 0
    n: int = 0
    reason: str
    printed: Verdict | None = None
    standin: bool = False
    as_published: bool = True
    data: str | None = None
    comparisons: tuple[Comparison, ...] = ()


class ClaimVerdict(Judgement):
    """What the tests of a claim say of it.

    Attributes:
        id: A short name, such as `stability`.
        number: From 1 to 8.
        sentence: What the paper claims, in our words.
        source: Where it does.
        reason: How many of its tests have which verdict, in a sentence.
        counts: Verdict -> how many of its tests have it.
        tests: Its tests.
    """

    id: str
    number: int
    sentence: str
    source: str
    reason: str
    counts: dict[Verdict, int]
    tests: tuple[TestVerdict, ...]


class Settings(schema.Model):
    """How verdicts are computed; see `schema.Statistics`.

    Attributes:
        confidence: Of all intervals.
        tolerance: How much less an interval may cover for its cell to count.
        resamples: Of the bootstrap.
        power: At which `more_seeds` would decide.
    """

    confidence: float
    tolerance: float
    resamples: int
    power: float


class Verdicts(schema.Model):
    """The whole file.

    Attributes:
        study: The study's name.
        title: Its title.
        reference: The study that is configured as published.
        statistics: How the verdicts were computed.
        claims: In the order of `configs/paper/claims.yaml`.
        cells: Every number of the paper's tables.
        counts: The paper's table -> agreement, or `missing` -> how many cells.
    """

    study: str
    title: str
    reference: str
    statistics: Settings
    claims: tuple[ClaimVerdict, ...]
    cells: tuple[Cell, ...]
    counts: dict[str, dict[str, int]]


def read(path: Path) -> Verdicts:
    """Read what the verb `verdict` wrote.

    Raises:
        ValueError: It is damaged, or of another revision.
    """
    remedy = "Delete it and run `verdict` again."
    content = atomic.read_json(path, remedy)
    try:
        return faults.validate(Verdicts, content, f"`{path}`")
    except ValueError as error:
        raise ValueError(f"{error} {remedy}") from None
