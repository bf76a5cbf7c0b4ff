"""Parametrisations of K rotations by unconstrained parameters: one file each.

`build(tasks, m, start, generator)` gives a module whose `forward()` is R, `[K, m, m]`; `start` is
R at the start; `learn(rotations, slopes)` leaves a gradient on the parameters, given M_k with
`L(R_k exp(A)) = L(R_k) + <M_k, A> + O(A^2)` for skew A; `settle(step)` follows an optimiser's step.
"""
