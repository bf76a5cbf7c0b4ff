"""Datasets: one file per recipe, from original archives to arrays; NumPy only."""
