"""What is recorded of a step's task gradients: sizes, conflicts, agreement with the update."""

import torch
from torch import Tensor

from ..methods._base import TaskGradients, gramian


def _cosines(products: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Compute `products / (left * right)`, 0 where a length is 0."""
    lengths = left * right
    return torch.where(lengths > 0, products / lengths.clamp_min(1e-38), torch.zeros_like(products))


def measure(batch: TaskGradients, update: Tensor, names: list[str]) -> dict[str, Tensor]:
    """Compute columns of the history, as 0-dimensional tensors on the device, without waiting.

    Args:
        batch: Gradients G_k at z, `[K, B, D]`.
        update: The combined gradient, `[B, D]`.
        names: The names of the K tasks.

    Returns:
        `gradient_norm/<task>`, `cosine/<task>/<other>`, and the cosine of G_k with the plain sum
        (`update_cosine_before/<task>`) and with the method's update (`update_cosine_after/<task>`).
    """
    products = gramian(batch.gradients)
    lengths = products.diagonal().clamp_min(0).sqrt()
    cosines = _cosines(products, lengths[:, None], lengths[None, :])
    total = products.sum().clamp_min(0).sqrt()
    before = _cosines(products.sum(1), lengths, total)
    along = torch.einsum("kbd,bd->k", batch.gradients, update)
    after = _cosines(along, lengths, torch.linalg.vector_norm(update))
    columns = {}
    for i, name in enumerate(names):
        columns[f"gradient_norm/{name}"] = lengths[i]
        columns[f"update_cosine_before/{name}"] = before[i]
        columns[f"update_cosine_after/{name}"] = after[i]
        for j in range(i + 1, len(names)):
            columns[f"cosine/{name}/{names[j]}"] = cosines[i, j]
    return columns
