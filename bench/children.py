"""The processes that are measured: started, watched, and ended whatever happens."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.databases import Connection, environment
from bench.figures import Unmeasurable

_STOP_SECONDS = 15.0
_LAST_WORDS = 2_000
_MEGABYTE = 1e6
NO_MORE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A running `clockwright worker`."""

    process: subprocess.Popen[bytes]
    log: Path
    started_at: float

    def check(self) -> None:
        """Raise Unmeasurable when it has ended."""
        code = self.process.poll()
        if code is not None:
            text = self.log.read_text(errors="replace")[-_LAST_WORDS:]
            raise Unmeasurable(f"the worker ended by itself with exit code {code}:\n{text}")

    def wait(
        self, condition: Callable[[], bool], what: str, *, seconds: float, every: float
    ) -> float:
        """The time.time() at which the condition was first seen to hold."""
        deadline = time.time() + seconds
        while not condition():
            self.check()
            if time.time() > deadline:
                raise Unmeasurable(f"after {seconds:.0f} s still not so: {what}")
            time.sleep(every)
        return time.time()

    def wait_until_registered(self, connection: Connection) -> float:
        """Wait for its row among the nodes; when that was."""
        alive = f"SELECT count(*) FROM schedule_nodes WHERE pid = {self.process.pid}"
        return self.wait(
            lambda: bool(connection.row(alive)[0]), "the worker is a node", seconds=60, every=0.02
        )

    def cpu_seconds(self) -> float:
        """What it has used so far, in all its threads."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def peak_megabytes(self) -> float:
        """The most memory that was resident at any time; where the system does not say, what is now."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1_024 / _MEGABYTE
        return float(psutil.Process(self.process.pid).memory_info().rss) / _MEGABYTE


@contextlib.contextmanager
def worker(
    url: str,
    folder: Path,
    *,
    name: str = "worker",
    module: str = "bench.worker",
    extra: Mapping[str, str] = NO_MORE,
) -> Iterator[Worker]:
    """`clockwright worker` on a database, with the functions of `bench.functions`; stopped afterwards.

    `name`: of its log; `module`: another program than that; `extra`: environment variables besides the usual.
    """
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        started_at = time.time()
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=folder,
            env={**environment(url), **extra},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Worker(process=process, log=log, started_at=started_at)
    finally:
        _end(process)


def answer_of(module: str, *arguments: str, url: str = "", seconds: float = 300) -> Any:
    """Run a module of this folder to its end and return the JSON that it printed."""
    child = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=tempfile.gettempdir(),  # away from any .env
        env=environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, complaint = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        raise Unmeasurable(f"{module} took longer than {seconds:.0f} s") from late
    finally:
        _end(child)
    if child.returncode != 0:
        raise Unmeasurable(f"{module} failed:\n{complaint[-_LAST_WORDS:]}")
    return json.loads(output)


def _end(process: subprocess.Popen[Any]) -> None:
    for stop in (process.terminate, process.kill):
        if process.poll() is not None:
            return
        stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_STOP_SECONDS)
