"""The name typed in a configuration is the name of a file: `methods/scale.py` is `module: scale`.

Names and parameters of plug-ins are read from their source without importing it, so that a
configuration is checked in milliseconds and the paper half of the project never imports torch.
"""

import ast
import difflib
import functools
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent
# What a kind of plug-in is called, and the folder of its files.
FOLDERS = {
    "datasets": "data/datasets",
    "figures": "paper/figures",
    "heads": "models/heads",
    "kinds": "tasks/kinds",
    "methods": "methods",
    "networks": "models/backbones",
    "rotations": "methods/rotations",
    "sections": "report/sections",
    "standins": "data/standins",
    "tables": "paper/tables",
}


def nearest(name: str, legal: list[str]) -> str:
    """Write the remedy of an unknown name: the nearest legal one, and all of them."""
    close = difflib.get_close_matches(name, legal, n=1, cutoff=0.4)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    return f"{hint}Legal: {', '.join(sorted(legal))}."


def names(package: str) -> list[str]:
    """List the plug-ins of `package`: its files that do not begin with an underscore."""
    return sorted(
        p.stem for p in (ROOT / FOLDERS[package]).glob("*.py") if not p.stem.startswith("_")
    )


def check(package: str, name: str) -> None:
    """Refuse an unknown plug-in.

    Raises:
        ValueError: `package` has no file of that name.
    """
    path = ROOT / FOLDERS[package] / f"{name}.py"
    if not name.isidentifier() or name.startswith("_") or not path.is_file():
        raise ValueError(f"`{name}` is not one of {package}. {nearest(name, names(package))}")


def load(package: str, name: str) -> ModuleType:
    """Import one plug-in.

    Raises:
        ValueError: `package` has no file of that name.
    """
    check(package, name)
    return importlib.import_module(f"{__package__}.{FOLDERS[package].replace('/', '.')}.{name}")


@functools.cache
def constant(package: str, name: str, constant: str) -> Any:
    """Read a literal that a plug-in binds to the name `constant`, without importing it.

    Raises:
        ValueError: `package` has no file of that name, or the file has no such literal.
    """
    check(package, name)
    for node in ast.parse(
        (ROOT / FOLDERS[package] / f"{name}.py").read_text(encoding="utf-8")
    ).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if ast.unparse(target) == constant:
            return ast.literal_eval(node.value)
    raise ValueError(f"`{FOLDERS[package]}/{name}.py` must set `{constant}`. Found it nowhere.")


def parameters(package: str, name: str, function: str = "build") -> dict[str, tuple[str, bool]]:
    """List a plug-in's configurable parameters: the keyword-only arguments of its `function`.

    Returns:
        Parameter name -> (its annotation as written, whether it must be given).

    Raises:
        ValueError: `package` has no file of that name, or the file has no such function.
    """
    check(package, name)
    found = _signatures((ROOT / FOLDERS[package] / f"{name}.py").read_text(encoding="utf-8"))
    if function not in found:
        raise ValueError(f"`{FOLDERS[package]}/{name}.py` must define `{function}`. Found none.")
    return found[function]


@functools.cache
def _signatures(source: str) -> dict[str, dict[str, tuple[str, bool]]]:
    """Read the keyword-only arguments of every function of a file."""
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    return {
        function.name: {
            a.arg: (ast.unparse(a.annotation) if a.annotation else "", default is None)
            for a, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        }
        for function in functions
    }
