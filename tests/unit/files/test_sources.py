"""The digest of what code means: what may change without it, and what may not."""

import ast
import textwrap

import pytest

from rotograd_replication import plugins
from rotograd_replication.config import stages
from rotograd_replication.files import sources

SOURCE = plugins.ROOT
LOSSES = '''
"""Losses of tasks."""

import math as m
from typing import Any

import torch
from torch import Tensor, nn

from . import records
from .heads._base import SCALE, width as size

WEIGHT = 0.5


class Loss(nn.Module):
    """A loss."""

    def forward(self, x: Tensor, *, power: float = 2.0) -> Tensor:
        """Its value."""
        # A comment.
        return WEIGHT * x.abs().pow(power).mean() + m.pi * SCALE


@torch.no_grad()
def mean(x: Tensor, **rest: Any) -> Tensor | None:
    """The mean."""
    if rest == {"a": None, **rest} or f"{x.ndim!r:>4}" == "\\u00e9":
        pass
    return x.mean(size(rest))


def write_sum(x: Tensor) -> None:
    from .records import atomic

    assert not (b"a" * 3).isalpha() and x.sum() < 1e-3 and atomic and records
'''
BASE = '''
"""What heads share."""

SCALE = 3
SCALE += 1


def width(rest: dict) -> int:
    """How wide."""
    return len(rest) % SCALE
'''
HEAD = '''
"""A head."""

from ._base import width


def build(tasks: list, *, depth: int = 2) -> int:
    """Build it."""
    return depth * width({})
'''
FILES = {"losses.py": LOSSES, "heads/_base.py": BASE, "heads/mlp.py": HEAD}
# Also what Python 3.12 and 3.13 give.
GOLDEN = "144321146b4f4d37"


def digest(folder, files, patterns=("**/*.py", "**/*.html")):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return sources.digest(folder, list(patterns))


def changed(name, *edits):
    """The files with one of them edited; every edit must find its text."""
    text = FILES[name]
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return FILES | {name: text}


def test_golden(tmp_path):
    """A fixed digest: the same on every machine and version of Python."""
    assert digest(tmp_path, FILES) == GOLDEN


def moved():
    """The files in other folders, with their imports rewritten."""
    text = LOSSES.replace("from .heads._base import", "from ..models.heads._base import")
    text = text.replace("from .records import", "from ..files.records import")
    text = text.replace("from . import records", "from rotograd_replication.files import records")
    return {"tasks/new.py": text, "models/heads/_base.py": BASE, "models/heads/mlp.py": HEAD}


def split():
    """A constant and its class in another file."""
    start, rest = LOSSES.split("WEIGHT = 0.5")
    body, rest = rest.split("@torch.no_grad()")
    first = f"{start.replace('from . import records', '')}\nWEIGHT = 0.5\n{body}"
    first = first.replace("from typing import Any", "").replace("import torch\n", "")
    first = first.replace(", width as size", "")
    second = f"{start}\n@torch.no_grad(){rest}".replace("import math as m", "")
    second = second.replace(", nn", "").replace("SCALE, ", "")
    return FILES | {"losses.py": first, "tasks.py": second}


def merged():
    """The function of one file in the file that imports it."""
    text = HEAD.replace("from ._base import width", BASE.replace('"""What heads share."""', ""))
    text = text.replace('"""A head."""', "")
    losses = LOSSES.replace("heads._base", "heads.mlp")
    return {"losses.py": losses, "heads/mlp.py": text, "heads/__init__.py": '"""Heads."""\n'}


EQUAL = {
    "moved": moved(),
    "split": split(),
    "merged": merged(),
    "comments": changed("losses.py", ("# A comment.", "# Other words.\n")),
    "docstring": changed("losses.py", ('    """The mean."""\n', "")),
    "module docstring": changed("heads/mlp.py", ('"""A head."""', "")),
    "imports sorted": changed(
        "losses.py",
        ("import math as m\n", ""),
        ("import torch\n", "import torch\nimport math as m\n"),
    ),
    "absolute import": changed(
        "losses.py", ("from .heads._base", "from rotograd_replication.heads._base")
    ),
    "parentheses": changed("losses.py", ("Tensor | None", "(Tensor | None)")),
    "order of statements": changed(
        "losses.py",
        ("\nWEIGHT = 0.5\n", "\n"),
        ("def write_sum", "WEIGHT = 0.5\n\n\ndef write_sum"),
    ),
    "a digit's writing": changed("losses.py", ("1e-3", "0.001")),
}
OTHER = {
    "number": changed("losses.py", ("WEIGHT = 0.5", "WEIGHT = 0.25")),
    "type of a number": changed("heads/mlp.py", ("depth: int = 2", "depth: int = 2.0")),
    "default": changed("losses.py", ("power: float = 2.0", "power: float = 1.0")),
    "default removed": changed("losses.py", ("power: float = 2.0", "power: float")),
    "annotation": changed("losses.py", ("power: float", "power: int")),
    "keyword only": changed("losses.py", ("x: Tensor, *, power", "x: Tensor, power")),
    "name": changed("losses.py", ("WEIGHT * x", "SCALE * x")),
    "operator": changed("losses.py", ("m.pi * SCALE", "m.pi + SCALE")),
    "decorator": changed("losses.py", ("@torch.no_grad()\n", "")),
    "base class": changed("losses.py", ("(nn.Module)", "")),
    "class body": changed("losses.py", ('    """A loss."""\n', "    lower = True\n")),
    "attribute": changed("losses.py", ("x.sum()", "x.mean()")),
    "string": changed("losses.py", ("u00e9", "u00e8")),
    "bytes": changed("losses.py", ('b"a"', 'b"b"')),
    "format": changed("losses.py", (":>4", ":<4")),
    "None in a dictionary": changed("losses.py", ('"a": None', '"a": False')),
    "statement added": changed(
        "heads/mlp.py", ("    return depth", "    depth += 1\n    return depth")
    ),
    "statement removed": changed("heads/_base.py", ("SCALE += 1\n", "")),
    "statement twice": FILES | {"heads/other.py": "SCALE = 3\n"},
    "order of what binds a name": changed(
        "heads/_base.py", ("SCALE = 3\nSCALE += 1", "SCALE += 1\nSCALE = 3")
    ),
    "source of an import": changed(
        "losses.py", ("from torch import Tensor", "from numpy import Tensor")
    ),
    "name of an import": changed("losses.py", ("import math as m", "import cmath as m")),
    "import in a function": changed("losses.py", ("import atomic", "import room as atomic")),
    "import removed": changed("losses.py", ("from . import records", "")),
    "file removed": {k: v for k, v in FILES.items() if k != "heads/mlp.py"},
    "plug-in's name": {k.replace("mlp", "linear"): v for k, v in FILES.items()},
    "page": FILES | {"page.html": "<p>"},
}


@pytest.mark.parametrize("files", EQUAL.values(), ids=EQUAL)
def test_equal_code_has_one_digest(tmp_path, files):
    assert files != FILES
    assert digest(tmp_path / "new", files) == digest(tmp_path / "old", FILES)


@pytest.mark.parametrize("files", OTHER.values(), ids=OTHER)
def test_other_code_has_another_digest(tmp_path, files):
    assert digest(tmp_path / "new", files) != digest(tmp_path / "old", FILES)


def test_a_name_from_another_file_is_another(tmp_path):
    """Two functions of one name: which of them is used counts."""
    two = {"a.py": "def f() -> int:\n    return 1\n", "b.py": "def f() -> int:\n    return 2\n"}
    use = "from .{} import f\n\n\ndef g() -> int:\n    return f()\n"
    inside = "def g() -> int:\n    from .{} import f\n\n    return f()\n"
    again = "from .{} import f as f\n"
    for i, text in enumerate((use, inside)):
        first = digest(tmp_path / f"{i}a", two | {"c.py": text.format("a")})
        assert digest(tmp_path / f"{i}b", two | {"c.py": text.format("b")}) != first
        assert digest(tmp_path / f"{i}c", two | {"d/c.py": text.format(".a")}) == first
    through = {"c.py": use.format("d"), "d.py": again.format("a")}
    other = through | {"d.py": again.format("b")}
    assert digest(tmp_path / "e", two | through) != digest(tmp_path / "f", two | other)


def test_a_module_imported_whole_may_be_renamed_under_its_bound_name(tmp_path):
    """And nothing else may: a function of another name is another function."""
    module = "def atomic() -> int:\n    return 1\n\n\ndef room() -> int:\n    return 2\n"
    use = "\n\ndef g() -> int:\n    return {}()\n"
    old = {"records.py": module, "a.py": "from . import records" + use.format("records.atomic")}

    def new(imported, used):
        files = {"files/atomic.py": module, "tasks/a.py": imported + use.format(used)}
        return digest(tmp_path / imported.replace(" ", "_"), files, ["tasks/*.py"])

    expected = digest(tmp_path / "old", old, ["a.py"])
    assert new("from ..files import atomic as records", "records.atomic") == expected
    assert new("from ..files import atomic", "atomic.atomic") != expected
    function = new("from ..files.atomic import atomic as f", "f")
    assert new("from ..files.atomic import room as f", "f") != function


def test_a_helper_is_the_one_of_its_own_file(tmp_path):
    """A function moved to a file with another helper of the same name has another meaning."""
    helpers = {f"{n}.py": f"def _h() -> int:\n    return {n!r}\n" for n in "ab"}
    user = "\n\ndef g() -> int:\n    return _h()\n"
    first, second = helpers | {"a.py": helpers["a.py"] + user}, helpers
    second = helpers | {"b.py": helpers["b.py"] + user}
    assert digest(tmp_path / "1", first) != digest(tmp_path / "2", second)


def test_a_file_that_is_no_python_is_named(tmp_path):
    with pytest.raises(SyntaxError, match=r"broken\.py"):
        digest(tmp_path, {"broken.py": "def"})


# What training imports and no digest of its code holds: none of it changes a number of a run.
OUTSIDE = {
    "files/damage.py": "words the message on a damaged file; nothing of it is read",
    "plugins.py": "finds a plug-in by name; the plug-in is in the digest",
    "files/atomic.py": "writes files whole, and digests",
    "files/safety.py": "goes on without what a file system lacks; the bytes written are the same",
    "files/sealed.py": "writes and checks the sums of files; a file of other bytes is refused",
    "runtime/provenance.py": "says in the record what made it; no number follows from it",
    "training/lock.py": "refuses a second process that trains the same run",
    "runtime/preemption.py": "asks a process to end; what resumes it gives the same bytes",
}
TYPES = "types; the values that a run is given are in its digest of the configuration"
SCHEMA = ("__init__", "base", "dataset", "experiment", "method", "study")
OUTSIDE |= {f"config/schema/{name}.py": TYPES for name in SCHEMA}
OUTSIDE |= {"config/run_settings.py": TYPES}
ASKED = "what a grid asks for; a choice's record has its digest and what was chosen"
ASKING = ("choice", "faults", "settings", "shorthand", "tuning", "yaml_files")
OUTSIDE |= {f"config/{name}.py": ASKED for name in ASKING}


def imported(path):
    """The package's files that a file imports, in functions too, or loads as plug-ins."""
    folder = path.relative_to(SOURCE).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            start = SOURCE.joinpath(*folder[: len(folder) + 1 - node.level])
            start = start.joinpath(*(node.module or "").split("."))
            found = [start.with_suffix(".py"), *(start / f"{a.name}.py" for a in node.names)]
            found += [folder / "__init__.py" for folder in (start, *start.parents)]
            yield from (file for file in found if file.is_file())
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "plugins.load":
            folder = plugins.FOLDERS[ast.literal_eval(node.args[0])]
            yield from (SOURCE / folder).glob("*.py")


def code(paths):
    """The files that are more than a docstring."""
    return {path for path in paths if ast.parse(path.read_text()).body[1:]}


def reached(*starts):
    """All files that these import, directly or not."""
    found, waiting = set(), [SOURCE / start for start in starts]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported(path)
    return code(found)


def digested(*patterns):
    assert all(any(SOURCE.glob(pattern)) for pattern in patterns), "every pattern finds a file"
    return code({path for pattern in patterns for path in SOURCE.glob(pattern)})


def test_the_digest_of_training_holds_what_training_imports():
    """And nothing else: an edit of what training never reads makes no run stale."""
    imports = reached(*(f"training/{name}.py" for name in ("train", "tune", "evaluate")))
    own = digested(*stages.TRAIN)
    assert len(imports) > 40
    assert {str(p.relative_to(SOURCE)) for p in imports - own} == set(OUTSIDE)
    assert own <= imports


# What reads and checks a configuration: its values are in the digests of settings and of words.
READS = {
    f"config/{name}.py" for name in ("faults", "settings", "shorthand", "tuning", "yaml_files")
}
READS |= {"config/run_settings.py", "plugins.py"}
READS |= {f"config/schema/{name}.py" for name in SCHEMA}
READS |= {f"files/{name}.py" for name in ("atomic", "damage", "safety")}


@pytest.mark.parametrize(
    "start, patterns",
    [
        ("results/aggregate.py", stages.AGGREGATE),
        ("claims/verdict.py", [*stages.VERDICT, *stages.PAPER]),
        ("paper/table.py", ["paper/table.py", "paper/tables/*.py", *stages.PAPER]),
        ("paper/figure.py", ["paper/figure.py", "paper/figures/*.py", *stages.PAPER]),
        ("paper/hyperparameters.py", stages.HYPERPARAMETERS),
    ],
)
def test_the_digest_of_an_output_holds_what_it_imports(start, patterns):
    imports = {str(path.relative_to(SOURCE)) for path in reached(start) - digested(*patterns)}
    objectives = {"tasks/objectives.py"}  # in a figure's digest beside these (rules/digests.smk)
    assert imports - objectives <= READS
