"""Backbones: each file maps an input to D features."""
