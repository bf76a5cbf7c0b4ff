"""The paper's claims, read and checked before any job starts."""

from collections.abc import Iterable
from pathlib import Path

from .. import plugins
from ..config import faults, schema, yaml_files
from ..config.load import load_study
from ..config.yaml_files import ConfigurationError
from ..results import quantities
from ..results.quantities import Quantity
from .schema import Claims, File, Test


def load(configs: Path) -> tuple[Claims, schema.Study]:
    """Read the claims, check every name in them against the reference study, and return both.

    Raises:
        ConfigurationError: An unknown name or key, with its place and the nearest legal one.
    """
    content = yaml_files.read_named(configs / "paper", "claims")
    file = faults.validate(File, content, "claims.yaml")
    paper = quantities.load(configs)
    claims = Claims(**dict(file), quantities=paper.quantities, printed=paper.experiments)
    reference = load_study(configs, claims.reference)
    for name in claims.experiments:
        _check(f"claims.yaml: experiments: {name}", "experiment", [name], reference.experiments)
    for name, printed in claims.printed.items():
        place = f"quantities.yaml: experiments: {name}"
        _check(place, "experiment", [name], claims.experiments)
        methods = reference.experiments[name].methods
        _check(f"{place}: names", "method", list(printed.names), methods)
        for cell in printed.cells:
            _check_tasks(f"{place}: {cell}", claims.quantities[cell], reference, name)
    seen: set[str] = set()
    for claim in claims.claims:
        for test in claim.tests:
            if test.id in seen:
                raise ConfigurationError(
                    f"claims.yaml: `id` of a test must be its own. Found `{test.id}` twice."
                )
            seen.add(test.id)
            if isinstance(test, Test):
                _check_test(f"{claim.id}: {test.id}", test, claims, reference)
    return claims, reference


def _check_test(place: str, test: Test, claims: Claims, reference: schema.Study) -> None:
    place = f"claims.yaml: {place}"
    _check(place, "experiment", [test.experiment], claims.experiments)
    _check(place, "quantity", [test.quantity], claims.quantities)
    _check(place, "method", test.compared, reference.experiments[test.experiment].methods)
    _check_tasks(place, claims.quantities[test.quantity], reference, test.experiment)
    if test.percent and len(test.compared) < len(test.methods) + len(test.against):
        raise ConfigurationError(
            f"{place}: `percent` must compare with methods. "
            f"Found the numbers {[a for a in test.against if not isinstance(a, str)]}."
        )


def _check_tasks(place: str, quantity: Quantity, study: schema.Study, experiment: str) -> None:
    tasks = study.datasets[study.experiments[experiment].dataset].tasks
    _check(place, "task", quantity.tasks, [task.name for task in tasks])


def _check(place: str, kind: str, names: Iterable[str], legal: dict | list) -> None:
    for name in names:
        if name not in legal:
            hint = plugins.nearest(name, list(legal))
            raise ConfigurationError(f"{place}: unknown {kind} `{name}`. {hint}")
