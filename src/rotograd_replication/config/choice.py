"""What tuning has chosen for a method: `results/<study>/<experiment>/tuning/<method>.json`."""

from pathlib import Path
from typing import Any

from ..files import atomic
from . import faults, schema, shorthand, tuning
from .yaml_files import ConfigurationError


class Candidate(schema.Model):
    """One trained point of a grid.

    Attributes:
        values: Parameter -> value.
        errors: The smallest validation error of each seed's run, as `selection` defines it.
        diverged: What was not finite, and when, in the first run that diverged; None if none did.
        epochs: That its runs trained for before they ended or diverged, added up.
    """

    values: dict[str, Any]
    errors: tuple[float, ...]
    diverged: str | None
    epochs: int

    @property
    def error(self) -> float:
        """The mean over seeds; infinite if a run diverged."""
        return float("inf") if self.diverged else sum(self.errors) / len(self.errors)


class Choice(schema.Model):
    """A method's whole grid, trained, and what was chosen.

    Attributes:
        configuration: `tuning.digest` of the study it was made for.
        code: The digest of the training code.
        data: The sha256 of the prepared training and validation splits.
        selection: What the validation error is (`schema.Training`).
        epochs: Of every candidate.
        seeds: How many runs each candidate had.
        seconds: Of all of them.
        process: Device, versions and revision.
        candidates: In the order of the grid.
    """

    study: str
    experiment: str
    method: str
    configuration: str
    code: str
    data: dict[str, str]
    selection: str
    epochs: int
    seeds: int
    seconds: float
    process: dict[str, Any]
    candidates: tuple[Candidate, ...]

    @property
    def diverged(self) -> bool:
        """Whether every candidate did."""
        return all(candidate.diverged for candidate in self.candidates)

    @property
    def best(self) -> Candidate:
        """That of the smallest error, the first of equals; if all diverged, the one that lasted."""
        if self.diverged:
            return max(self.candidates, key=lambda candidate: candidate.epochs)
        return min(self.candidates, key=lambda candidate: candidate.error)

    @property
    def at_end(self) -> list[str]:
        """The parameters whose chosen value is the smallest or the largest number of their grid."""
        return [name for name in self.best.values if self._is_end(name)]

    @property
    def seeds_said(self) -> str:
        """The seeds of every candidate, in words."""
        return "seed 0" if self.seeds == 1 else f"seeds 0 to {self.seeds - 1}"

    @property
    def epochs_said(self) -> str:
        """The epochs of every candidate, in words."""
        return f"{self.epochs} epoch{'s' * (self.epochs != 1)}"

    @property
    def said(self) -> dict[str, str]:
        """Parameter -> which value of which grid, how it was chosen, and with which seeds."""
        how = f"on validation, {self.seeds_said}, {self.epochs_said}"
        if self.diverged:
            how += "; all diverged, this one last"
        return {
            name: f"{shorthand.written(value)} of {{{', '.join(self._names(name))}}} {how}"
            for name, value in self.best.values.items()
        }

    def _grid(self, name: str) -> list[Any]:
        return list(dict.fromkeys(candidate.values[name] for candidate in self.candidates))

    def _names(self, name: str) -> list[str]:
        return [shorthand.written(value) for value in self._grid(name)]

    def _is_end(self, name: str) -> bool:
        grid = self._grid(name)
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in grid)
        return numbers and len(grid) > 1 and self.best.values[name] in (min(grid), max(grid))


def read(path: Path) -> Choice:
    """Read what `tune` wrote.

    Raises:
        ConfigurationError: It is damaged.
    """
    remedy = "Delete it and run `tune` again."
    content = atomic.read_json(path, remedy, ConfigurationError)
    try:
        return faults.validate(Choice, content, str(path))
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} {remedy}") from None


def apply(study: schema.Study, choices: list[Choice]) -> schema.Study:
    """Put the chosen values into the study, each with how it was chosen as its source.

    Raises:
        ConfigurationError: A choice for a method that is not tuned, or of another configuration.
    """
    for choice in choices:
        where = f"{choice.experiment}/{choice.method}"
        experiment = study.experiments.get(choice.experiment)
        if experiment is None or not experiment.grid(choice.method):
            raise ConfigurationError(f"`{where}` is not tuned in this study. Remove its choice.")
        present = tuning.digest(study, choice.experiment, choice.method)
        if choice.configuration != present:
            raise ConfigurationError(
                f"`{where}` must be tuned under the present configuration, {present}. Found "
                f"tuning results of another one, {choice.configuration}. Tune it again: "
                f"snakemake tune --config study={choice.study}"
            )
    for choice in choices:
        values = {
            name: schema.Sourced(value=choice.best.values[name], source=f"tuned: {how}")
            for name, how in choice.said.items()
        }
        study = tuning.with_values(study, choice.experiment, choice.method, values)
    return study
