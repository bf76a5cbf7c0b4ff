"""Which single-task networks count as converged, by hand."""

import pandas as pd
import pytest

from rotograd_replication.results import convergence, tidy


def results(curves, diverged=None):
    """One run per seed: task -> its validation losses, from before training on."""
    runs = [
        pd.DataFrame({f"val_loss/{task}": losses for task, losses in tasks.items()})
        .rename_axis("epoch")
        .reset_index()
        .assign(method=method, seed=seed)
        for (method, seed), tasks in curves.items()
    ]
    found = tidy.Results("any", pd.DataFrame(), {"diverged": diverged or {}}, None)
    found.__dict__["history"] = pd.concat(runs)
    return found


@pytest.mark.parametrize(
    ("last", "count"),
    [(0.991, 1), (0.99, 1), (0.989, 0), (1.5, 1)],
    ids=["less", "at the limit", "more", "rising"],
)
def test_the_last_quarter_lowers_the_loss_by_at_most_a_hundredth(last, count):
    curve = [3.0, 2.0, 1.0, 1.0, last]  # epochs 1 to 3 of 4, and the last
    text = convergence.sentence(results({("single_task", 0): {"a": curve}}))
    assert f"{count} of 1 single-task networks" in text


def test_networks_of_every_seed_count_and_those_that_diverged_do_not():
    flat, falling = [1.0] * 9, [9.0 - epoch for epoch in range(9)]
    curves = {("single_task", seed): {"a": flat, "b": falling} for seed in range(3)}
    curves["vanilla", 0] = {"a": flat, "b": flat}
    found = results(curves, {"single_task": [2]})
    text = convergence.sentence(found)
    assert "Converged, any: 2 of 4 single-task networks" in text
    assert "it did by 33.3%, at most by 66.7%)" in text  # from 3 after six epochs to 1; flat: 0
    del curves["single_task", 0], curves["single_task", 1]
    assert convergence.sentence(results(curves, {"single_task": [2]})) == ""
