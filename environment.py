"""Build `.venv` where it is missing or out of date: `make environment`.

`.venv/built` says in which folder, with which Python and from which files it was built. What has
changed since is built again, so that a checkout may move, and a first try that went wrong heals.
The packages come from where pip is told to look: uv, which installs them, is given pip's settings
of that. No other setting of pip, uv or Python counts.
"""

import ast
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "built"
LOCK = "requirements.lock"
# pip's settings of where packages are, and the variables that say the same to uv.
WHERE = {
    "index-url": "UV_INDEX_URL",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
}
# uv's own variables that are kept: where packages are, and how they are carried.
KEPT = (
    *("UV_CACHE_DIR", "UV_CONCURRENT", "UV_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX"),
    *("UV_FIND_LINKS", "UV_HTTP", "UV_INDEX", "UV_INSECURE_HOST", "UV_KEYRING", "UV_LINK_MODE"),
    *("UV_NATIVE_TLS", "UV_OFFLINE", "UV_SYSTEM_CERTS"),
)
# In place of the package's own script: nothing that the user's shell says of Python counts, and
# where a container has no home that can be written to, or no user's name, there is one.
SNAKEMAKE = """#!/bin/sh
if ! [ -w "${HOME:-}" ]; then
    HOME=%s
    { mkdir -p "$HOME" && [ -w "$HOME" ]; } 2> /dev/null || HOME=$(mktemp -d)
    export HOME
fi
LOGNAME=${LOGNAME:-${USER:-$(id -u)}}
export LOGNAME
exec %s -I -X utf8 -m snakemake "$@"
"""
REMEDY = (
    "Packages must be reachable, and 6 GB of disk free. To use another package index, tell pip "
    "(`pip config set global.index-url ...` or PIP_INDEX_URL). Then give the same command again"
)


def main(locks: list[str]) -> None:
    """Build what differs from the stamp.

    Args:
        locks: Files to install from, next to `requirements.lock` and those of the last build.
    """
    built = read_stamp()
    kept = [name for name in built.get("packages", {}) if (ROOT / name).exists()]
    stamp = wanted(list(dict.fromkeys([LOCK, *kept, *locks])))
    changed = [part for part in stamp if built.get(part) != stamp[part]]
    if not changed:
        return
    reason = f"changed: {', '.join(changed)}" if built else "this takes a minute or two"
    print(f"Building .venv with Python {sys.version.split()[0]} ({reason}).", flush=True)
    STAMP.unlink(missing_ok=True)
    python = str(VENV / "bin" / "python")
    if {"folder", "python"} & set(changed):
        create = [stamp["python"]["path"], "-I", "-m", "venv", "--clear", str(VENV)]
        run(
            create,
            clean(),
            f"`venv` must work. On Debian and Ubuntu: `apt-get install python{version()}-venv`. "
            "Else name another Python: `make PYTHON=...`",
        )
    variables = clean() | packages(python)
    run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", pin("uv")], variables)
    uv = [str(VENV / "bin" / "uv"), "pip"]
    target = ["--quiet", "--python", python]
    target += ["--no-index"] if "PIP_NO_INDEX" in variables else []
    first, *others = stamp["packages"]
    run([*uv, "sync", *target, "--require-hashes", first], variables)
    for name in others:
        run([*uv, "install", *target, "--require-hashes", "-r", name], variables)
    run([*uv, "install", *target, "--no-deps", "--no-build-isolation", "-e", "."], variables)
    script = VENV / "bin" / "snakemake"
    script.unlink(missing_ok=True)  # it may be a link into uv's cache
    home = str(ROOT / ".snakemake" / "home")
    script.write_text(SNAKEMAKE % (shlex.quote(home), shlex.quote(python)))
    script.chmod(0o755)
    STAMP.write_text(json.dumps(stamp, indent=1) + "\n")


def read_stamp() -> dict[str, Any]:
    """Say what `.venv` was built from; empty if that is not known."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def wanted(locks: list[str]) -> dict[str, Any]:
    """Make the stamp of an environment that is built now."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = {part: project[part] for part in ("build-system", "project")}
    # Of a virtual environment, the Python that it was made with.
    executable = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    return {
        "folder": str(ROOT),
        "python": {"path": executable, "version": sys.version},
        "packages": {name: sha256((ROOT / name).read_bytes()) for name in locks},
        "project": sha256(json.dumps(project, sort_keys=True).encode()),
        "recipe": sha256(Path(__file__).read_bytes()),
    }


def sha256(content: bytes) -> str:
    """Compute the sha256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def version() -> str:
    """Return the version of this Python as in the names of packages: 3.11."""
    return ".".join(map(str, sys.version_info[:2]))


def pin(package: str) -> str:
    """Write a file that holds the lines of one package of the lock."""
    lines = re.search(rf"^{package}==.*(\n .*)*", (ROOT / LOCK).read_text(), re.M)
    if not lines:
        sys.exit(f"error: restore `{LOCK}`, which must have {package}. Found none.")
    path = VENV / f"{package}.lock"
    path.write_text(f"{lines[0]}\n")
    return str(path)


def clean() -> dict[str, str]:
    """Return the environment without what changes what pip, uv or Python do."""
    drop = ("PIP_", "PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(drop) and (not name.startswith("UV_") or name.startswith(KEPT))
    }


def packages(python: str) -> dict[str, str]:
    """Variables that tell pip and uv where packages are, as pip's files and variables do."""
    # With `user` set, `pip config` would list the user's file alone.
    listed = subprocess.run(
        [python, "-I", "-m", "pip", "config", "list"],
        env=os.environ | {"PIP_USER": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    settings: dict[str, str] = {}
    # pip's order: what is in a later section counts.
    for section in ("global.", "install.", ":env:."):
        for line in listed.stdout.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                settings[name.removeprefix(section)] = ast.literal_eval(value)
    # uv takes a package from any of the indexes, as pip does: the hashes decide.
    variables = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    for name in settings.keys() & WHERE.keys():
        variables["PIP_" + name.upper().replace("-", "_")] = settings[name]
        variables[WHERE[name]] = " ".join(settings[name].split())
    # Folders of packages in place of an index. Next to one they are left out: of two builds of one
    # version uv would take theirs, whatever the hashes.
    if settings.get("no-index", "no").lower() in ("1", "true", "yes", "on", "t", "y"):
        folders = settings.get("find-links", "")
        variables |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folders}
        variables["UV_FIND_LINKS"] = ",".join(folders.split())
    return variables | {name: os.environ[name] for name in WHERE.values() if name in os.environ}


def run(command: list[str], variables: dict[str, str], remedy: str = REMEDY) -> None:
    """Run a command in the checkout; end with the remedy, then all it said, where it fails."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
        )
        output, failed = done.stdout + done.stderr, done.returncode != 0
    except OSError as error:
        output, failed = str(error), True
    if failed:
        sys.exit(f"error: .venv is not built. {remedy}. Found:\n{' '.join(command)}\n{output}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(
            f"error: .venv is not built. Mend this, then give the same command again: {error}."
        )
