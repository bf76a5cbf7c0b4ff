"""Digest what source code means; comments, docstrings and the places of files do not count.

What counts of Python files is their top-level statements, each with what the names in it stand for.
The statements of all files are taken together and sorted. So a function or a file may move, a file
may be split or merged, and imports may be sorted, and the digest stays. A changed number, name,
operator, default, decorator or annotation changes it, as does a statement added or removed. Left
out are

- comments, docstrings and `pass`;
- the folder and the name of a file; only the name of a plug-in counts, which a configuration gives
  (a file is a plug-in if it defines `build`);
- the module of this package that a name is imported from: what the name stands for counts instead;
- the order of top-level statements (a choice: it seldom has a meaning), except of those that bind
  the same name.

A module imported whole counts by the name that it is bound to (`records` in `records.atomic`). So
its file may move and have another name, as in `from .files import atomic as records`; another bound
name changes the digest. `configs/equivalent_code.yaml` says which digests are of equal code all the
same.

Files in other languages count by their names and bytes. The digest is the same under Python 3.11,
3.12 and 3.13, whose syntax trees differ in fields that are empty.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeGuard

from . import atomic

PACKAGE = __name__.partition(".")[0]
# Fields of a syntax tree without a meaning of their own.
IGNORED = {"ctx", "kind", "type_comment"}


def digest(root: Path, patterns: list[str]) -> str:
    """Digest the meaning of the files that match to 16 hexadecimal digits.

    Args:
        root: The folder of the package.
        patterns: Glob patterns, relative to `root`.

    Raises:
        SyntaxError: A file is not Python; names the file.
    """
    files = sorted({p for pattern in patterns for p in root.glob(pattern) if p.is_file()})
    package = _package(root)
    modules = {_dotted(p, root): Module.read(p, root, package) for p in files if p.suffix == ".py"}
    python = sorted(line for module in modules.values() for line in module.lines(modules))
    others = sorted([p.name, atomic.sha256(p)] for p in files if p.suffix != ".py")
    return atomic.digest([python, others])


@cache
def _package(root: Path) -> frozenset[str]:
    """List all modules of the package, once for the digests of all stages."""
    return frozenset(_dotted(p, root) for p in root.rglob("*.py"))


def _dotted(path: Path, root: Path) -> str:
    """Name a module: `heads.mlp` for `heads/mlp.py`, `heads` for `heads/__init__.py`."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True)
class Module:
    """One Python file.

    Attributes:
        name: Of the file, without its suffix.
        folder: Names of the folders from the root to the file.
        body: Top-level statements.
        package: All modules of the package, dotted; one that is imported whole is known by it.
    """

    name: str
    folder: tuple[str, ...]
    body: list[ast.stmt]
    package: frozenset[str]

    @classmethod
    def read(cls, path: Path, root: Path, package: frozenset[str]) -> "Module":
        """Parse a file below `root`."""
        return _module(path.read_bytes(), path, root, package)

    def lines(self, modules: dict[str, "Module"]) -> Iterator[str]:
        """Yield a line per statement and per import that no statement uses.

        Args:
            modules: All files of the digest, by dotted name.
        """
        used: set[str] = set()
        for statement, names, bound in self.statements:
            used |= names
            content: dict[str, Any] = {"statement": statement}
            content["names"] = {name: m for name in names if (m := self.meaning(name, modules))}
            if "build" in bound:
                content["plugin"] = self.name
            yield atomic.digest(content)
        for name in self.imports.keys() - used:
            yield atomic.digest({name: self.meaning(name, modules)})

    def meaning(self, name: str, modules: dict[str, "Module"]) -> list[str]:
        """Find what a top-level name means: its definition or imports; empty for other names."""
        if name in self.definitions:
            return [name, *self.definitions[name]]
        meanings = []
        for module, original in self.imports.get(name, []):
            defined = modules[module].meaning(original, modules) if module in modules else []
            whole = module is not None and f"{module}.{original}".lstrip(".") in self.package
            meanings += defined or [name if whole else original]
        return meanings

    @cached_property
    def statements(self) -> list[tuple[str, set[str], set[str]]]:
        """Each statement that counts: its digest, the names in it and those that it binds."""
        found = []
        for statement in self.body:
            if not (_is_import(statement) or _is_silent(statement)):
                names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
                found.append((_digest(statement), names, _bound(statement)))
        return found

    @cached_property
    def definitions(self) -> dict[str, list[str]]:
        """Name -> digests of the statements that bind it, in their order."""
        digests: dict[str, list[str]] = {}
        for statement, _, bound in self.statements:
            for name in bound:
                digests.setdefault(name, []).append(statement)
        return digests

    @cached_property
    def imports(self) -> dict[str, list[tuple[str | None, str]]]:
        """Bound name -> what it stands for (see `_origin`), also where a function imports it."""
        origins: dict[str, list[tuple[str | None, str]]] = {}
        nodes = (node for statement in self.body for node in ast.walk(statement))
        for node in filter(_is_import, nodes):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                origins.setdefault(bound, []).append(_origin(node, alias, self.folder))
        return origins


@cache
def _module(content: bytes, path: Path, root: Path, package: frozenset[str]) -> Module:
    """Parse a file, once for the digests of all stages."""
    tree = ast.parse(content, str(path))
    return Module(path.stem, path.relative_to(root).parent.parts, tree.body, package)


def _is_import(node: ast.AST) -> TypeGuard[ast.Import | ast.ImportFrom]:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_silent(node: Any) -> bool:
    """Say whether a statement does nothing: a docstring, any other lone string, or `pass`."""
    lone = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (lone and isinstance(node.value.value, str))


def _bound(statement: ast.stmt) -> set[str]:
    """List the names that a top-level statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _origin(
    statement: ast.Import | ast.ImportFrom, alias: ast.alias, folder: tuple[str, ...] = ()
) -> tuple[str | None, str]:
    """Find the module of this package that a name is imported from, and its name there.

    Of another package: None, and the import in words.
    """
    if isinstance(statement, ast.ImportFrom):
        path = tuple(statement.module.split(".")) if statement.module else ()
        if statement.level:
            return ".".join(folder[: len(folder) + 1 - statement.level] + path), alias.name
        if path[0] == PACKAGE:
            return ".".join(path[1:]), alias.name
        return None, f"from {statement.module} import {alias.name}"
    path = tuple(alias.name.split("."))
    if path[0] == PACKAGE:
        return ".".join(path[1:-1]), path[-1]
    return None, f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")


def _digest(statement: ast.stmt) -> str:
    return atomic.digest(_plain(statement))


def _plain(node: Any) -> Any:
    """Reduce a syntax tree to nested lists of plain values, without what has no meaning.

    Empty fields are left out: later versions of Python have more of them.
    """
    if isinstance(node, list):
        return [_plain(item) for item in node if not _is_silent(item)]
    if isinstance(node, ast.Constant):
        value = node.value
        return [type(value).__name__, value if isinstance(value, str) else repr(value)]
    if _is_import(node):
        return ["import", [[_origin(node, alias)[1], alias.asname] for alias in node.names]]
    if not isinstance(node, ast.AST):
        return node
    fields = [[name, _plain(value)] for name, value in ast.iter_fields(node) if name not in IGNORED]
    return [type(node).__name__, [field for field in fields if field[1] not in (None, [])]]
