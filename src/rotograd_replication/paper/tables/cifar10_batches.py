"""Table 1 with F1 averaged over batches, as the official code's example does."""

from dataclasses import replace

from ...config.schema import BATCHES
from . import _reported, cifar10

NEEDS = {"methods": ["single_task"], "some_method": "joint", "metric": "f1_batches"}

build = replace(cifar10.build, convention=BATCHES, start=_reported.F1_OVER_BATCHES)
