"""One network in training, batch by batch, and all of its state that a checkpoint must hold."""

import logging
import time
from typing import Any

import torch
import tqdm
from torch import Tensor

from ..data.loader import Loader
from ..models import network
from ..runtime import device as runtime
from ..runtime import rng as generators
from ..tasks.group import Tasks
from . import diagnostics, divergence
from .checkpoint import EVIDENCE, Checkpoints, State
from .optimizers import Optimizers
from .step import task_step
from .validation import NotFinite, appearance, validation

log = logging.getLogger(__name__)
# What a trainer counts: kept by name in its saved state.
PLACE = ("epoch", "batch", "steps", "samples", "names", "rows", "best", "best_epoch")


class Trainer:
    """One network in training: everything that decides what its next batch does to it.

    Attributes:
        epoch: the epoch under way, from 1.
        batch: its batches done.
        steps: batches done in all epochs.
        rows: the history so far, a row per epoch, from epoch 0, before training.
        best_epoch: the epoch of the smallest validation error, as `selection` defines it.
        best_state: the network's parameters after it.
        diverged: where and how the training came to nothing; None as long as it goes well.
        seconds: of training, those of earlier processes too.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        tasks: Tasks,
        columns: list[int],
        seed: int,
        train: Loader,
        val: Loader,
        device: torch.device,
    ) -> None:
        self.settings, self.tasks, self.columns = settings["training"], tasks, columns
        self.train, self.val, self.device = train, val, device
        self.net = network.build(settings, tasks, seed)
        self.net.to(device, memory_format=torch.channels_last)
        self.optimizers = Optimizers(self.net, settings)
        self.generator = runtime.generator(seed, stream=0)
        self.unit_loss = torch.ones(len(tasks), device=device)
        self.order = torch.empty(0, dtype=torch.long)
        self.epoch, self.batch, self.steps = 1, 0, 0
        self.rows: list[dict[str, float]] = []
        self.best, self.best_epoch = float("inf"), 0
        self.best_state: dict[str, Tensor] = {}
        self.diverged: dict[str, Any] | None = None
        self.start, self.earlier = time.perf_counter(), 0.0
        self._begin_epoch()

    @property
    def seconds(self) -> float:
        """Of training, those of earlier processes too."""
        return self.earlier + time.perf_counter() - self.start

    def run(self, saved: Checkpoints) -> None:
        """Train to the end, from the newest state saved if there is one.

        Raises:
            Preempted: the process was asked to end; the state is saved.
        """
        if state := saved.load():
            self.load(state)
            log.info("%s: going on from epoch %d, batch %d", saved.folder, self.epoch, self.batch)
        try:
            self._run(saved)
        except divergence.Diverged as error:
            self.diverged = {"epoch": self.epoch, "batch": self.batch, "what": error.what}
            log.warning("%s diverged in epoch %d: %s", saved.name, self.epoch, error.what)
            saved.keep(EVIDENCE, self.state())

    def _run(self, saved: Checkpoints) -> None:
        if not self.rows:
            self.rows.append({"epoch": 0, **self._assess()})
        total, done = self.settings["epochs"], self.epoch - 1
        shown = {"desc": saved.label, "unit": "epoch", "disable": None}
        with tqdm.tqdm(total=total, initial=done, **shown) as bar:
            while self.epoch <= total:
                if not self.batch:
                    self.order = self.train.permutation(self.generator)
                for x, y in self.train.batches(self.order, self.generator, first=self.batch):
                    self._step(x, y[:, self.columns])
                    if saved.due():
                        saved.save(self.steps, self.state())
                self._end_epoch()
                self._begin_epoch()
                bar.update()
        saved.save(self.steps, self.state())

    def _begin_epoch(self) -> None:
        self.losses, self.samples = torch.zeros(len(self.tasks), device=self.device), 0
        self.measured: list[Tensor] = []
        self.names: list[str] = []

    def _step(self, x: Tensor, y: Tensor) -> None:
        """One batch."""
        retake = self.steps in (0, self.settings["loss_reference_step"])
        if retake and self.settings["normalize_losses"]:
            with torch.no_grad():
                self.unit_loss = self.tasks.losses(self.net(x), y).abs()
        self.optimizers.zero_grad()
        step, update = task_step(self.net, self.tasks, x, y, self.unit_loss)
        self.optimizers.step()
        self.losses += step.losses * len(x)
        self.samples += len(x)
        if self.batch % self.settings["diagnostics_every"] == 0:
            found = diagnostics.measure(step, update, self.tasks.names)
            self.names = list(found)
            self.measured.append(torch.stack(list(found.values())))
        self.batch += 1
        self.steps += 1
        if self.batch % divergence.EVERY == 0:
            divergence.check_losses(self.losses, self.tasks.names)

    def _end_epoch(self) -> None:
        """Write the history's row, keep the best parameters."""
        divergence.check_losses(self.losses, self.tasks.names)
        divergence.check_method(self.net.method, self.tasks.names)
        self.optimizers.end_epoch(self.epoch)
        row = {"epoch": self.epoch, "seconds": self.seconds}
        mean = (self.losses / self.samples).tolist()
        row |= {f"train_loss/{name}": x for name, x in zip(self.tasks.names, mean, strict=True)}
        row |= dict(zip(self.names, torch.stack(self.measured).mean(0).tolist(), strict=True))
        row |= self._assess()
        self.rows.append(row)
        error = self._validation_error(row)
        if error < self.best or not self.best_state:
            self.best, self.best_epoch = error, self.epoch
            self.best_state = {
                k: v.detach().cpu().clone() for k, v in self.net.state_dict().items()
            }
        self.epoch, self.batch = self.epoch + 1, 0

    def _validation_error(self, row: dict[str, float]) -> float:
        """What the kept parameters minimise over epochs."""
        losses = [row[f"val_loss/{name}"] for name in self.tasks.names]
        if self.settings["selection"] == "loss_sum":
            return sum(losses)
        first = [self.rows[0][f"val_loss/{name}"] for name in self.tasks.names]
        changes = [(x - x0) / max(abs(x0), 1e-12) for x, x0 in zip(losses, first, strict=True)]
        return sum(changes) / len(changes)

    def _assess(self) -> dict[str, float]:
        """The network on the validation split, and what it looks like."""
        try:
            found = validation(self.net, self.tasks, self.val, self.columns)
        except NotFinite as error:
            raise divergence.Diverged(f"{error} on the validation split") from error
        return found | appearance(self.net, self.tasks, self.val)

    def state(self) -> State:
        """All that decides how training goes on."""
        moments, optimizers = self.optimizers.state()
        parts = {
            "net": self.net.state_dict(),
            "optimizers": moments,
            "best": self.best_state,
            "generators": generators.states(self.net, self.generator, self.device),
            "epoch": {name: getattr(self, name) for name in ("order", "losses", "unit_loss")}
            | ({"measured": torch.stack(self.measured)} if self.measured else {}),
        }
        facts = {name: getattr(self, name) for name in (*PLACE, "seconds")}
        tensors = {f"{p}/{name}": value for p, one in parts.items() for name, value in one.items()}
        return State(tensors, facts | {"optimizers": optimizers})

    def load(self, state: State) -> None:
        """Go on from what `state` gave."""
        self.net.load_state_dict(state.part("net"))
        self.optimizers.load(state.part("optimizers"), state.facts["optimizers"])
        self.best_state = state.part("best")
        found = state.part("epoch")
        generators.restore(self.net, self.generator, self.device, state.part("generators"))
        self.order = found["order"]
        self.losses, self.unit_loss = (found[n].to(self.device) for n in ("losses", "unit_loss"))
        self.measured = list(found["measured"].to(self.device)) if "measured" in found else []
        for name in PLACE:
            setattr(self, name, state.facts[name])
        self.earlier = state.facts["seconds"]
