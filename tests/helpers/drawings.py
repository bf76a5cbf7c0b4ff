"""Figures where a test asserts their numbers and words, and not how they look."""

from pathlib import Path

from matplotlib.figure import Figure

_savefig = Figure.savefig


def sketch(drawing: Figure, file: Path, **_: object) -> None:
    """Take the place of `Figure.savefig`: lay out and draw small, and once of PDF and PNG."""
    # More panels take long to lay out, and are drawn alike.
    if Path(file).suffix == ".png" and len(drawing.axes) <= 16:
        _savefig(drawing, file, dpi=20)


def touch(drawing: Figure, file: Path, **_: object) -> None:
    """Take the place of `Figure.savefig`: draw nothing."""
    Path(file).touch()
