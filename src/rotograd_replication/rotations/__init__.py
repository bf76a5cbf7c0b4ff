"""Parametrisations of K rotations by unconstrained parameters."""
