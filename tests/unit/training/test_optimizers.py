"""Optimisers are built as the configuration names them, and as fast as the device allows."""

import inspect
from types import SimpleNamespace

import pytest

from rotograd_replication.training import optimizers

SETTINGS = {"learning_rate": 0.1, "decay": 1.0, "eps": 1e-20}


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
@pytest.mark.parametrize("on_gpu", [False, True])
def test_what_an_optimizer_is_built_with(monkeypatch, name, on_gpu):
    monkeypatch.setitem(optimizers.OPTIMIZERS, name, lambda parameters, **options: options)
    options = optimizers.build([SimpleNamespace(is_cuda=on_gpu)], SETTINGS | {"name": name})
    assert options.pop("lr") == 0.1
    assert options.pop("eps", None) == (None if name == "sgd" else 1e-20)
    assert options == ({"fused": True} if on_gpu and name != "radam" else {})


@pytest.mark.parametrize(("name", "kind"), optimizers.OPTIMIZERS.items())
def test_one_kernel_is_used_where_torch_has_one(name, kind):
    assert ("fused" in inspect.signature(kind).parameters) == (name in optimizers.FUSED)
