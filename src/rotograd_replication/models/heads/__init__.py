"""Heads: one file per shape of head; tasks whose heads have the same shape are one module."""
