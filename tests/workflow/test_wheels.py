"""A machine with a GPU and no package index lacks what requirements-gpu.lock pins, and no more."""

import re
import subprocess
import sys
from importlib import metadata

from packaging.requirements import Requirement

from tests.helpers.paths import ROOT

# What the machine brings: docs/cluster.md.
MACHINE = {"torch", "numpy", "pandas", "scikit-learn", "matplotlib"}
# Imported where it is there, by packages that do without.
OPTIONAL = {"psutil", "setuptools", "editables"}
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.M)
IMPORTED = """
import sys
sys.path.insert(0, "benchmarks")
import importlib, re
from importlib import metadata
for name in ("on_gpu", "gpu_checks", "gpu_measures", "rotograd_replication.cli"):
    importlib.import_module(name)
for name in ("data.fetch", "data.prepare", "training.train", "training.evaluate"):
    importlib.import_module(f"rotograd_replication.{name}")
import contenders
contenders.package()
from rotograd_replication import plugins
for kind in ("methods", "networks", "heads", "rotations"):
    for name in plugins.names(kind):
        plugins.load(kind, name)
for name in ("cifar10", "digits"):
    plugins.load("datasets", name)
of = metadata.packages_distributions()
tops = {name.split(".")[0] for name in sys.modules}
print(*{re.sub("[_.]", "-", one.lower()) for top in tops for one in of.get(top, ())})
"""


def needs(names):
    """Distributions and all that they require, by name."""
    found, left = set(), set(names)
    while left:
        name = left.pop()
        found.add(name)
        try:
            requirements = map(Requirement, metadata.requires(name) or ())
        except metadata.PackageNotFoundError:
            continue
        given = {"extra": ""}
        needed = (r.name for r in requirements if not r.marker or r.marker.evaluate(given))
        left |= {re.sub("[_.]", "-", one.lower()) for one in needed} - found
    return found


def test_the_lock_has_the_versions_of_the_environment():
    text = (ROOT / "requirements-gpu.lock").read_text()
    pins = dict(PIN.findall(text))
    names = [n for n in (ROOT / "requirements-gpu.in").read_text().split("\n") if n[:1] not in "#"]
    assert set(pins) == set(names)
    assert pins.items() <= dict(PIN.findall((ROOT / "requirements.lock").read_text())).items()
    assert text.count("--hash=sha256:") >= len(pins) and "://" not in text


def test_all_that_is_imported_is_there():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    pins = dict(PIN.findall((ROOT / "requirements-gpu.lock").read_text()))
    imported = set(done.stdout.split()) - needs(MACHINE) - {"rotograd-replication", "pip"}
    assert imported - set(pins) <= OPTIONAL
    assert {"torchjd", "pydantic-core", "rotograd"} <= imported
