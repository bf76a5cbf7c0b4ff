"""Train one run: a method, an experiment and a seed; keep the parameters of best validation."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors.torch
import torch
import tqdm
from torch import Tensor

from . import diagnostics, divergence, generators, network, records, runtime, schema, seals
from .assess import NotFinite, appearance, validation
from .checkpoint import EVIDENCE, Checkpoints, Saving, State, exclusive
from .loader import Loader
from .methods._base import Step
from .network import Network
from .optimizers import Optimizers
from .tasks import Tasks, columns_of

log = logging.getLogger(__name__)
# What of a process's identity may differ where a run is gone on with.
ELSEWHERE = {"device", "git_revision"}


@dataclass(frozen=True)
class Outputs:
    """The three files a run leaves: best parameters, a row per epoch, and provenance."""

    model: Path
    history: Path
    record: Path


def task_step(
    net: Network, tasks: Tasks, x: Tensor, y: Tensor, unit_loss: Tensor
) -> tuple[Step, Tensor]:
    """Algorithm 1 up to the optimisers: leaves a gradient on every parameter.

    Args:
        net: backbone, heads and method.
        tasks: the K tasks.
        x: inputs `[B, ...]`.
        y: targets `[B, K]`, dense tasks' `[B, columns, H, W]`.
        unit_loss: what each loss is divided by, `[K]`.

    Returns:
        The step, and the update `[B, D]` that the backbone received.
    """
    z = net.features(x)  # [B, D]
    losses, at_views = head_step(net, tasks, z.detach(), y, unit_loss)  # [K], [K, B, D]
    step = net.method.step(z.detach(), losses, at_views)
    update = net.method.combine(step)  # [B, D]
    z.backward(update)
    net.method.learn(step)
    return step, update


def head_step(
    net: Network, tasks: Tasks, z: Tensor, y: Tensor, unit_loss: Tensor
) -> tuple[Tensor, Tensor]:
    """Every task's loss and its gradient at the task's view of z; heads keep their own gradients.

    A function of its own, so that views and outputs are freed before the backbone's backward pass.
    """
    views = net.method.view(z).detach().requires_grad_()  # [K, B, D]
    losses = tasks.losses(net.heads(views), y)  # [K]
    heads = list(net.heads.parameters())
    at_views, *at_heads = torch.autograd.grad((losses / unit_loss).sum(), [views, *heads])
    for parameter, gradient in zip(heads, at_heads, strict=True):
        parameter.grad = gradient
    return losses.detach(), at_views


class Trainer:
    """One network in training: everything that decides what its next batch does to it.

    Attributes:
        epoch: the epoch under way, from 1.
        batch: its batches done.
        steps: batches done in all epochs.
        rows: the history so far, a row per epoch, from epoch 0, before training.
        best_epoch: the epoch whose validation losses have the smallest sum.
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
        if not self.steps and self.settings["normalize_losses"]:
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
        error = sum(row[f"val_loss/{name}"] for name in self.tasks.names)
        if error < self.best or not self.best_state:
            self.best, self.best_epoch = error, self.epoch
            self.best_state = {
                k: v.detach().cpu().clone() for k, v in self.net.state_dict().items()
            }
        self.epoch, self.batch = self.epoch + 1, 0

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


# What a trainer counts: kept by name in its saved state.
PLACE = ("epoch", "batch", "steps", "samples", "names", "rows", "best", "best_epoch")


def parts(settings: dict[str, Any], tasks: list[schema.Task]) -> dict[str, tuple[Tasks, list[int]]]:
    """The networks of a run: one for all tasks, or one per task where the method is `separate`.

    Returns:
        Prefix of the network's parameters in the model file -> its tasks, the columns of targets.
    """
    each = columns_of(tasks)
    if settings["method"]["separate"]:
        return {f"{t.name}.": (Tasks([t]), c) for t, c in zip(tasks, each, strict=True)}
    return {"": (Tasks(tasks), [column for chosen in each for column in chosen])}


def history(networks: list[list[dict[str, float]]]) -> pd.DataFrame:
    """The rows of a run's networks side by side, their seconds added up and put last."""
    frames = [pd.DataFrame(rows or [{"epoch": 0}]).set_index("epoch") for rows in networks]
    if len(frames) == 1:
        return frames[0]
    seconds = [frame.reindex(columns=["seconds"])["seconds"] for frame in frames]
    joined = pd.concat([frame.drop(columns="seconds", errors="ignore") for frame in frames], axis=1)
    return joined.assign(seconds=sum(seconds[1:], seconds[0]))


def evaluation_batch(settings: dict[str, Any], tasks: list[schema.Task]) -> int:
    """Samples per batch where nothing is trained.

    Four times the training's, whose results are the same; for dense tasks the training's own, as
    MTAN's metrics are means per batch of that size.
    """
    return settings["training"]["batch_size"] * (1 if Tasks(tasks).dense else 4)


def run(
    settings: dict[str, Any],
    identity: dict[str, Any],
    tasks: list[schema.Task],
    train: Path,
    val: Path,
    device: torch.device,
    outputs: Outputs,
    saving: Saving | None = None,
) -> None:
    """Train one run and write its files, each whole or not at all.

    Args:
        settings: `config.run_settings`.
        identity: study, experiment, method, seed, digests and the process's provenance.
        tasks: of the dataset, in order.
        train: prepared training split.
        val: prepared validation split.
        device: where to train.
        outputs: what to write; the record is written last.
        saving: where the run's state is saved on the way; None to save nothing.

    Raises:
        Preempted: the process was asked to end; the state is saved.
        ValueError: a prepared split is not as it was written.
        BlockingIOError: another process trains this run.
    """
    start, seed = time.perf_counter(), identity["seed"]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    training = settings["training"]
    runtime.set_precision(training["precision"])
    batch_size, samples = training["batch_size"], training["training_samples"]
    loader = Loader(train, device, batch_size, training["augmentation"], samples)
    validation = Loader(val, device, evaluation_batch(settings, tasks))
    sums = {"train": loader.sha256, "val": validation.sha256}
    key = {k: v for k, v in identity.items() if k not in ELSEWHERE}
    key |= {"data": sums, "settings": records.digest(settings)}
    trainers: dict[str, Trainer] = {}
    devices: dict[str, None] = {}
    with exclusive(saving):
        for prefix, (chosen, taken) in parts(settings, tasks).items():
            one = Trainer(settings, chosen, taken, seed, loader, validation, device)
            where = identity.get("device", str(device))
            saved = Checkpoints(saving, prefix.removesuffix(".") or "network", key, where)
            one.run(saved)
            trainers[prefix] = one
            devices |= dict.fromkeys(saved.devices)
            if one.diverged:
                break
    state = {
        prefix + name: value.contiguous()
        for prefix, one in trainers.items()
        for name, value in (one.best_state or one.net.state_dict()).items()
    }
    best_epochs = [one.best_epoch for one in trainers.values()]
    used = {"train": len(loader.targets), "val": len(validation.targets)}
    with records.atomic(outputs.model) as temporary:
        safetensors.torch.save_file(state, temporary, seals.blank())
        model = seals.seal(temporary)
    with records.atomic(outputs.history) as temporary:
        history([one.rows for one in trainers.values()]).to_csv(temporary)
    earlier = sum(one.earlier for one in trainers.values())
    record = identity | {
        "dataset": settings["dataset"],
        "settings": settings,
        "data": {k: loader.data[k] for k in ("label", "archives")}
        | {"samples": used}
        | {"prepared": sums},
        "model": model,
        "device": " and ".join(devices),
        "epochs": training["epochs"],
        "best_epoch": best_epochs if len(best_epochs) > 1 else best_epochs[0],
        "diverged": next((one.diverged for one in trainers.values() if one.diverged), None),
        "seconds": earlier + time.perf_counter() - start,
        "peak_memory_mb": runtime.peak_memory_mb(device),
    }
    records.write_json(outputs.record, record)
    log.info("trained %s in %.1f s", outputs.record.parent, record["seconds"])
