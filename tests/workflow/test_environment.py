"""pyproject.toml, requirements.lock, environment.yml and the Makefile name the same packages."""

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.helpers.paths import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]


def pins_of(lock):
    return dict(re.findall(r"^([a-zA-Z0-9_.-]+)(?:\[.*?\])?==(\S+)", lock, re.MULTILINE))


PINS = pins_of(LOCK)


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [
        Requirement(r) for r in project["dependencies"] + project["optional-dependencies"]["dev"]
    ]


def test_lock_satisfies_pyproject():
    for requirement in declared():
        assert requirement.name in PINS, (
            f"{requirement.name} is not in requirements.lock: make lock"
        )
        assert requirement.specifier.contains(PINS[requirement.name]), requirement


def check_hashes(lock):
    for block in re.split(r"\n(?=\S)", lock.strip()):
        if not block.startswith("#"):
            assert "--hash=sha256:" in block, block
    assert "://" not in lock


def test_every_pin_has_a_hash_and_no_host():
    check_hashes(LOCK)


def test_environment_yml_takes_the_lock():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    assert pip == ["--require-hashes", "-r requirements.lock"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = next(d for d in conda["dependencies"] if str(d).startswith("python"))
    assert python == f"python{project['requires-python']}"


def test_installed_is_what_is_locked():
    for requirement in declared():
        assert importlib.metadata.version(requirement.name) == PINS[requirement.name]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_has_a_lock_of_its_own_that_agrees(group):
    """`make slurm` installs beside requirements.lock: nothing there may need another version."""
    text = (ROOT / f"requirements-{group}.lock").read_text()
    pins = pins_of(text)
    for requirement in map(Requirement, GROUPS[group]):
        assert requirement.specifier.contains(pins[requirement.name]), "make lock"
        assert requirement.name not in PINS, "every start of snakemake would import it"
    common = pins.keys() & PINS.keys()
    assert len(common) > 5 and all(pins[name] == PINS[name] for name in common), "make lock"
    check_hashes(text)
    assert re.search(rf"^(\w+ )*{group}( \w+)*: environment$", MAKEFILE, re.M), f"make {group}"


UV = """#!/bin/sh
{ echo "call: $*"; env; } >> "$CALLS"
echo "$COMPLAINT" >&2
test -z "$COMPLAINT"
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose lock names one package: a `uv` that writes down how it is called."""
    root = tmp_path / "a folder"
    wheels = tmp_path / "wheels"
    for folder in (root, wheels):
        folder.mkdir()
    for name in ("Makefile", "environment.py", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    wheel = wheels / "uv-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        info = zipfile.ZipInfo("uv-1.0.data/scripts/uv")
        info.external_attr = 0o100755 << 16
        archive.writestr(info, UV)
        archive.writestr(
            "uv-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 1.0\n"
        )
        archive.writestr("uv-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr("uv-1.0.dist-info/RECORD", "")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (root / "requirements.lock").write_text(f"uv==1.0 \\\n    --hash=sha256:{found}\nzlib==1\n")
    (root / "requirements-slurm.lock").write_text("")
    return root


def make(root, *arguments, **variables):
    """`make environment`, and the calls of uv that it made."""
    calls = root.parent / "calls"
    calls.unlink(missing_ok=True)
    variables = {
        "CALLS": str(calls),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(root.parent / "wheels"),
        "COMPLAINT": "",
    } | variables
    goals = [argument for argument in arguments if not argument.startswith(("-", "PYTHON="))]
    command = ["make", "-s", *(arguments or [f"PYTHON={sys.executable}"])]
    command += [] if goals else ["environment"]
    done = subprocess.run(
        command, cwd=root, env=os.environ | variables, capture_output=True, text=True
    )
    return done, calls.read_text() if calls.exists() else ""


def test_make_builds_what_changed_and_nothing_else(checkout):
    done, calls = make(checkout)
    assert done.returncode == 0, done.stderr
    python = checkout / ".venv" / "bin" / "python"
    where = f"--quiet --python {python} --no-index"
    assert re.findall("call: (.*)", calls) == [
        f"pip sync {where} --require-hashes requirements.lock",
        f"pip install {where} --no-deps --no-build-isolation -e .",
    ]
    done, calls = make(checkout, f"PYTHON={sys.executable}")
    assert (done.returncode, done.stdout, calls) == (0, "", "")

    (checkout / ".venv" / "old").touch()
    with open(checkout / "requirements.lock", "a") as lock:
        lock.write("numpy==1\n")
    done, calls = make(checkout)
    assert "changed: packages" in done.stdout and "sync" in calls
    assert (checkout / ".venv" / "old").exists()

    moved = checkout.rename(checkout.parent / "moved")
    done, calls = make(moved)
    assert "changed: folder" in done.stdout and f"{moved}/.venv/bin/python" in calls
    assert not (moved / ".venv" / "old").exists()

    stamp = moved / ".venv" / "built"
    built = json.loads(stamp.read_text())
    stamp.write_text(json.dumps(built | {"python": built["python"] | {"version": "3.11.0"}}))
    assert "changed: python" in make(moved)[0].stdout

    done, calls = make(moved, "slurm")
    assert calls.count("requirements-slurm.lock") == 1
    (moved / "requirements-slurm.lock").write_text("# newer\n")
    assert "requirements-slurm.lock" in make(moved)[1], "what `make slurm` added stays"


def test_a_try_that_failed_says_what_to_do_and_is_made_again(checkout):
    done, _ = make(checkout, COMPLAINT="no route")
    first, *rest = done.stderr.splitlines()
    assert done.returncode != 0
    assert first.startswith("error: .venv is not built. Packages must be reachable")
    assert "no route" in rest
    lock = checkout / "requirements.lock"
    text = lock.read_text()
    lock.write_text(re.sub("sha256:.{8}", "sha256:" + "0" * 8, text))
    shutil.rmtree(checkout / ".venv")
    done, calls = make(checkout)
    assert done.returncode != 0 and not calls and "HASHES" in done.stderr
    lock.write_text(text)
    done, calls = make(checkout)
    assert done.returncode == 0 and "sync" in calls


@pytest.mark.parametrize(
    ("file", "found"), [(".venv", "Mend this.*Not a directory"), ("requirements.lock", "restore")]
)
def test_what_stands_in_the_way_is_one_line(checkout, file, found):
    (checkout / file).write_text("")
    done, _ = make(checkout)
    assert done.returncode != 0 and re.match(f"error: .*{found}", done.stderr), done.stderr


def test_uv_is_told_where_pip_looks_and_nothing_else(checkout, tmp_path):
    settings = tmp_path / "pip.conf"
    settings.write_text(
        "[global]\nindex-url = https://user:word@one.invalid/simple\nuser = true\n"
        "extra-index-url =\n    https://two.invalid/simple\n    https://three.invalid/simple\n"
        "[install]\ntrusted-host = one.invalid\n"
    )
    other = {"PIP_TARGET": "elsewhere", "UV_TARGET": "elsewhere", "PYTHONPATH": "/elsewhere"}
    done, calls = make(
        checkout, PIP_CONFIG_FILE=str(settings), PIP_TIMEOUT="7", PIP_USER="1", **other
    )
    assert done.returncode == 0, done.stderr
    assert not re.search("^(PIP_USER|PIP_TARGET|UV_TARGET|PYTHONPATH)=", calls, re.M)
    for line in (
        "UV_INDEX_URL=https://user:word@one.invalid/simple",
        "UV_EXTRA_INDEX_URL=https://two.invalid/simple https://three.invalid/simple",
        "UV_INSECURE_HOST=one.invalid",
        "UV_HTTP_TIMEOUT=7",
        f"UV_FIND_LINKS={tmp_path / 'wheels'}",
    ):
        assert line in calls.splitlines()
    (checkout / "requirements-slurm.lock").write_text("# newer\n")
    done, calls = make(checkout, "slurm", PIP_INDEX_URL="https://x.invalid", UV_INDEX_URL="mine")
    assert "UV_INDEX_URL=mine" in calls and "word" not in (checkout / ".venv" / "built").read_text()


def test_another_python_is_refused_with_the_remedy(checkout, tmp_path):
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done, _ = make(checkout, f"PYTHON={old}")
    assert done.stderr.startswith("error: install Python 3.11, 3.12 or 3.13, or name it")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in MAKEFILE


def test_the_environment_is_built_as_make_says():
    stamp = json.loads(Path(ROOT / ".venv" / "built").read_text())
    assert stamp["folder"] == str(ROOT)


PROBE = """
import json, os, sys
kept = [sys.flags.isolated, sys.flags.utf8_mode, os.environ.get("HOME"), os.environ.get("LOGNAME")]
print(json.dumps([*kept, sys.argv[1:]]))
"""


def test_snakemake_itself_takes_nothing_of_the_shell(checkout, tmp_path):
    done, _ = make(checkout)
    assert done.returncode == 0, done.stderr
    (packages,) = (checkout / ".venv").glob("lib/python*/site-packages")
    (packages / "snakemake.py").write_text(PROBE)
    call = [checkout / ".venv" / "bin" / "snakemake", "-n", "a b"]
    shell = {"PATH": os.environ["PATH"], "PYTHONHOME": "/x", "PYTHONPATH": "/x", "LC_ALL": "C"}
    homes = {"own": tmp_path, "none": None, "gone": tmp_path / "no home", "nowhere": None}
    own = checkout / ".snakemake" / "home"
    for case, home in homes.items():
        shutil.rmtree(own.parent, ignore_errors=True)
        if case == "nowhere":
            own.parent.write_text("as where the checkout may not be written to")
        given = shell | ({"HOME": str(home)} if home else {})
        said = subprocess.run(
            call, env=given, capture_output=True, text=True, check=True, cwd=tmp_path
        )
        isolated, utf8, found, name, words = json.loads(said.stdout)
        assert (isolated, utf8, name, words) == (1, 1, str(os.getuid()), ["-n", "a b"]), case
        assert Path(found).is_dir() and not said.stderr, case
        if case == "nowhere":
            assert Path(found).stat().st_uid == os.getuid() and not list(Path(found).iterdir())
            Path(found).rmdir()
        else:
            assert found == str(tmp_path if case == "own" else own), case


@pytest.mark.parametrize("home", [None, "/nonexistent/home"])
def test_make_gives_what_a_shell_lacks_and_takes_what_it_adds(checkout, home):
    """A container has no home and no user's name; a notebook and a module system set variables."""
    (checkout / "Probe").write_text("include Makefile\nprobe:\n\t@env\n")
    kept = {k: v for k, v in os.environ.items() if k not in ("HOME", "LOGNAME", "USER")}
    kept |= {"PYTHONPATH": "/x", "PYTHONHOME": "/x", "PYTHONDONTWRITEBYTECODE": "1"}
    kept |= {"MPLBACKEND": "module://x"}
    kept |= {"HOME": home} if home else {}
    done = subprocess.run(
        ["make", "-s", "-f", "Probe", "probe"],
        cwd=checkout,
        env=kept,
        capture_output=True,
        text=True,
    )
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert found["HOME"] == str(checkout / ".snakemake" / "home") and Path(found["HOME"]).is_dir()
    assert found["LOGNAME"] == str(os.getuid()) and found["MPLBACKEND"] == "agg"
    python = {name for name in found if name.startswith("PYTHON")}
    assert python == {"PYTHONNOUSERSITE", "PYTHONUTF8"}


def test_git_leaves_the_ends_of_lines_alone(tmp_path):
    """Digests are of bytes: a clone on a machine that turns LF into CRLF would be stale."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    turning = ["-c", "core.autocrlf=true", "-c", "core.eol=crlf"]
    clone = ["git", *turning, "clone", "--quiet", "--no-checkout", str(ROOT), "clone"]
    subprocess.run(clone, cwd=tmp_path, check=True)
    files = ["configs/studies/quick.yaml", "rules/common.smk", "src/rotograd_replication/cli"]
    checkout = ["git", *turning, "checkout", "--quiet", "HEAD", "--", ".gitattributes", *files]
    subprocess.run(checkout, cwd=tmp_path / "clone", check=True)
    found = [path for path in (tmp_path / "clone").rglob("*.*") if ".git" not in path.parts]
    texts = [path.read_bytes() for path in found if path.is_file()]
    assert len(texts) > 10 and not any(b"\r" in text for text in texts)
