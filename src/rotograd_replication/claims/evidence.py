"""What there is to judge claims on: a study, its results, and what counts as published."""

from dataclasses import dataclass

from ..config import schema, settings
from ..results.relative_improvement import BASELINE
from ..results.tidy import Results
from .schema import Claims, Test


@dataclass(frozen=True)
class Evidence:
    """A study and its results.

    Attributes:
        study: The configuration that the results were made under.
        claims: What is judged.
        reference: The study that is configured as published.
        results: By experiment, of some or all of the study's.
    """

    study: schema.Study
    claims: Claims
    reference: schema.Study
    results: dict[str, Results]

    def standin(self, experiment: str) -> bool:
        """Say whether its data are generated."""
        content = self.study.experiments.get(experiment)
        return bool(content and self.study.datasets[content.dataset].standin)

    def as_published(self, experiment: str, methods: list[str], of: str) -> bool:
        """Say whether the runs that a number rests on are configured as in the reference study.

        Args:
            experiment: The experiment.
            methods: Those that it is of.
            of: What it is of a run (`Quantity`): an improvement rests on its baseline, too.
        """
        methods = [*methods, BASELINE] if of == "delta" else methods
        studies = (self.study, self.reference)
        if any(experiment not in study.experiments for study in studies):
            return False
        known = [study.experiments[experiment].methods for study in studies]
        if any(method not in legal for legal in known for method in methods):
            return False
        ours, published = (
            [settings.run_digest(study, experiment, method) for method in methods]
            for study in studies
        )
        return ours == published

    def lack(self, test: Test) -> str | None:
        """Say which results a test misses, in a sentence; None where it can be judged."""
        experiment = test.experiment
        if experiment not in self.results:
            known = experiment in self.study.experiments
            return f"The study has {'no results of' if known else 'no experiment'} `{experiment}`."
        metrics = self.results[experiment].metrics
        run = set(metrics["method"])
        missing = [name for name in test.compared if name not in run]
        of = self.claims.quantities[test.quantity].of
        if not missing and of == "hours" and (why := self.results[experiment].several_machines):
            return why
        if not missing and of == "delta" and metrics["delta"].isna().all() and BASELINE not in run:
            return f"`{experiment}` has no runs of `{BASELINE}`: Δ is undefined."
        return f"`{experiment}` has no runs of `{missing[0]}`." if missing else None
