"""What a table or figure needs of the experiments that a study gives it, checked before any job.

Each output declares it in its own file, as a literal that is read without importing the file:

    NEEDS = {"experiments": 1, "methods": ["single_task"]}

`experiments` is how many it takes; every one of them must have all the rest. `NEEDS = {}` takes any
number of any experiments.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field, PositiveInt

from .. import plugins
from . import schema, sweeps, tuning
from .faults import validate
from .yaml_files import ConfigurationError

# Of `some_method`: what one of the methods must be, in words.
SOME_METHOD = {
    "joint": "a method that trains all tasks together",
    "rotating": "a method with rotations",
    "swept": "methods that differ in the learning rate of their rotations alone",
    "tuned": "a method that is tuned",
}
SHOWN = 8  # entries of a list in a message


class Needs(schema.Model):
    """The `NEEDS` of a table or figure."""

    # How many experiments it shows; None is any number.
    experiments: PositiveInt | None = None
    # By name.
    methods: tuple[schema.Name, ...] = ()
    some_method: Literal["joint", "rotating", "swept", "tuned"] | None = None
    # By name, each with metrics that it must have.
    tasks: dict[schema.Name, list[str]] = Field({})
    # A metric that every task must have.
    metric: str | None = None
    # The kinds that tasks may be of.
    kinds: tuple[schema.Name, ...] = ()
    fewest_tasks: PositiveInt = 1
    most_tasks: PositiveInt | None = None
    # The network's.
    features: PositiveInt | None = None

    def lacking(
        self, experiment: schema.Experiment, dataset: schema.Dataset
    ) -> Iterator[tuple[str, str, str]]:
        """Give what an experiment lacks: the thing, what was found, and how to give it."""
        names, tasks = list(experiment.methods), dataset.tasks
        for name in self.methods:
            if name not in names:
                yield f"the method `{name}`", _listed(names), "Add it to its `methods`"
        if self.some_method and not _has_some(self.some_method, experiment):
            tuned = self.some_method == "tuned"
            remedy = "Give it `tuning`" if tuned else "Add some to its `methods`"
            yield SOME_METHOD[self.some_method], _listed(names), remedy
        by_name = {task.name: task for task in tasks}
        other = "Give it a dataset that has"
        for name, metrics in self.tasks.items():
            if name not in by_name:
                yield f"the task `{name}`", _listed(by_name), f"{other} it"
            elif missing := [m for m in metrics if m not in by_name[name].all_metrics]:
                wanted = f"the metric `{missing[0]}` of the task `{name}`"
                yield wanted, _listed(by_name[name].all_metrics), f"{other} it"
        if self.metric and (without := [t for t in tasks if self.metric not in t.all_metrics]):
            found = _listed(f"{t.name} with {', '.join(t.all_metrics)}" for t in without)
            yield f"the metric `{self.metric}` of every task", found, f"{other} it"
        if self.kinds and (others := [t for t in tasks if t.kind not in self.kinds]):
            found = _listed(f"{t.name} of kind {t.kind}" for t in others)
            yield f"tasks of kind {' or '.join(self.kinds)} alone", found, f"{other} them"
        if len(tasks) < self.fewest_tasks:
            yield f"at least {self.fewest_tasks} tasks", f"{len(tasks)}", f"{other} them"
        if self.most_tasks and len(tasks) > self.most_tasks:
            yield f"at most {self.most_tasks} tasks", f"{len(tasks)}", f"{other} fewer"
        if self.features not in (None, features := experiment.network.features.value):
            yield f"{self.features} features", f"{features}", "Set `features` of its network"


def _has_some(kind: str, experiment: schema.Experiment) -> bool:
    methods = experiment.methods
    if kind == "swept":
        return bool(sweeps.of_rotations(experiment))
    return any(
        {
            "joint": not method.separate,
            "rotating": tuning.ROTATES in method.parameters,
            "tuned": bool(experiment.grid(name)),
        }[kind]
        for name, method in methods.items()
    )


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more or "none"


def of(package: str, output: str) -> Needs:
    """Read what a table or figure needs.

    Args:
        package: Either `tables` or `figures`.
        output: One of its files.

    Raises:
        ConfigurationError: The file declares no legal `NEEDS`.
    """
    place = f"{plugins.FOLDERS[package]}/{output}.py"
    try:
        content = plugins.constant(package, output, "NEEDS")
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return validate(Needs, content, f"{place}: NEEDS")


def check(study: schema.Study, place: str) -> None:
    """Refuse a table or figure that cannot be made of the experiments that the study gives it.

    Args:
        study: The configuration.
        place: Where it is written, for messages.

    Raises:
        ConfigurationError: Names the output, what it needs, what was found and the remedy.
    """
    for package, outputs in (("tables", study.tables), ("figures", study.figures)):
        for output, names in outputs.items():
            start = f"{place}: `{output}` of {package}"
            needs = of(package, output)
            _check_number(needs.experiments, names, start)
            for name in names:
                experiment = study.experiments[name]
                dataset = study.datasets[experiment.dataset]
                for thing, found, remedy in needs.lacking(experiment, dataset):
                    raise ConfigurationError(
                        f"{start}: its experiment `{name}` must have {thing}. Found {found}. "
                        f"{remedy}, or leave it out of `{output}`."
                    )
            titles = [study.experiments[name].title for name in names]
            if twice := [title for i, title in enumerate(titles) if title in titles[:i]]:
                raise ConfigurationError(
                    f"{start}: its experiments must have different titles. Found `{twice[0]}` "
                    "twice. Give one another `title`."
                )


def _check_number(number: int | None, names: list[str], start: str) -> None:
    if not names or len(names) != (number or len(names)):
        rule = f"{number or 'at least 1'} experiment{'s' * ((number or 1) > 1)}"
        raise ConfigurationError(
            f"{start} must have {rule}. Found {_listed(names)}. Give it {rule}, or remove its line."
        )
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise ConfigurationError(
            f"{start} must have each experiment once. Found `{twice[0]}` twice. Remove one."
        )
