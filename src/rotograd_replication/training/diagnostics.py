"""What is recorded of a step's task gradients: sizes, conflicts, agreement with the update."""

import torch
from torch import Tensor

from ..methods._base import Step, gramian


def _cosines(products: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """`products / (left * right)`, zero where a length is."""
    lengths = left * right
    return torch.where(lengths > 0, products / lengths.clamp_min(1e-38), torch.zeros_like(products))


def measure(step: Step, update: Tensor, names: list[str]) -> dict[str, Tensor]:
    """Columns of the history, as 0-dimensional tensors on the device (no synchronisation).

    Args:
        step: gradients G_k at z, `[K, B, D]`.
        update: the combined gradient, `[B, D]`.
        names: of the K tasks.

    Returns:
        `gradient_norm/<task>`, `cosine/<task>/<other>`, and the cosine of G_k with the plain sum
        (`update_cosine_before/<task>`) and with the method's update (`update_cosine_after/<task>`).
    """
    products = gramian(step.gradients)
    lengths = products.diagonal().clamp_min(0).sqrt()
    cosines = _cosines(products, lengths[:, None], lengths[None, :])
    total = products.sum().clamp_min(0).sqrt()
    before = _cosines(products.sum(1), lengths, total)
    along = torch.einsum("kbd,bd->k", step.gradients, update)
    after = _cosines(along, lengths, torch.linalg.vector_norm(update))
    found = {}
    for i, name in enumerate(names):
        found[f"gradient_norm/{name}"] = lengths[i]
        found[f"update_cosine_before/{name}"] = before[i]
        found[f"update_cosine_after/{name}"] = after[i]
        for j in range(i + 1, len(names)):
            found[f"cosine/{name}/{names[j]}"] = cosines[i, j]
    return found
