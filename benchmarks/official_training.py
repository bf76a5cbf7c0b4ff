"""The authors' package `rotograd` 0.1.6.0 trained as ours is, end to end, and held against ours.

    python benchmarks/official_training.py [--epochs N] [--seeds N] [--runs FOLDER]
    python benchmarks/official_training.py --draw

Study lite's digits and CIFAR-10: the same backbone, heads, initial weights, order of the data,
optimisers, schedules and rotation learning rate (the one that validation chose for ours, where the
study tunes it); what is kept is chosen by the same rule. The package is used twice: `official`, as
it ships (random rotations to start with, 20 steps of burn-in, the gradient of its own loss,
PyTorch's eps), and `official_as_ours`, set as our configuration is (from the identity, losses of
the first step, equation 3's gradient, our eps).

Ours is the committed run where it is of the present configuration and training code, else it is
trained. Each run is kept in `--runs` as it ends; the same command resumes, then
writes `paper_tables/official.csv` and `.md`. The data are prepared by the workflow:

    snakemake --cores 1 --until prepare_mnist prepare_cifar10 --config study=lite
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from contenders import package, plain
from torch import Tensor, nn

from rotograd_replication.claims import stats
from rotograd_replication.config import choice, equal_code, schema, stages
from rotograd_replication.config import load as config
from rotograd_replication.config.settings import run_digest, run_settings, values
from rotograd_replication.data.loader import Loader
from rotograd_replication.files import atomic as records
from rotograd_replication.methods._base import Context, Method
from rotograd_replication.methods.rotate import subspace
from rotograd_replication.methods.rotations._start import one_thread
from rotograd_replication.models import network
from rotograd_replication.runtime import provenance
from rotograd_replication.runtime.device import make_deterministic
from rotograd_replication.tasks.group import Tasks
from rotograd_replication.training import run_networks
from rotograd_replication.training.checkpoint import Checkpoints
from rotograd_replication.training.trainer import Trainer
from rotograd_replication.training.validation import evaluate_split

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
STUDY = "lite"
METHOD = "rotograd"
EXPERIMENTS = ("digits", "cifar10")
CONTENDERS = {"official": "as it ships", "official_as_ours": "set as ours"}
# Where the package's defaults stand: rotograd/rotograd.py, `RotateOnly.__init__`.
BURN_IN = 20
CONFIDENCE = 0.95


class Rotations(Method):
    """The package's rotations in the place of a method: their optimiser, and how whole they are."""

    def __init__(self, model: nn.Module, tasks: int, features: int, eps: float | None) -> None:
        super().__init__(Context(tasks, features, torch.Generator()))
        self.model = [model]  # not a sub-module: the network holds it
        self.eps = {} if eps is None else {"eps": eps}

    def param_groups(
        self, rotation: dict[str, Any]
    ) -> list[tuple[list[nn.Parameter], dict[str, Any]]]:
        """The rotations' parameters with the experiment's optimiser of rotations."""
        return [(list(self.model[0].parameters()), rotation | self.eps)]

    def orthogonality_errors(self) -> Tensor:
        """The largest entry of `|R_k^T R_k - I|`: `[K]`."""
        with torch.no_grad():
            now = torch.stack(list(self.model[0].rotation))
        return (now.mT @ now - torch.eye(now.shape[-1])).abs().amax((1, 2))


class Official(nn.Module):
    """The package's model as a network that a `Trainer` trains and evaluates."""

    def __init__(
        self, settings: dict[str, Any], data: schema.Dataset, seed: int, ours: bool
    ) -> None:
        super().__init__()
        self.tasks = Tasks(data.tasks)
        start = network.build(settings, self.tasks, seed)
        self.backbone, heads, self.losses = plain(settings, data, CPU)
        self.backbone.load_state_dict(start.backbone.state_dict())
        with torch.no_grad():
            for (_, indices), stack in zip(self.tasks.head_groups, start.heads.stacks, strict=True):
                for i, k in enumerate(indices):
                    for name, parameter in stack.named_parameters():
                        heads[k].heads.stacks[0].get_parameter(name).copy_(parameter[i : i + 1])
        self.heads = nn.ModuleList(heads)
        method, training = settings["method"]["parameters"], settings["training"]
        features = settings["network"]["features"]
        m = subspace(method.get("m"), features)
        burn_in = training["loss_reference_step"] if ours else BURN_IN
        with torch.random.fork_rng(devices=[]), one_thread():
            torch.manual_seed(seed)
            normalised = training["normalize_losses"]
            self.model = package().RotoGrad(
                self.backbone, list(heads), m, normalize_losses=normalised, burn_in_period=burn_in
            )
        self.ours = ours
        if ours:
            from_the_identity(self.model)
        self.method = Rotations(self.model, len(heads), features, method["eps"] if ours else None)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Outputs as our networks give them: `[K_s, B, outputs]` per stack of heads."""
        outputs = self.model(x)
        return [torch.stack([outputs[k] for k in indices]) for _, indices in self.tasks.head_groups]

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        """The package's documented step up to the optimisers; the losses `[K]`, detached."""
        with package().cached():
            outputs = self.model(x)
            losses = [loss(out, y) for loss, out in zip(self.losses, outputs, strict=True)]
            self.model.backward(losses)
        if self.ours:
            # Its loss has the gradient of equation 3 times 2 ||mean_k G_k||: see methods/rotate.py.
            gradients = [one.detach() for one in self.model.original_grads]
            factor = 2 * torch.linalg.vector_norm(sum(gradients) / len(gradients))
            for parameter in self.model.parameters():
                parameter.grad /= factor
        return torch.stack([loss.detach() for loss in losses])


def from_the_identity(model: nn.Module) -> None:
    """Start the package's rotations at the identity in the place of geotorch's sample."""
    with torch.no_grad():
        for parametrised in model.parametrizations.values():
            parametrised[0].base.copy_(torch.eye(parametrised[0].base.shape[-1]))
            parametrised.original.zero_()


class OfficialTrainer(Trainer):
    """Our training of the package's model: order, schedules, validation and choice are ours."""

    def use(self, net: Official, settings: dict[str, Any]) -> "OfficialTrainer":
        """Train `net` in the place of the network that the trainer was built with."""
        self.net = net.to(self.device, memory_format=torch.channels_last)
        self.optimizers = type(self.optimizers)(net, settings)
        return self

    def _step(self, x: Tensor, y: Tensor) -> None:
        """One batch."""
        self.optimizers.zero_grad()
        losses = self.net.step(x, y)
        self.optimizers.step()
        self.losses += losses * len(x)
        self.samples += len(x)
        if not self.measured:
            self.names, self.measured = ["measured"], [torch.zeros(1)]
        self.batch += 1
        self.steps += 1


def splits(folder: Path, name: str, dataset: schema.Dataset) -> dict[str, Path]:
    """A dataset's prepared files, where the workflow has them.

    Raises:
        FileNotFoundError: they are not there.
    """
    parts = [values(dataset.parameters), values(dataset.standin)]
    place = folder / name / records.digest(parts)
    if not (place / "train.safetensors").exists():
        raise FileNotFoundError(
            f"`{name}` must be prepared in `{place}`. Found nothing. Run `snakemake --config "
            f"study={STUDY} -- {place}/train.safetensors` first."
        )
    return {split: place / f"{split}.safetensors" for split in ("train", "val", "test")}


def loaders(
    settings: dict[str, Any], tasks: list[schema.Task], files: dict[str, Path]
) -> dict[str, Loader]:
    """The splits as a run of ours reads them."""
    training, size = settings["training"], run_networks.evaluation_batch(settings, tasks)
    found = {split: Loader(files[split], CPU, size) for split in ("val", "test")}
    augmented = (training["augmentation"], training["training_samples"])
    return {"train": Loader(files["train"], CPU, training["batch_size"], *augmented)} | found


def trained(
    contender: str,
    settings: dict[str, Any],
    data: schema.Dataset,
    seed: int,
    files: dict[str, Path],
) -> dict[str, Any]:
    """Train one run, ours or the package's, and measure it on validation and test."""
    read = loaders(settings, data.tasks, files)
    ((tasks, columns),) = run_networks.networks_of_run(settings, data.tasks).values()
    given = (settings, tasks, columns, seed, read["train"], read["val"], CPU)
    if contender == "ours":
        trainer: Trainer = Trainer(*given)
    else:
        net = Official(settings, data, seed, contender == "official_as_ours")
        trainer = OfficialTrainer(*given).use(net, settings)
    trainer.run(Checkpoints(None, contender, {"seed": seed}, str(CPU)))
    found = {"best_epoch": trainer.best_epoch, "diverged": trainer.diverged}
    found |= {"data": read["test"].data["label"], "device": provenance.hardware(CPU)}
    if trainer.diverged:
        return found
    trainer.net.load_state_dict(trainer.best_state)
    batch = settings["training"]["batch_size"]
    measured = {
        split: evaluate_split(trainer.net, tasks, read[split], columns, batch)
        for split in ("val", "test")
    }
    return found | {"seconds": trainer.seconds} | measured


def all_settings(study: schema.Study, epochs: int | None = None) -> dict[str, dict[str, Any]]:
    """Each experiment's settings, with what validation chose for our method, where it is tuned."""
    folder = ROOT / "results" / STUDY
    grids = [e for e in EXPERIMENTS if study.experiments[e].grid(METHOD)]
    files = [folder / experiment / "tuning" / f"{METHOD}.json" for experiment in grids]
    study = choice.apply(study, [choice.read(file) for file in files])
    found = {experiment: run_settings(study, experiment, METHOD) for experiment in EXPERIMENTS}
    for settings in found.values():
        settings["training"]["epochs"] = epochs or settings["training"]["epochs"]
    return found


def rate(settings: dict[str, Any]) -> float:
    """The learning rate of a run's rotations."""
    optimizer = settings["method"]["rotation"] or settings["training"]["rotation"]
    return optimizer["learning_rate"]


def committed(experiment: str, seed: int, code: equal_code.TrainingCode) -> dict[str, Any] | None:
    """Our committed run, if it is of the present configuration and training code."""
    folder = ROOT / "results" / STUDY / experiment / METHOD / f"seed{seed}"
    if not (folder / "metrics.json").exists():
        return None
    record = records.read_json(folder / "metrics.json")
    study = config.load_study(ROOT / "configs", STUDY)
    present = record["configuration"] == run_digest(study, experiment, METHOD)
    if not present or not code.trained(record["code"], METHOD) or record["diverged"]:
        return None
    history = pd.read_csv(folder / "history.csv").set_index("epoch").loc[record["best_epoch"]]
    val = {
        task: {"loss": float(history[f"val_loss/{task}"])}
        | {m: float(history[f"val_{m}/{task}"]) for m in metrics if m != "loss"}
        for task, metrics in record["metrics"].items()
    }
    found = {key: record[key] for key in ("best_epoch", "device", "diverged", "seconds")}
    found |= {"data": record["data"]["label"]}
    return found | {"val": val, "test": record["metrics"]}


def tidy(runs: dict[tuple[str, str, int], dict[str, Any]]) -> pd.DataFrame:
    """A row for each number: experiment, contender, seed, split, task, metric, value."""
    rows = []
    for (experiment, contender, seed), run in runs.items():
        for split in ("val", "test"):
            for task, metrics in run.get(split, {}).items():
                for metric, value in metrics.items():
                    rows.append((experiment, contender, seed, split, task, metric, value))
    columns = ["experiment", "contender", "seed", "split", "task", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def quantities(rows: pd.DataFrame) -> pd.DataFrame:
    """What the table shows: `[experiment, quantity, seed]` x contenders.

    The sum of validation losses, by which parameters are kept, and the test split's metrics: each
    task's, or over more than five tasks their mean.
    """
    losses = rows[(rows["split"] == "val") & (rows["metric"] == "loss")]
    keys = ["experiment", "contender", "seed"]
    found = [losses.groupby(keys)["value"].sum().reset_index().assign(quantity="validation loss")]
    first = ~rows["metric"].str.endswith(("loss", *schema.CONVENTIONS))
    test = rows[(rows["split"] == "test") & first]
    for _, group in test.groupby("experiment", sort=False):
        if group["task"].nunique() > 5:
            mean = group.groupby([*keys, "metric"])["value"].mean().reset_index()
            found.append(mean.assign(quantity="mean " + mean["metric"]))
        else:
            found.append(group.assign(quantity=group["task"] + ", " + group["metric"]))
    shown = pd.concat(found)[[*keys, "quantity", "value"]]
    return shown.pivot(
        index=["experiment", "quantity", "seed"], columns="contender", values="value"
    )


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Means of both, and the paired difference with its interval, for each use of the package."""
    values = quantities(rows)
    order = dict.fromkeys(zip(*(values.index.get_level_values(i) for i in (0, 1)), strict=True))
    lines = []
    for experiment, quantity in sorted(order, key=lambda pair: EXPERIMENTS.index(pair[0])):
        group = values.loc[experiment, quantity]
        for contender, words in CONTENDERS.items():
            if not {"ours", contender} <= set(group):
                continue
            both = group[["ours", contender]].dropna()
            if both.empty:
                continue
            difference = (both[contender] - both["ours"]).to_numpy()
            lines.append(
                {
                    "experiment": experiment,
                    "quantity": quantity,
                    "package": words,
                    "ours": f"{both['ours'].mean():.4g}",
                    "theirs": f"{both[contender].mean():.4g}",
                    "theirs - ours": f"{difference.mean():+.3g}",
                    "95 %": _interval(difference),
                    "seeds": str(len(both)),
                }
            )
    return pd.DataFrame(lines)


def _interval(difference: np.ndarray) -> str:
    if len(difference) < 2:
        return ""
    found = stats.paired(difference, CONFIDENCE)
    return f"{found.low:+.3g} to {found.high:+.3g}"


def draw(
    out: Path,
    runs: dict[tuple[str, str, int], dict[str, Any]],
    configured: dict[str, dict[str, Any]],
    process: dict[str, Any],
) -> None:
    """Write `official.csv` and `official.md` of the experiments that the package was trained on."""
    used = dict.fromkeys(experiment for experiment, contender, _ in runs if contender != "ours")
    runs = {key: run for key, run in runs.items() if key[0] in used}
    missing = [experiment for experiment in EXPERIMENTS if experiment not in used]
    rows = tidy(runs)
    with records.atomic(out / "official.csv") as temporary:
        rows.to_csv(temporary, index=False)
    diverged = [f"{e}/{c}, seed {s}" for (e, c, s), run in runs.items() if run["diverged"]]
    rates = [f"{e} {rate(configured[e]):g}" for e in used]
    epochs = [f"{e} {configured[e]['training']['epochs']}" for e in used]
    data, devices = (dict.fromkeys(run[key] for run in runs.values()) for key in ("data", "device"))
    versions = ", ".join(f"{name} {version}" for name, version in process["versions"].items())
    text = (
        "### The authors' package `rotograd` 0.1.6.0 and ours, trained alike\n\n"
        f"{table(rows).to_markdown(index=False, disable_numparse=True)}\n\n"
        f"Study {STUDY}, by `benchmarks/official_training.py`: the same backbone, heads, initial "
        "weights, order of the data, optimisers and rotation learning rate, for both the one that "
        "validation chose for ours where the study tunes it. *As it ships*: random "
        f"rotations to start with, losses and norms taken anew after {BURN_IN} steps, the gradient "
        "of its own loss, PyTorch's eps. *Set as ours*: from the identity, the first step's, "
        "equation 3's gradient, our eps. Validation loss: the sum over tasks in the best epoch. "
        "Other rows are of the test split. Differences are of runs of one seed, with Student's "
        f"interval. Epochs: {', '.join(epochs)}; rotation learning rates: "
        f"{', '.join(rates)}. Data: {', '.join(data)}. "
        + (f"Not trained yet: {', '.join(missing)}. " if missing else "")
        + (f"Diverged and left out: {'; '.join(diverged)}. " if diverged else "")
        + f"{' and '.join(devices)}; {versions}.\n"
    )
    with records.atomic(out / "official.md") as temporary:
        temporary.write_text(text)


def gather(
    study: schema.Study, configured: dict[str, dict[str, Any]], arguments: argparse.Namespace
) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Every run, read where it is there, else trained and kept, unless only to be drawn."""
    code = equal_code.load(ROOT / "configs", stages.code(*stages.TRAIN))
    runs = {}
    for seed in range(arguments.seeds):
        for experiment, settings in configured.items():
            data = study.datasets[settings["dataset"]]
            for contender in ("ours", *CONTENDERS):
                folder = arguments.runs / experiment / contender
                name = f"seed{seed}-{records.digest(settings)}-"
                run = None
                if contender == "ours" and not arguments.epochs:
                    run = committed(experiment, seed, code)
                files = sorted(folder.glob(f"{name}*.json"))
                kept = [f for f in files if code.trained(f.stem.removeprefix(name), METHOD)]
                if run is None and kept:
                    run = records.read_json(kept[0])
                if run is None and not arguments.draw:
                    prepared = splits(arguments.prepared, settings["dataset"], data)
                    run = trained(contender, settings, data, seed, prepared)
                    records.write_json(folder / f"{name}{code.digest}.json", run)
                if run is not None:
                    runs[experiment, contender, seed] = run
                    done = "diverged" if run["diverged"] else f"epoch {run['best_epoch']}"
                    print(f"{experiment} {contender} seed {seed}: {done}", flush=True)
    return runs


def main() -> None:
    """Train what is left and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="fewer than the study's, to try it")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prepared", type=Path, default=ROOT / "data" / "prepared")
    parser.add_argument("--runs", type=Path, default=ROOT / "results" / "official")
    parser.add_argument("--out", type=Path, default=ROOT / "paper_tables")
    parser.add_argument("--draw", action="store_true", help="only draw what was trained")
    arguments = parser.parse_args()
    make_deterministic(arguments.threads)
    study = config.load_study(ROOT / "configs", STUDY)
    settings = all_settings(study, arguments.epochs)
    runs = gather(study, settings, arguments)
    if not runs:
        parser.error("no run is there to draw")
    draw(arguments.out, runs, settings, provenance.describe(CPU, ROOT))


if __name__ == "__main__":
    main()
