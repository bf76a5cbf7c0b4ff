"""One YAML file as a mapping of names, small enough to walk through, or one message."""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from .. import plugins
from ..files import damage

# Entries that a file may have, anchors followed: far more than any here, and few enough to count.
MOST = 100_000


class ConfigurationError(ValueError):
    """A configuration that cannot be used; its message names the place, the rule and the remedy."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a mapping that gives a key twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := [key for i, key in enumerate(keys) if key in keys[:i]]:
            raise yaml.YAMLError(f"`{twice[0]}` twice in one mapping,\n{node.start_mark}")
        return super().construct_mapping(node, deep)


# `1e-3` is a number, as in YAML 1.2 and JSON; PyYAML asks for `1.0e-3`.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)
# What a file may be called whose name becomes part of paths and commands.
NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]*")


def read_named(folder: Path, name: str) -> dict[str, Any]:
    """Read `<name>.yaml` of a folder; a name is that of a file in it, and no path.

    Raises:
        ConfigurationError: No such file, one whose name may not be, or not a mapping of names.
    """
    legal = [path.stem for path in folder.glob("*.yaml")]
    if name not in legal:
        hint = plugins.nearest(name, legal)
        raise ConfigurationError(f"`{name}` is not one of {folder}. {hint}")
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"The name of `{folder / name}.yaml` must be of letters, digits, `_`, `-` and `.`, a "
            "letter or digit first: it becomes part of paths and commands. Rename the file."
        )
    return read_yaml(folder / f"{name}.yaml")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping.

    Raises:
        ConfigurationError: Not a mapping of names.
        OSError: It cannot be read.
    """
    raw = path.read_bytes()
    with damage.reading(path, "YAML", "Mend it.", ConfigurationError):
        content = yaml.load(raw.decode(), _Loader)
    if not isinstance(content, dict):
        raise ConfigurationError(f"`{path}` must be a mapping. Found {type(content).__name__}.")
    _check(content, path)
    return content


def _check(content: dict[str, Any], path: Path) -> None:
    """Refuse keys that are not text (`1:`, `no:`), and anchors that contain themselves.

    Raises:
        ConfigurationError: Names the file and the key.
    """
    waiting: list[Any] = [content]
    entries = 0
    while waiting:
        part = waiting.pop()
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            entries += 1
            if entries > MOST:
                raise ConfigurationError(
                    f"`{path}` must have at most {MOST} entries. Found more: does an anchor "
                    "(`&`) hold itself?"
                )
            if isinstance(part, dict) and not isinstance(key, str):
                raise ConfigurationError(
                    f"Every key of `{path}` must be text. Found {short(key)}: put it in quotes."
                )
            if isinstance(value, dict | list):
                waiting.append(value)


def mapping(content: Any, place: str) -> dict[str, Any]:
    """Take `content` as a mapping; None is an empty one.

    Raises:
        ConfigurationError: It is something else.
    """
    if content is not None and not isinstance(content, dict):
        raise ConfigurationError(f"`{place}` must be a mapping. Found {short(content)}.")
    return content or {}


def short(content: Any) -> str:
    """Show what was found, in one short line."""
    return text if len(text := repr(content)) <= 80 else f"{text[:77]}..."


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Apply `changes` to a copy of `base`: mappings merge, everything else is replaced."""
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        whole = isinstance(value, dict) and "source" in value  # a sourced value is one thing
        if isinstance(value, dict) and isinstance(merged.get(key), dict) and not whole:
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
