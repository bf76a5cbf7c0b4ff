"""A run's state: saved whole or not at all, and used only if it is undamaged.

The newest two states of a network are in one folder next to the run's outputs. Snakemake does not
know of them: it removes the outputs of a failed job, and these stay. A file holds tensors and plain
values (safetensors, no pickle), its own sha256 (`sealed`) and what run it belongs to: study,
method, seed, configuration, code, versions and data. A state of another run is set aside and the
difference is logged. In place of a damaged state the older one is used. Files are ordered by the
step in their names, never by their dates: clocks jump.
"""

import json
import logging
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..files import sealed
from ..files.atomic import atomic
from ..runtime.preemption import Preempted, StopRequests

log = logging.getLogger(__name__)
KEPT = 2
# The name of the last state of a run that diverged.
EVIDENCE = "diverged"


@dataclass(frozen=True)
class State:
    """Tensors by name, and values that JSON can hold."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    def part(self, name: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with `name/`, without that prefix."""
        prefix = f"{name}/"
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}


@dataclass(frozen=True)
class Saving:
    """Where and how often the processes of one job save a run.

    Attributes:
        folder: The folder of the run's checkpoints.
        every: The seconds between two states.
        requests: The signals that ask this process to end.
    """

    folder: Path
    every: float
    requests: StopRequests = field(default_factory=StopRequests)


@dataclass
class Checkpoints:
    """The saved states of one network of a run.

    Attributes:
        saving: Where and how often; None saves nothing.
        name: The network's name in the run, which is the folder's name.
        key: What a state must agree with for a run to resume from it.
        device: The device in words. A run resumes on another device too, and its record says so.
    """

    saving: Saving | None
    name: str
    key: dict[str, Any]
    device: str

    def __post_init__(self) -> None:
        self.devices = [self.device]
        self.last = time.monotonic()
        self.folder = self.saving.folder / self.name if self.saving else None

    @property
    def label(self) -> str:
        """Short name of the run and its network."""
        run = [str(self.key[part]) for part in ("experiment", "method", "seed") if part in self.key]
        return "/".join([*run, self.name])

    def due(self) -> bool:
        """Return whether to save now: the interval is over, or the process was asked to end."""
        if self.saving is None:
            return False
        elapsed = time.monotonic() - self.last >= self.saving.every
        return elapsed or self.saving.requests.requested is not None

    def save(self, step: int, state: State) -> None:
        """Save the state after `step` steps; end the training if that was asked for.

        Raises:
            Preempted: The process was asked to end; the state is saved.
            OSError: The state cannot be saved, for instance because the disk is full.
        """
        if self.folder is None or self.saving is None:
            return
        self._write(self.folder / f"step{step:012d}.safetensors", state)
        for old in self._saved()[KEPT:]:
            old.unlink(missing_ok=True)
        self.last = time.monotonic()
        if self.saving.requests.requested:
            raise Preempted(
                f"asked to end by {self.saving.requests.requested}: saved after step {step} in "
                f"`{self.folder}`; the same command resumes from there"
            )

    def keep(self, name: str, state: State) -> None:
        """Save a state under a name from which no run resumes, as evidence."""
        if self.folder is not None:
            self._write(self.folder / f"{name}.safetensors", state)

    def load(self) -> State | None:
        """Load the newest undamaged state of this run; None if there is none."""
        for path in self._saved():
            try:
                state = self._read(path)
                difference = self._difference(state.facts["key"])
            except (ValueError, KeyError, TypeError, SafetensorError) as error:
                difference = f"it is damaged ({error})"
            if difference is None:
                self.devices = list(dict.fromkeys([*state.facts["devices"], self.device]))
                if len(self.devices) > 1:
                    log.warning("`%s` resumes on another device: %s", path, self.devices)
                return state
            aside = path.with_suffix(".refused")
            log.warning("No run resumes from `%s`: %s. Now `%s`.", path, difference, aside.name)
            path.replace(aside)
        return None

    def _saved(self) -> list[Path]:
        """List the saved states, the newest first."""
        return sorted(self.folder.glob("step*.safetensors"), reverse=True) if self.folder else []

    def _write(self, path: Path, state: State) -> None:
        tensors = {
            name: value.detach().cpu().contiguous().clone() for name, value in state.tensors.items()
        }
        facts = state.facts | {"key": self.key, "devices": self.devices}
        with atomic(path) as temporary:
            metadata = sealed.blank({"facts": json.dumps(facts)})
            safetensors.torch.save_file(tensors, temporary, metadata)
            sealed.seal(temporary)

    def _read(self, path: Path) -> State:
        sealed.check(path, "An older state is tried.")
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return State(tensors, json.loads(file.metadata()["facts"]))

    def _difference(self, key: dict[str, Any]) -> str | None:
        """Say how a state's run differs from this one; None if it does not."""
        own = json.loads(json.dumps(self.key))
        names = sorted(name for name in {*own, *key} if own.get(name) != key.get(name))
        if not names:
            return None
        return "; ".join(
            f"its `{name}` is {key.get(name)}, this run's is {own.get(name)}" for name in names
        )


def discard(folders: list[Path]) -> None:
    """Remove the checkpoints of runs whose outputs are all written; evidence stays."""
    for folder in folders:
        if not list(folder.rglob(f"{EVIDENCE}.safetensors")):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        for path in [*folder.rglob("step*.safetensors"), *folder.rglob("*.refused")]:
            path.unlink(missing_ok=True)
