"""Gradient homogenisation: each file turns K task gradients into one."""
