"""Finished runs: read, checked and gathered, without torch."""
