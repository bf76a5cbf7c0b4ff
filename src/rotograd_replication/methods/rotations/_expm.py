"""The exponential of a batch of matrices, whose derivative shares the products of its value.

Scaling and squaring of a Taylor polynomial in Paterson and Stockmeyer's form (Higham, Functions of
Matrices, SIAM 2008, chapter 10). Differentiated product by product, which is the Frechet derivative
of the algorithm (Al-Mohy and Higham, SIMAX 2009): two products backward for each one forward, where
`torch.linalg.matrix_exp` takes the exponential of matrices of twice the size, eight for one.
"""

import math

import torch
from torch import Tensor

# The norm up to which the polynomial of degree 12 is exact to the type's rounding.
REACH = {torch.float32: 1.0, torch.float64: 0.25}
HOPELESS = 2.0**60


def expm(matrices: Tensor) -> Tensor:
    """Compute `exp(A_k)` of `[K, m, m]`, differentiable; the largest 1-norm scales all K."""
    with torch.no_grad():
        norm = float(torch.linalg.matrix_norm(matrices, 1).max())
    reach = REACH[matrices.dtype]
    # Beyond `HOPELESS` the polynomial overflows, and the run diverges.
    squarings = max(0, math.ceil(math.log2(norm / reach))) if 0 < norm < HOPELESS else 0
    x = matrices / 2**squarings
    square = x @ x
    cube = square @ x
    identity = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)

    def terms(low: int) -> Tensor:
        powers = zip(range(low, low + 3), (identity, x, square), strict=True)
        return sum((power / math.factorial(n) for n, power in powers), start=x.new_zeros(()))

    value = terms(9) + cube / math.factorial(12)
    for low in (6, 3, 0):
        value = cube @ value + terms(low)
    for _ in range(squarings):
        value = value @ value
    return value
