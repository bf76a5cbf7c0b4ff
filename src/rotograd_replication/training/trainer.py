"""One network in training, batch by batch, and all of its state that a checkpoint must hold."""

import logging
import time
from typing import Any

import torch
import tqdm
from torch import Tensor

from ..config.run_settings import RunSettings
from ..data.loader import Loader
from ..models import network
from ..runtime import rng
from ..tasks.group import Tasks, take
from . import diagnostics, divergence
from .checkpoint import EVIDENCE, Checkpoints, State
from .optimizers import Optimizers
from .step import task_step
from .validation import NotFinite, snapshot, validation

log = logging.getLogger(__name__)
# How far a trainer is: attributes that its saved state holds by name.
PROGRESS = ("epoch", "batch", "steps", "samples", "names", "rows", "best", "best_epoch")


class Trainer:
    """Trains one network; holds everything that decides what its next batch does to it.

    Attributes:
        epoch: The current epoch, from 1.
        batch: The batches of it that are done.
        steps: The batches done in all epochs.
        rows: The history so far, a row per epoch, from epoch 0, before training.
        best: The smallest validation error of an epoch.
        best_epoch: The epoch of the smallest validation error, as `selection` defines it.
        best_state: The network's parameters after that epoch.
        diverged: Where and how the training diverged; None as long as it has not.
        seconds: The seconds of training, with those of earlier processes and without checkpoints.
    """

    def __init__(
        self,
        settings: RunSettings,
        tasks: Tasks,
        columns: list[int],
        seed: int,
        train: Loader,
        val: Loader,
        device: torch.device,
    ) -> None:
        self.settings, self.tasks, self.columns = settings["training"], tasks, columns
        self.train, self.val, self.device = train, val, device
        self.net = network.build(settings, tasks, seed).on(device)
        self.optimizers = Optimizers(self.net, settings)
        self.generator = rng.generator(seed, stream=0)
        self.initial_losses = torch.ones(len(tasks), device=device)
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
        """Seconds of training, with those of earlier processes."""
        return self.earlier + time.perf_counter() - self.start

    def run(self, checkpoints: Checkpoints) -> None:
        """Train to the end, from the newest saved state if there is one.

        Raises:
            Preempted: The process was asked to end; the state is saved.
        """
        if state := checkpoints.load():
            self.load(state)
            where = (checkpoints.folder, self.epoch, self.batch)
            log.info("%s: resumes from epoch %d, batch %d", *where)
        try:
            self._run(checkpoints)
        except divergence.Diverged as error:
            self.diverged = {"epoch": self.epoch, "batch": self.batch, "what": error.what}
            log.warning("%s diverged in epoch %d: %s", checkpoints.name, self.epoch, error.what)
            checkpoints.keep(EVIDENCE, self.state())

    def _run(self, checkpoints: Checkpoints) -> None:
        if not self.rows:
            self.rows.append({"epoch": 0, **self._validate()})
        total, done = self.settings["epochs"], self.epoch - 1
        label = checkpoints.label
        with tqdm.tqdm(total=total, initial=done, desc=label, unit="epoch", disable=None) as bar:
            while self.epoch <= total:
                if not self.batch:
                    self.order = self.train.permutation(self.generator)
                for x, y in self.train.batches(self.order, self.generator, first=self.batch):
                    self._step(x, take(y, self.columns, 1))
                    if checkpoints.due():
                        self._save(checkpoints)
                self._end_epoch()
                self._begin_epoch()
                bar.update()
        self._save(checkpoints)

    def _save(self, checkpoints: Checkpoints) -> None:
        """Save the state, whose size depends on the method, outside the seconds of training."""
        began = time.perf_counter()
        checkpoints.save(self.steps, self.state())
        self.start += time.perf_counter() - began

    def _begin_epoch(self) -> None:
        self.losses, self.samples = torch.zeros(len(self.tasks), device=self.device), 0
        self.measured: list[Tensor] = []
        self.names: list[str] = []

    def _step(self, x: Tensor, y: Tensor) -> None:
        """Train on one batch."""
        retake = self.steps in (0, self.settings["loss_reference_step"])
        if retake and self.settings["normalize_losses"]:
            with torch.no_grad():
                self.initial_losses = self.tasks.losses(self.net(x), y).abs()
        self.optimizers.zero_grad()
        batch, update = task_step(self.net, self.tasks, x, y, self.initial_losses)
        self.optimizers.step()
        self.losses += batch.losses * len(x)
        self.samples += len(x)
        if self.batch % self.settings["diagnostics_every"] == 0:
            columns = diagnostics.measure(batch, update, self.tasks.names)
            self.names = list(columns)
            self.measured.append(torch.stack(list(columns.values())))
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
        row |= self._validate()
        self.rows.append(row)
        error = self._validation_error(row)
        if error < self.best or not self.best_state:
            self.best, self.best_epoch = error, self.epoch
            self.best_state = {
                k: v.detach().cpu().clone() for k, v in self.net.state_dict().items()
            }
        self.epoch, self.batch = self.epoch + 1, 0

    def _validation_error(self, row: dict[str, float]) -> float:
        """Compute what the kept parameters minimise over epochs."""
        losses = [row[f"val_loss/{name}"] for name in self.tasks.names]
        if self.settings["selection"] == "loss_sum":
            return sum(losses)
        first = [self.rows[0][f"val_loss/{name}"] for name in self.tasks.names]
        changes = [(x - x0) / max(abs(x0), 1e-12) for x, x0 in zip(losses, first, strict=True)]
        return sum(changes) / len(changes)

    def _validate(self) -> dict[str, float]:
        """Measure the network on the validation split; add a snapshot of it."""
        try:
            batch = self.settings["batch_size"]
            metrics = validation(self.net, self.tasks, self.val, self.columns, batch)
        except NotFinite as error:
            raise divergence.Diverged(f"{error} on the validation split") from error
        return metrics | snapshot(self.net, self.tasks, self.val)

    def state(self) -> State:
        """Return all that decides how training continues."""
        moments, optimizers = self.optimizers.state()
        parts = {
            "net": self.net.state_dict(),
            "optimizers": moments,
            "best": self.best_state,
            "generators": rng.states(self.net, self.generator, self.device),
            "epoch": {name: getattr(self, name) for name in ("order", "losses", "initial_losses")}
            | ({"measured": torch.stack(self.measured)} if self.measured else {}),
        }
        facts = {name: getattr(self, name) for name in (*PROGRESS, "seconds")}
        tensors = {f"{p}/{name}": x for p, part in parts.items() for name, x in part.items()}
        return State(tensors, facts | {"optimizers": optimizers})

    def load(self, state: State) -> None:
        """Resume from what `state` returned."""
        self.net.load_state_dict(state.part("net"))
        self.optimizers.load(state.part("optimizers"), state.facts["optimizers"])
        self.best_state = state.part("best")
        rng.restore(self.net, self.generator, self.device, state.part("generators"))
        epoch = state.part("epoch")
        self.order = epoch.pop("order")
        epoch = {name: tensor.to(self.device) for name, tensor in epoch.items()}
        self.losses, self.initial_losses = epoch["losses"], epoch["initial_losses"]
        self.measured = list(epoch.get("measured", ()))
        for name in PROGRESS:
            setattr(self, name, state.facts[name])
        self.earlier = state.facts["seconds"]
