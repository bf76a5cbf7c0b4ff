"""Kinds of tasks: one file each, with the loss, the metrics and the layout of the targets.

A file's constants are literals, which are read without importing it (`plugins.constant`):

- `METRICS`: metric -> whether higher is better, in the order of results. One with an ending of
  `schema.CONVENTIONS` is the metric of that name, averaged in another way.
- `DENSE`: whether targets are maps, one value per pixel; else they are single numbers.
- `TARGETS`: how many columns of the targets (dense: channels) a task takes.

`build()` gives a `ScalarKind` (`_scalar`) or, where `DENSE`, a `MapKind` (`_maps`).
"""
