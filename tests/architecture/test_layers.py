"""The plan of the house: rooms in eight layers, in two wings; it is read from the code."""

import ast
import re

import pytest

from rotograd_replication import plugins

SOURCE = plugins.ROOT
# A room imports rooms of lower layers and its own files; objectives and records of runs are for both
# wings: planning compares what the report rests on.
LAYERS = [
    {"files", "runtime", "plugins", "tasks.objectives"},
    {"config"},
    {"results.run_records"},
    {"data", "tasks", "methods", "results"},
    {"models", "claims", "paper"},
    {"training", "report"},
    {"planning"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: i for i, rooms in enumerate(LAYERS) for room in rooms}
# From archives to runs, with torch; from runs to the report, without. They meet in files on disk.
TRAINING_WING = {"data", "tasks", "methods", "models", "training", "planning"}
PAPER_WING = {"results", "claims", "paper", "report"}
# Who may import from the other wing, and what.
CROSSING = {("paper.caption", "methods.rotations")}  # a number, beside what it was measured of
# The training wing reads and prepares data without torch, but for these.
TORCH = TRAINING_WING - {"data"} | {"runtime.device", "runtime.provenance", "runtime.rng"}
TORCH |= {"data.loader", "data.augment", "data.augment_maps"}


def dotted(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in SOURCE.rglob("*.py") if path.parent != SOURCE}
MODULES |= {name: SOURCE / f"{name}.py" for name in ("__main__", "plugins")}


def room(module):
    """The room of a module: the longest beginning of its name that has a layer."""
    parts = module.split(".")
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next(name for name in names if name in LEVEL)


def imports(module):
    """The package's modules that a module imports, at the top or inside functions."""
    folder = MODULES[module].relative_to(SOURCE).parent.parts
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            start = [*folder[: len(folder) + 1 - node.level], *(node.module or "").split(".")]
            start = ".".join(filter(None, start))
            for alias in node.names:
                whole = f"{start}.{alias.name}".lstrip(".")
                yield whole if whole in MODULES else start


def test_the_root_is_a_hall():
    assert {p.name for p in SOURCE.glob("*.py")} == {"__init__.py", "__main__.py", "plugins.py"}
    folders = {p.parent.name for p in SOURCE.glob("*/__init__.py")}
    assert folders == {name for name in LEVEL if (SOURCE / name).is_dir()}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down_only(module):
    own = room(module)
    for other in imports(module):
        assert room(other) == own or LEVEL[room(other)] < LEVEL[own], f"{module} imports {other}"


def test_the_wings_meet_in_files_alone():
    """And what is said to cross does."""
    wings = [TRAINING_WING, PAPER_WING]
    crossing = {
        (module, other)
        for module in MODULES
        for other in imports(module)
        for wing in wings
        if room(module) in wing and any(room(other) in w for w in wings if w is not wing)
    }
    assert crossing == CROSSING


def test_the_paper_wing_never_imports_torch():
    importing = {
        module
        for module, path in MODULES.items()
        if re.search(r"^\s*(import|from) torch\b", path.read_text(), re.M)
    }
    assert "training.trainer" in importing
    assert {m for m in importing if room(m) not in TORCH and m not in TORCH} == set()
