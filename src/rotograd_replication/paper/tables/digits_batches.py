"""Table 2 with F1 of the parity averaged over batches, as the official code's example does."""

from dataclasses import replace

from ...config.schema import BATCHES
from . import _reported, digits

NEEDS = {"tasks": {"left": [], "right": [], "sum": [], "parity": ["f1_batches"], "active": ["mse"]}}

build = replace(digits.build, convention=BATCHES, start=_reported.F1_OVER_BATCHES)
