"""The worker processes: started again when they end, as a supervisor does, and signalled by their own id alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

_PATIENCE = 60.0


class Health(StrEnum):
    """What a worker was last seen or made to be."""

    STARTING = "starting"
    UP = "up"
    FROZEN = "frozen"
    DRAINING = "draining"
    ENDED = "ended"


@dataclass(slots=True, kw_only=True)
class Worker:
    """One process, and for how long it could be expected to work."""

    process: subprocess.Popen[bytes]
    log: Path
    health: Health = Health.STARTING
    up: list[tuple[float, float]] = field(default_factory=list)
    _since: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_up(self) -> None:
        """It is a node and nothing holds it."""
        self.health, self._since = Health.UP, time.time()

    def is_down(self, health: Health) -> None:
        """From now on nothing is expected of it."""
        if self.health is Health.UP:
            self.up.append((self._since, time.time()))
        self.health = health


class Fleet:
    """So many workers on one database."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self._folder = folder
        self._command = [sys.executable, "-m", *command]
        self._env = env
        self.workers: list[Worker] = []

    def start(self) -> Worker:
        """One more."""
        log = self._folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.workers.append(Worker(process=process, log=log))
        return self.workers[-1]

    def those(self, *healths: Health) -> list[Worker]:
        """In the order in which they were started."""
        return [worker for worker in self.workers if worker.health in healths]

    def kill(self, worker: Worker) -> None:
        """SIGKILL; it is gone when this returns."""
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait()
        worker.is_down(Health.ENDED)

    def freeze(self, worker: Worker) -> None:
        """SIGSTOP."""
        worker.process.send_signal(signal.SIGSTOP)
        worker.is_down(Health.FROZEN)

    def thaw(self, worker: Worker) -> None:
        """SIGCONT."""
        worker.process.send_signal(signal.SIGCONT)
        worker.is_up()

    def drain(self, worker: Worker) -> None:
        """SIGTERM; it ends by itself."""
        worker.process.send_signal(signal.SIGTERM)
        worker.is_down(Health.DRAINING)

    def ended(self) -> list[tuple[Worker, Health, int]]:
        """Those that ended since the last look, what they were then, and their exit codes."""
        found = []
        for worker in self.workers:
            code = worker.process.poll() if worker.health is not Health.ENDED else None
            if code is not None:
                found.append((worker, worker.health, code))
                worker.is_down(Health.ENDED)
        return found

    def stop(self) -> list[int]:
        """Drain all that work, and end the others; the exit codes of those that worked."""
        there = self.those(Health.UP)
        for worker in there:
            self.drain(worker)
        codes = [worker.process.wait(timeout=_PATIENCE) for worker in there]
        self.close()
        return codes

    def close(self) -> None:
        """Whatever happened, nothing of this fleet goes on."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()
