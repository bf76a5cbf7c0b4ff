"""The sum of losses: `sum_k G_k` (the paper's Vanilla)."""

from ._base import Context, Method


def build(context: Context) -> Method:
    """Build the sum of task gradients."""
    return Method(context)
