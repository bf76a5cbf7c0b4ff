"""A run's state, saved whole or not at all, found unharmed or not used at all.

The newest two states of a network lie in one folder beside the run's outputs, of which Snakemake
knows nothing: it removes the outputs of a failed job, and these stay. A file holds tensors and
plain values (safetensors, no pickle), carries its sha256 (`sealed`) and says what run it belongs
to: study, method, seed, configuration, code, versions and data. One of another run is set aside and
the difference named; of a damaged one the older is taken. Files are ordered by the step in their
names, never by their dates: clocks jump.
"""

import contextlib
import errno
import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..files import atomic as records
from ..files import sealed as seals
from ..runtime import preemption as signals

log = logging.getLogger(__name__)
KEPT = 2


@dataclass(frozen=True)
class State:
    """Tensors by name, and values that JSON can hold."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `name/`, without it."""
        start = f"{name}/"
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


@dataclass(frozen=True)
class Saving:
    """Where and how often the processes of one job save a run.

    Attributes:
        folder: of the run's checkpoints.
        every: seconds between two states.
        requests: signals that ask this process to end.
    """

    folder: Path
    every: float
    requests: signals.Requests = field(default_factory=signals.Requests)


@dataclass
class Checkpoints:
    """The saved states of one network of a run.

    Attributes:
        saving: where and how often; None saves nothing.
        name: of the network in the run, the folder's name.
        key: what a state must agree with to be gone on from.
        device: in words; a state from another device is gone on from, and says so.
    """

    saving: Saving | None
    name: str
    key: dict[str, Any]
    device: str

    def __post_init__(self) -> None:
        self.devices = [self.device]
        self.last = time.monotonic()
        self.folder = self.saving and self.saving.folder / self.name

    @property
    def label(self) -> str:
        """The run and its network, in short."""
        run = [str(self.key[part]) for part in ("experiment", "method", "seed") if part in self.key]
        return "/".join([*run, self.name])

    def due(self) -> bool:
        """Whether to save now: the interval is over, or the process was asked to end."""
        if self.saving is None:
            return False
        late = time.monotonic() - self.last >= self.saving.every
        return late or self.saving.requests.requested is not None

    def save(self, step: int, state: State) -> None:
        """Save the state after `step` steps; end the process if that was asked for.

        Raises:
            Preempted: the process was asked to end; the state is saved.
            OSError: it cannot be saved, for one because the disk is full.
        """
        if self.folder is None or self.saving is None:
            return
        self._write(self.folder / f"step{step:012d}.safetensors", state)
        for old in self._found()[KEPT:]:
            old.unlink(missing_ok=True)
        self.last = time.monotonic()
        if self.saving.requests.requested:
            raise signals.Preempted(
                f"asked to end by {self.saving.requests.requested}: saved after step {step} in "
                f"`{self.folder}`; the same command goes on from there"
            )

    def keep(self, name: str, state: State) -> None:
        """Save a state under a name from which nothing goes on: evidence."""
        if self.folder is not None:
            self._write(self.folder / f"{name}.safetensors", state)

    def load(self) -> State | None:
        """The newest state that belongs to this run and is unharmed; None if there is none."""
        for path in self._found():
            try:
                state = self._read(path)
                difference = self._difference(state.facts["key"])
            except (ValueError, KeyError, TypeError, SafetensorError) as error:
                difference = f"it is damaged ({error})"
            if difference is None:
                self.devices = list(dict.fromkeys([*state.facts["devices"], self.device]))
                if len(self.devices) > 1:
                    log.warning("`%s` goes on from another device: %s", path, self.devices)
                return state
            aside = path.with_suffix(".refused")
            log.warning("`%s` is not gone on from: %s. Now `%s`.", path, difference, aside.name)
            path.replace(aside)
        return None

    def _found(self) -> list[Path]:
        """The saved states, the newest first."""
        return sorted(self.folder.glob("step*.safetensors"), reverse=True) if self.folder else []

    def _write(self, path: Path, state: State) -> None:
        tensors = {
            name: value.detach().cpu().contiguous().clone() for name, value in state.tensors.items()
        }
        facts = state.facts | {"key": self.key, "devices": self.devices}
        with records.atomic(path) as temporary:
            metadata = seals.blank({"facts": json.dumps(facts)})
            safetensors.torch.save_file(tensors, temporary, metadata)
            seals.seal(temporary)

    def _read(self, path: Path) -> State:
        seals.check(path, "An older one is looked for.")
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return State(tensors, json.loads(file.metadata()["facts"]))

    def _difference(self, found: dict[str, Any]) -> str | None:
        """How the run of a state differs from this one, in words; None if it does not."""
        wanted = json.loads(json.dumps(self.key))
        names = sorted({*wanted, *found})
        differing = [name for name in names if wanted.get(name) != found.get(name)]
        if not differing:
            return None
        return "; ".join(
            f"its `{name}` is {found.get(name)}, this run's is {wanted.get(name)}"
            for name in differing
        )


@contextlib.contextmanager
def exclusive(saving: Saving | None) -> Iterator[None]:
    """Hold a run for this process: a job whose workflow was killed may still be training it.

    The hold ends with the process, however that ends.

    Raises:
        BlockingIOError: another process holds it.
    """
    if saving is None:
        yield
        return
    saving.folder.mkdir(parents=True, exist_ok=True)
    with open(saving.folder / "lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise BlockingIOError(
                errno.EWOULDBLOCK,
                f"A run must be trained by one process. `{saving.folder}` is held by another "
                f"({file.read().strip() or 'unknown'}): wait for it, or end it",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {os.uname().nodename}")
        file.flush()
        yield


def discard(folders: list[Path]) -> None:
    """Remove the checkpoints of runs whose outputs are all in place; evidence stays."""
    for folder in folders:
        if not list(folder.rglob(f"{EVIDENCE}.safetensors")):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        for path in [*folder.rglob("step*.safetensors"), *folder.rglob("*.refused")]:
            path.unlink(missing_ok=True)


# The name of the last state of a run that diverged.
EVIDENCE = "diverged"
