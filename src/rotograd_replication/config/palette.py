"""Colours and markers of methods that set none: by their order in `configs/methods.yaml`.

The colours differ for readers without one kind of cone, and the markers without any colour. An
entry with `like` looks as the one it starts from, unless it sets its own.
"""

from typing import Any

# The first eight are those of the paper's methods: Okabe and Ito's, some darker, to differ in grey.
COLOURS = (
    "#1a1a1a",
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#cc79a7",
    "#8f8400",
    "#d55e00",
    "#7a9cff",
    "#8c564b",
    "#5e3c99",
    "#7f7f7f",
)
MARKERS = ("s", "v", "^", "D", "P", "X", "<", ">", "H", "o", "8", "d", "p", "h")


def look(position: int) -> dict[str, str]:
    """Choose the colour and marker of the method at `position`; no two are alike below 154."""
    return {
        "colour": COLOURS[position % len(COLOURS)],
        "marker": MARKERS[position % len(MARKERS)],
    }


def with_looks(methods: dict[str, Any]) -> dict[str, Any]:
    """Give each entry of `methods.yaml` a colour and a marker, unless its `like` has them."""
    own = [n for n, entry in methods.items() if isinstance(entry, dict) and "like" not in entry]
    return methods | {name: look(i) | methods[name] for i, name in enumerate(own)}
