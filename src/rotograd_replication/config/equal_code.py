"""Training code and prepared data whose runs count as the present: `configs/equivalent_code.yaml`.

A run's record keeps the digest of the code that trained it. Where other code trains the same
models, an entry of the ledger says so with its evidence, and the run is not stale. Everything that
compares the code of a run with the present code asks `TrainingCode.trained`.

Equality has no direction and is passed on: with `a` same as `b` and `b` same as `c`, runs of `a`
count where the present code is `c`, and runs of `c` where it is `a` again.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .. import plugins
from . import faults, schema, shorthand, yaml_files

LEDGER = "equivalent_code"
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Text = Annotated[str, Field(min_length=1)]


class Entry(schema.Model):
    """Two digests of training code that trains the same models.

    Attributes:
        was: The earlier digest.
        same_as: The later digest.
        methods: For which methods; all if none is named.
        why: What was changed.
        evidence: Which runs were trained again and gave the same models.
    """

    was: Digest
    same_as: Digest
    methods: tuple[schema.Name, ...] = ()
    why: Text
    evidence: Text

    @model_validator(mode="after")
    def _two_digests(self) -> "Entry":
        if self.was == self.same_as:
            raise ValueError(f"`was` and `same_as` must differ. Found {self.was} twice")
        return self


class DataEntry(schema.Model):
    """Prepared files of one dataset that hold the same tensors, to the byte.

    Attributes:
        dataset: Its name.
        was: The sha256 of the earlier file of each split.
        same_as: Those of the later files.
        why: What differs.
        evidence: How the tensors are known to be the same.
    """

    dataset: schema.Name
    was: dict[Literal["train", "val", "test"], schema.Sha256]
    same_as: dict[Literal["train", "val", "test"], schema.Sha256]
    why: Text
    evidence: Text

    @model_validator(mode="after")
    def _same_splits(self) -> "DataEntry":
        if self.was.keys() != self.same_as.keys():
            found = f"{', '.join(self.was)} and {', '.join(self.same_as)}"
            raise ValueError(f"`was` and `same_as` must name the same splits. Found {found}")
        return self


class Ledger(schema.Model):
    """The whole file; the earliest entry comes first."""

    equal_code: tuple[Entry, ...]
    equal_data: tuple[DataEntry, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "Ledger":
        seen: set[tuple[str, str]] = set()
        for entry in self.equal_code:
            pair = (entry.was, entry.same_as)
            if pair in seen or pair[::-1] in seen:
                raise ValueError(
                    f"two digests must have one entry. Found {' and '.join(pair)} twice: merge them"
                )
            seen.add(pair)
        return self


@dataclass(frozen=True)
class TrainingCode:
    """The present training code.

    Attributes:
        digest: Of its sources.
        equal: Which code counts as equal.
    """

    digest: str
    equal: tuple[Entry, ...] = ()

    def trained(self, digest: str, method: str) -> bool:
        """Say whether code of that digest counts as the present one for a run of `method`."""
        return digest in self._digests(method)

    def _digests(self, method: str) -> set[str]:
        """Collect the digests of code that is equal to the present code for a method."""
        pairs = [{e.was, e.same_as} for e in self.equal if not e.methods or method in e.methods]
        equal = {self.digest}
        while new := [pair for pair in pairs if pair & equal and not pair <= equal]:
            equal = equal.union(*new)
        return equal


def load(configs: Path, digest: str) -> TrainingCode:
    """Read the ledger, for the present training code.

    Args:
        configs: The folder that holds the ledger.
        digest: Of the present training code.

    Raises:
        ConfigurationError: A fault in the ledger, with its place and the remedy.
    """
    ledger = _read(configs)
    named = {method for entry in ledger.equal_code for method in entry.methods}
    legal = _methods(configs) if named else set()
    for method in sorted(named - legal):
        hint = plugins.nearest(method, list(legal))
        raise yaml_files.ConfigurationError(f"{LEDGER}.yaml: unknown method `{method}`. {hint}")
    return TrainingCode(digest, ledger.equal_code)


def same_data(configs: Path) -> dict[str, str]:
    """Read which prepared files are equal: the sha256 of an earlier file -> of the latest.

    Args:
        configs: The folder that holds the ledger.

    Raises:
        ConfigurationError: A fault in the ledger, with its place and the remedy.
    """
    ledger = _read(configs)
    latest: dict[str, str] = {}
    for entry in reversed(ledger.equal_data):
        for split, was in entry.was.items():
            later = entry.same_as[split]
            latest[was] = latest.get(later, later)
    return latest


def _read(configs: Path) -> Ledger:
    return faults.validate(Ledger, yaml_files.read_named(configs, LEDGER), f"{LEDGER}.yaml")


def _methods(configs: Path) -> set[str]:
    """List the methods of all experiments and studies, with their variants."""
    methods = set(yaml_files.read_named(configs, "methods"))
    files = [*configs.glob("experiments/*.yaml"), *configs.glob("studies/*.yaml")]
    for file in files:
        with contextlib.suppress(yaml_files.ConfigurationError):  # another study's, half written
            content = yaml_files.mapping(yaml_files.read_yaml(file), file.name)
            named = yaml_files.mapping(content.get("experiments"), file.name)
            for experiment in (content, *named.values()):
                part = yaml_files.mapping(experiment, file.name)
                variants = yaml_files.mapping(part.get("variants"), file.name)
                sweeps = shorthand.expand(variants)
                methods |= variants.keys() - sweeps.keys() | {n for s in sweeps.values() for n in s}
    return methods
