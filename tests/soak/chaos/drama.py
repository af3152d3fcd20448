"""The run itself: schedules fire, strikes fall, what was struck comes back; one thread, one list of things to do."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from tests.soak.chaos.fleet import Fleet, Health, Worker
from tests.soak.chaos.observer import Observer, Server
from tests.soak.chaos.plan import OF_DATABASES, OF_WORKERS, Fault, Planned, Strike
from tools.postgres import Mortal

LOOK_EVERY = 0.5
RESTART_AFTER = 1.0
PATIENCE = 150.0
"""Seconds after the last fire time in which everything must be finished."""

_SIGNALS = {
    Fault.FAST: signal.SIGINT,
    Fault.IMMEDIATE: signal.SIGQUIT,
    Fault.POSTMASTER: signal.SIGKILL,
}
Away = (psycopg.Error, sqlite3.Error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """When a process ceased to be heard of, by the machine's clock, which is the database's."""

    pid: int
    at: float
    fault: Fault | None


@dataclass(slots=True, kw_only=True)
class Diary:
    """What was done and what was seen."""

    struck: list[tuple[float, Fault, str]] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    away: list[tuple[float, float]] = field(default_factory=list)
    false_starts: int = 0
    complaints: list[str] = field(default_factory=list)
    finished_at: float = 0.0


class Drama:
    """Call `play` once, from the main thread: a database's life hangs on the thread that started it."""

    def __init__(self, fleet: Fleet, observer: Observer, server: Mortal | None) -> None:
        self._fleet = fleet
        self._observer = observer
        self._server = server
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._is_away = False
        self._look_at = 0.0
        self.diary = Diary()

    def play(self, strikes: Sequence[Strike], planned: Sequence[Planned]) -> Diary:
        """Until every schedule has ended and every run is final, or patience has."""
        start, end = planned[0].start, planned[0].end
        for strike in strikes:
            self._plan(
                start.timestamp() + strike.at.total_seconds(), lambda s=strike: self._strike(s)
            )
        deadline = end.timestamp() + PATIENCE
        while not self._is_finished(end):
            if time.time() > deadline:
                self.diary.complaints.append(
                    f"not finished {PATIENCE:.0f} s after the last fire time: {self._observer.unfinished()} left"
                )
                break
            self._reap()
            while self._agenda and self._agenda[0][0] <= time.time():
                heapq.heappop(self._agenda)[2]()
            time.sleep(0.02)
        self.diary.finished_at = time.time()
        codes = self._fleet.stop()
        if any(codes):
            self.diary.complaints.append(f"workers that were told to stop ended with {codes}")
        return self.diary

    def _plan(self, at: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), what))

    def _soon(self, seconds: float, what: Callable[[], None]) -> None:
        self._plan(time.time() + seconds, what)

    def _is_finished(self, end: datetime) -> bool:
        """Looks now and then; also at who has become a node."""
        now = time.time()
        if self._is_away or now < self._look_at:
            return False
        self._look_at = now + LOOK_EVERY
        with contextlib.suppress(*Away):
            self._greet()
            if not self._agenda and now > end.timestamp() and not self._is_anybody_absent():
                return self._observer.unfinished() == 0
        return False

    def _is_anybody_absent(self) -> bool:
        return bool(self._fleet.those(Health.FROZEN, Health.DRAINING, Health.STARTING))

    def _greet(self) -> None:
        starting = self._fleet.those(Health.STARTING)
        if starting:
            living = self._observer.living()
            for worker in starting:
                if worker.pid in living:
                    worker.is_up()

    def _reap(self) -> None:
        for worker, was, code in self._fleet.ended():
            if was is Health.DRAINING:
                self.diary.deaths.append(Death(pid=worker.pid, at=time.time(), fault=Fault.DRAIN))
                if code != 0:
                    self._complain(worker, f"ended with exit code {code} after SIGTERM")
            elif was is Health.STARTING:
                self.diary.false_starts += 1  # the database was away
            else:
                self._complain(worker, f"ended by itself with exit code {code}")
            self._soon(RESTART_AFTER, self._fleet.start)

    def _complain(self, worker: Worker, what: str) -> None:
        words = worker.log.read_text(errors="replace")[-1_500:]
        self.diary.complaints.append(f"worker {worker.pid} {what}:\n{words}")

    def _strike(self, strike: Strike) -> None:
        if strike.fault in OF_WORKERS:
            done = self._strike_worker(strike)
        else:
            done = self._strike_database(strike)
        if not done:  # nobody is there to be struck: later
            self._soon(0.3, lambda: self._strike(strike))

    def _strike_worker(self, strike: Strike) -> bool:
        there = self._fleet.those(Health.UP)
        if not there:
            return False
        worker, pause = there[int(strike.choice * len(there))], strike.lasts.total_seconds()
        self._note(strike, f"worker {worker.pid}")
        if strike.fault is Fault.DRAIN:
            self._fleet.drain(worker)
            return True
        self.diary.deaths.append(Death(pid=worker.pid, at=time.time(), fault=strike.fault))
        if strike.fault is Fault.KILL:
            self._fleet.kill(worker)
            self._soon(pause, self._fleet.start)
        else:
            self._fleet.freeze(worker)
            self._soon(pause, lambda: self._fleet.thaw(worker))
        return True

    def _strike_database(self, strike: Strike) -> bool:
        if self._is_away or self._server is None:
            return False
        if strike.fault is Fault.CUT:
            assert isinstance(self._observer, Server)
            self._note(strike, f"{self._observer.cut()} connections")
            return True
        assert strike.fault in OF_DATABASES
        self._note(strike, f"for {strike.lasts.total_seconds():.1f} s")
        since = time.time()
        self._server.end(_SIGNALS[strike.fault])
        self._is_away = True
        self._soon(strike.lasts.total_seconds(), lambda: self._bring_back(since))
        return True

    def _bring_back(self, since: float) -> None:
        assert self._server is not None
        self._server.begin()
        self._await_server(since)

    def _await_server(self, since: float) -> None:
        """It may have to recover what it had not written before it answers."""
        assert self._server is not None
        if self._server.is_back():
            self._is_away = False
            self.diary.away.append((since, time.time()))
        else:
            self._soon(0.05, lambda: self._await_server(since))

    def _note(self, strike: Strike, whom: str) -> None:
        self.diary.struck.append((time.time(), strike.fault, whom))
