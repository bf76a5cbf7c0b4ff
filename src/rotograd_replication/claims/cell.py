"""One number of the paper's tables, ours and the paper's, as `verdicts.json` has it."""

from enum import StrEnum

from ..config import schema


class Agreement(StrEnum):
    """What our interval says of a reported number."""

    INSIDE = "inside our interval"
    NEAR = "within two standard errors"
    OUTSIDE = "outside"
    TOO_FEW = "too few seeds"
    NOT_COMPARED = "not compared"


class Replicated(schema.Model):
    """Our number in a cell.

    Attributes:
        n: How many seeds have it; 0 where it was not run.
        value: Their median.
        low: The lower end of its bootstrap interval; None below two seeds.
        high: The upper end.
        std: The standard deviation over seeds; None below two.
        coverage: How often such an interval covers at most, with so few seeds.
    """

    n: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    std: float | None = None
    coverage: float | None = None


class Reported(schema.Model):
    """The paper's number in a cell; all None where it prints none.

    Attributes:
        table: The paper's table.
        reported: The number.
        reported_std: Its standard deviation.
        reported_n: How many runs it is of.
        reported_source: Where it is printed.
        reported_note: What is doubtful about it.
    """

    table: str | None = None
    reported: float | None = None
    reported_std: float | None = None
    reported_n: int | None = None
    reported_source: str | None = None
    reported_note: str | None = None


class Cell(Replicated, Reported):
    """A number of the paper's tables: ours, the paper's, or both.

    Attributes:
        experiment: The experiment's name.
        method: The method's name.
        label: Its label, of the reference study where the study lacks it.
        metric: The quantity's name, as in `configs/paper/reported.csv`.
        label_metric: The quantity in words.
        standin: Whether the data are generated stand-ins.
        as_published: Whether its runs are configured as in the reference study.
        agreement: What ours says of the paper's; None where one of them is missing.
        reason: Why they are not compared.
    """

    experiment: str
    method: str
    label: str
    metric: str
    label_metric: str
    standin: bool
    as_published: bool
    agreement: Agreement | None
    reason: str | None
