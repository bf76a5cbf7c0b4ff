"""Results with planted effects, and what claims say of them."""

import numpy as np
import pandas as pd

from rotograd_replication.claims import outcome
from rotograd_replication.claims.evidence import Evidence
from rotograd_replication.config.load import load_study
from rotograd_replication.results import tidy
from tests.helpers.paths import CONFIGS


def found(experiment, values, folder=None, label="CIFAR-10", seconds=None):
    """Results of an experiment from (method, task) -> the Delta of each seed."""
    rows = [
        {"method": m, "seed": s, "task": t, "metric": "f1", "value": v / 100, "delta": v}
        for (m, t), series in values.items()
        for s, v in enumerate(series)
    ]
    table = pd.DataFrame(rows).assign(study="paper", experiment=experiment, higher_is_better=True)
    methods = dict.fromkeys(m for m, _ in values)
    facts = {"experiment": experiment, "runs": methods, "data": {"label": label}}
    return tidy.Results(experiment, table, facts, folder)


def judged(claimed, experiment_results, study="paper", test=None):
    """id of a test -> its verdict, as the file has it."""
    judging, reference = claimed
    chosen = load_study(CONFIGS, study)
    evidence = Evidence(chosen, judging, reference, {r.name: r for r in experiment_results})
    chosen = [[t for t in c.tests if test in (None, t.id)] for c in judging.claims]
    found = (test for tests in chosen for test in outcome.run(tests, evidence, {}))
    return {test.id: test.model_dump() for test in found}


RIVALS = ["vanilla", "graddrop", "pcgrad", "mgda", "gradnorm", "imtl_g", "imtl_g_rotation"]


def cifar10(claimed, advantage, seeds=5, noise=0.2, **options):
    """RotoGrad is better than all others by `advantage` on ten tasks."""
    random = np.random.default_rng(0)
    luck = random.normal(size=seeds)  # a seed's luck is the same for all methods
    values = {
        (m, t): 1 + luck + noise * random.normal(size=seeds) + advantage * (m == "rotograd")
        for m in [*RIVALS, "rotograd"]
        for t in "abcdefghij"
    }
    return found("cifar10", values, **options)
