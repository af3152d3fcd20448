"""The virtual environment: made once from the lock, stamped, and left alone while it is current.

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PEERS_LOCK = ROOT / "bench" / "peers" / "requirements.lock"
CACHE = ROOT / ".cache"
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
DEFAULT_INTERPRETER = "python3"


class SetupError(Exception):
    """What stands in the way, in words for whoever typed the command."""


def say(text: str) -> None:
    """Progress goes to stderr; stdout belongs to results."""
    print(text, file=sys.stderr, flush=True)


def venv_path() -> Path:
    """`.venv`; `.venv-3.13` and the like when `PYTHON=` asked for another interpreter."""
    asked = os.environ.get("PYTHON") or DEFAULT_INTERPRETER
    return ROOT / (".venv" if asked == DEFAULT_INTERPRETER else f".venv-{PYTHON_VERSION}")


def venv_bin(name: str) -> str:
    """The path of a command inside the environment."""
    return str(venv_path() / "bin" / name)


def ensure() -> Path:
    """Make the environment current, whatever state it is in. Returns its folder."""
    venv = venv_path()
    wanted = _wanted_stamp()
    if _stamp(venv) == wanted:
        return venv
    with _alone():
        found = _stamp(venv)  # somebody else may have finished it while we waited
        if found == wanted:
            return venv
        started = time.monotonic()
        _make_current(venv, found, wanted)
        say(
            f"Set up {venv.name} with Python {PYTHON_VERSION} in {time.monotonic() - started:.0f} s."
        )
    return venv


def ensure_peers() -> Path:
    """The environment of what `make bench` measures beside us, made when it is first asked for."""
    venv = ROOT / f"{venv_path().name}-bench"
    wanted = {
        "lock": hashlib.sha256(PEERS_LOCK.read_bytes()).hexdigest(),
        "python": PYTHON_VERSION,
        "root": str(ROOT),
    }
    with _alone():
        if _stamp(venv) != wanted:
            say(f"Setting up {venv.name} for the peers (the first time takes about a minute) ...")
            _create(venv)
            _install(venv, ["--require-hashes", "--no-deps", "-r", str(PEERS_LOCK)])
            (venv / "stamp.json").write_text(json.dumps(wanted, indent=1) + "\n")
    return venv


def _make_current(venv: Path, found: dict[str, str], wanted: dict[str, str]) -> None:
    """Do the least that is needed; without a stamp in between, so that a broken try is seen."""
    (venv / "stamp.json").unlink(missing_ok=True)
    same_place = all(found.get(key) == wanted[key] for key in ("python", "root"))
    if not same_place or not (venv / "bin" / "python").exists():
        say(f"Setting up {venv.name} (the first time takes about half a minute) ...")
        _create(venv)
        _install_packages(venv)
    elif found.get("lock") != wanted["lock"]:
        say(f"The lock changed: bringing {venv.name} up to date ...")
        _install_packages(venv)
        _remove_strangers(venv)
    _install_project(venv)
    (venv / "stamp.json").write_text(json.dumps(wanted, indent=1) + "\n")


def _wanted_stamp() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    built_from = [project["build-system"], project["project"], project["tool"]["hatch"]]
    return {
        "lock": hashlib.sha256(LOCK.read_bytes()).hexdigest(),
        "project": hashlib.sha256(json.dumps(built_from, sort_keys=True).encode()).hexdigest(),
        "python": PYTHON_VERSION,
        "root": str(ROOT),  # scripts and the editable install carry absolute paths
    }


def _stamp(venv: Path) -> dict[str, str]:
    """What the environment was made from; nothing when it is absent, broken or half finished."""
    if not (venv / "bin" / "python").exists():
        return {}
    try:
        return dict(json.loads((venv / "stamp.json").read_text()))
    except (OSError, ValueError):
        return {}


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One set-up at a time in this folder; the others wait, and then find the work done."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is at work here; waiting for it ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _create(venv: Path) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    if _uv():
        _run([_uv(), "venv", "--quiet", "--python", sys.executable, str(venv)])
        return
    if importlib.util.find_spec("ensurepip") is None:
        _install_ensurepip()
    _run([sys.executable, "-m", "venv", str(venv)])


def _install_ensurepip() -> None:
    """Debian cuts `venv` out of Python: root can mend that, anybody else is told how."""
    system = Path("/usr/bin/python3")
    is_default = system.exists() and system.resolve().name == f"python{PYTHON_VERSION}"
    package = "python3-venv" if is_default else f"python{PYTHON_VERSION}-venv"
    line = f"apt-get install -y {package}"
    if shutil.which("apt-get") is None:
        raise SetupError(
            f"{sys.executable} has no ensurepip, so no environment can be made with it.\n"
            "Install your system's package for Python's venv module and try again."
        )
    if os.geteuid() != 0:
        raise SetupError(
            f"{sys.executable} has no ensurepip: a Debian package is missing.\n"
            f"Run this once, then the same command again:\n\n    sudo apt-get update && sudo {line}\n"
        )
    say(f"{sys.executable} has no ensurepip; running: {line}")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-q"], environ)
    _run([*line.split(), "-q", "--no-install-recommends"], environ)


def _install_packages(venv: Path) -> None:
    """`--no-deps`: the lock is whole, so nothing may be resolved beside it."""
    _install(venv, ["--require-hashes", "--no-deps", "-r", str(LOCK)])


def _install_project(venv: Path) -> None:
    """Built by the hatchling from the lock, so that nothing is fetched that is not pinned."""
    _install(venv, ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)])


def _install(venv: Path, arguments: Sequence[str]) -> None:
    python = str(venv / "bin" / "python")
    if _uv():
        _run([_uv(), "pip", "install", "--quiet", "--python", python, *arguments])
        return
    environ = {"PIP_CACHE_DIR": str(CACHE / "pip"), **os.environ}
    quietly = ["-qq", "--disable-pip-version-check", "--no-input", "--no-compile"]
    _run([python, "-m", "pip", "install", *quietly, *arguments], environ)


def _remove_strangers(venv: Path) -> None:
    """Uninstall what an older lock brought in and this one no longer names."""
    names = re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(), re.MULTILINE)
    keep = {_normal(name) for name in names} | {"clockwright", "pip", "setuptools", "wheel"}
    (site,) = (venv / "lib").glob("python*/site-packages")
    installed = {_normal(path.name.split("-")[0]) for path in site.glob("*.dist-info")}
    strangers = sorted(installed - keep)
    if not strangers:
        return
    python = str(venv / "bin" / "python")
    if _uv():
        _run([_uv(), "pip", "uninstall", "--quiet", "--python", python, *strangers])
    else:
        _run([python, "-m", "pip", "uninstall", "--quiet", "--yes", *strangers])


def resolve_lock() -> int:
    """Every extra and the developers' tools, for every supported Python; the peers in a file of their own."""
    if not _uv():
        raise SetupError("Making the lock takes uv on PATH (https://docs.astral.sh/uv/).")
    scopes = {
        LOCK: ["pyproject.toml", "--all-extras", "--group", "dev"],
        PEERS_LOCK: ["--group", "pyproject.toml:bench"],
    }
    versions = ["--universal", "--python-version", "3.11"]
    shape = ["--generate-hashes", "--no-emit-index-url", "--no-header", "--quiet"]
    os.chdir(ROOT)
    for lock, scope in scopes.items():
        output = ["--output-file", str(lock.relative_to(ROOT)), *sys.argv[2:]]  # such as --upgrade
        _run([_uv(), "pip", "compile", *scope, *versions, *shape, *output])
    return 0


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _uv() -> str:
    """uv where it is installed, for speed; `CLOCKWRIGHT_UV=0` sets it aside."""
    if os.environ.get("CLOCKWRIGHT_UV") == "0":
        return ""
    return shutil.which("uv") or ""


def _run(command: Sequence[str], environ: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environ, check=False, stdout=sys.stderr)
    if done.returncode != 0:
        raise SetupError(f"This command failed (exit code {done.returncode}): {' '.join(command)}")
