"""Parametrisations of K rotations by unconstrained parameters: one file each.

`build(tasks, m, start, generator)` gives a module whose `forward()` is R, `[K, m, m]`; `start` is
R at the start, `[1, m, m]` if it is the same for all; `learn(rotations, gradients, target)`, of
`[K, B, m]` and `[B, m]`, leaves a gradient on the parameters, with `M_k = gradients_k^T target` and
`L(R_k exp(A)) = L(R_k) + <M_k, A> + O(A^2)` for skew A; `settle(step)` follows an optimiser's step;
`largest_angles()` says how far each rotation has turned from its start.
"""

# Radians by which a plane may have turned until another parametrisation than `exponential`, the
# paper's, stops training like it; study `rotations` measures it.
ALIKE = 2.0
