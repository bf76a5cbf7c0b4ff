"""Claims are read whole; a fault in them is one clear error."""

import pandas as pd
import pytest
import yaml

from rotograd_replication.claims import cells, load
from rotograd_replication.claims.evidence import Evidence
from rotograd_replication.config.yaml_files import ConfigurationError
from tests.helpers import fake_runs
from tests.helpers.paths import CONFIGS

BAD = [
    (["claims", 0, "tests", 0, "methods"], ["rotogrd"], "unknown method `rotogrd`. Did you mean `rotograd`?"),
    (["claims", 0, "tests", 0, "quantity"], "objective_rang", "Did you mean `objective_range`?"),
    (["quantities", "worse_objective", "metric"], None, "`at: last_epoch` must be of `value` and name its `metric`"),
    (["quantities", "avg_delta", "at"], "last_epoch", "Found `of: delta`, `metric: None`"),
    (["experiments", "digits", "minimum_n", "value"], 1, "greater than or equal to 2. Found 1"),
    (["claims", 0, "tests", 0, "share", "value"], 50, "less than 1. Found 50"),
    (["claims", 3, "tests", 0, "against"], ["vanila"], "cifar10: cifar10_avg: unknown method `vanila`"),
    (["claims", 3, "tests", 0, "experiment"], "cifar", "Did you mean `cifar10`?"),
    (["quantities", "avg_delta", "direction"], "up", "quantities.avg_delta.direction"),
    (["quantities", "sum_mse", "tasks"], ["summ"], "unknown task `summ`. Did you mean `sum`?"),
    (["experiments", "digits", "cells"], ["digits_avg"], "Did you mean `digits_avg_delta`?"),
    (["experiments", "digit"], {"minimum_n": {"value": 2, "source": "choice: x"}}, "unknown experiment `digit`"),
    (["claims", 0, "tests", 1, "id"], "toy_convex_rotograd", "Found `toy_convex_rotograd` twice"),
    (["claims", 0, "tests", 0, "percent"], True, "`percent` must compare with methods"),
    (["statistics", "confidence", "value"], 95, "less than 1. Found 95"),
    (["claim"], [], "`claim` is not a key. Did you mean `claims`?"),
    (["reference"], "papr", "Did you mean `paper`?"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "value", "expected"), BAD)
def test_bad_claims_are_one_clear_error(configs, keys, value, expected):
    own = keys[0] == "quantities" or keys[-1] == "cells"
    path = configs / "paper" / ("quantities.yaml" if own else "claims.yaml")
    content = yaml.safe_load(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(ConfigurationError) as error:
        load.load(configs)
    assert expected in str(error.value)


def test_the_eight_claims_and_every_reported_number(claimed):
    judging, reference = claimed
    assert [c.number for c in judging.claims] == list(range(1, 9))
    empty = cells.cells(Evidence(reference, judging, reference, {}), fake_runs.paper())
    assert len(list(empty)) == len(pd.read_csv(CONFIGS / "paper" / "reported.csv"))
