"""W1 and W2 for what people use today: started as its guide says, on the same database server, with the same instants.

A peer's run counts when its function is called, Clockwright's only when its outcome is committed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import broker, children
from bench.databases import ROOT, Store, environment
from bench.figures import Figure, Unmeasurable, compared
from bench.peers import common
from bench.workloads import percentile
from tools import environment as tooling

TRIES = 3
READY_BEFORE = 0.5
START_SECONDS = 240.0
POLL = 0.01
TOO_LATE = 10.0
"""Seconds after the end of a window; what has not run by then is still waiting (W2)."""

_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A scheduler, and how it is started.

    `title`: as the page calls it. `keeps`: what it promises of a run, in a line. `lead`: seconds to fill and start it, and more for each thousand
    schedules. `stall`: seconds without a run after which the rest counts as missed. `largest`: the most schedules at
    once that end within about a minute on two cores.
    """

    name: str
    module: str
    variant: str
    title: str
    keeps: str
    is_durable: bool = True
    roles: tuple[str, ...] = ("scheduler",)
    lead: tuple[float, float] = (4.0, 0.4)
    stall: float = 8.0
    largest: int = 10_000
    is_steady: bool = False


_ROWS_ONLY = (
    "next run times are stored, runs are not; two schedulers on one store run everything twice"
)
_ROWS_AND_RUNS = (
    "next run times and a row a run; two schedulers on one store run everything twice, a kill loses "
    "what was under way"
)
_NOTHING = "nothing is stored: a restart forgets jobs and runs"
_BEAT = "beat stores when it last sent a message; runs are not recorded, two beats send everything twice"
_JOB_ROWS = (
    "a row a job with its state and events; a job is entered once for each fire time; what a killed "
    "worker left is for a task of yours to find"
)
_QUEUE_ROWS = (
    "a row a job until it ends, then a log row; one-shot jobs only; after a kill jobs ran twice"
)
_DROPS = "; drops what is more than 1 s late, unless told otherwise"

PEERS = (
    Peer(
        name="apscheduler_memory",
        module="apscheduler3",
        variant="memory",
        title="APScheduler 3, memory",
        keeps=_NOTHING,
        is_durable=False,
        largest=100_000,
        is_steady=True,
    ),
    Peer(
        name="apscheduler_memory_defaults",
        module="apscheduler3",
        variant="memory-defaults",
        title="APScheduler 3, memory, its defaults",
        keeps=_NOTHING + _DROPS,
        is_durable=False,
        largest=100_000,
    ),
    Peer(
        name="apscheduler_postgresql",
        module="apscheduler3",
        variant="postgresql",
        title="APScheduler 3, PostgreSQL",
        keeps=_ROWS_ONLY,
        stall=12.0,
        is_steady=True,
    ),
    Peer(
        name="apscheduler_postgresql_defaults",
        module="apscheduler3",
        variant="postgresql-defaults",
        title="APScheduler 3, PostgreSQL, its defaults",
        keeps=_ROWS_ONLY + _DROPS,
    ),
    Peer(
        name="django_apscheduler",
        module="apscheduler3",
        variant="django",
        title="django-apscheduler",
        keeps=_ROWS_AND_RUNS,
        lead=(7.0, 0.6),
        stall=12.0,
    ),
    Peer(
        name="celery_beat",
        module="celery_beat",
        variant="",
        title="Celery beat, 2 worker processes",
        keeps=_BEAT,
        roles=("beat", "worker"),
        lead=(10.0, 1.2),
        stall=15.0,
    ),
    Peer(
        name="procrastinate",
        module="procrastinate_jobs",
        variant="defaults",
        title="procrastinate",
        keeps=_JOB_ROWS,
        roles=("worker",),
        stall=12.0,
    ),
    Peer(
        name="procrastinate_tuned",
        module="procrastinate_jobs",
        variant="tuned",
        title="procrastinate, 20 at a time",
        keeps=_JOB_ROWS,
        roles=("worker",),
        stall=12.0,
        is_steady=True,
    ),
    Peer(
        name="pgqueuer_tuned",
        module="pgqueuer_jobs",
        variant="tuned",
        title="pgqueuer, 500 at a time",
        keeps=_QUEUE_ROWS,
        roles=("worker",),
        stall=12.0,
        largest=100_000,
        is_steady=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the notes of a peer's runs say. Lateness in seconds, of those that ran.

    `missed`: never ran. `waiting`: had not run yet when its time was up, while others still ran.
    """

    per_second: float
    p50: float
    p99: float
    missed: int
    waiting: int
    doubled: int


def measure_burst(store: Store, peer: Peer, count: int, cap: float) -> list[Figure]:
    """W1: at most `cap` seconds are waited; what has not run by then is still waiting."""
    with store.empty() as url:
        limit = children.answer_of("bench.limits", url, str(count), url=url)
    told = _measured(store, peer, (count, 0.0), cap)
    name = f"w1_burst_{peer.name}_{count}"
    return [
        *compared(name, "runs/s", told.per_second, "limit_pg2", limit["per_second"]),
        *_rest(name, told),
    ]


def measure_steady(store: Store, peer: Peer, rate: int, window: float) -> list[Figure]:
    """W2."""
    told = _measured(store, peer, (int(rate * window), window), window + TOO_LATE)
    return _rest(f"w2_steady_{peer.name}_{rate}", told)


def _rest(name: str, told: Told) -> list[Figure]:
    return [
        Figure(name=f"{name}_lateness_p50", value=told.p50, unit="s"),
        Figure(name=f"{name}_lateness_p99", value=told.p99, unit="s"),
        Figure(name=f"{name}_missed", value=told.missed, unit="runs"),
        Figure(name=f"{name}_waiting", value=told.waiting, unit="runs"),
        Figure(name=f"{name}_doubled", value=told.doubled, unit="runs"),
    ]


def read(
    work: common.Work, notes: Sequence[tuple[int, float]], *, has_stopped: bool = True
) -> Told:
    """What was measured, from the notes that the runs left; `has_stopped`: nothing more was to come."""
    due = work.due()
    times = Counter(number for number, _ in notes)
    first: dict[int, float] = {}
    for number, at in notes:
        first[number] = min(at, first.get(number, at))
    late = sorted(at - due[number] for number, at in first.items())
    last, left = max(first.values(), default=work.due_at), work.count - len(first)
    return Told(
        per_second=len(first) / (last - work.due_at) if first else 0.0,
        p50=percentile(late, 0.5),
        p99=percentile(late, 0.99),
        missed=left if has_stopped else 0,
        waiting=0 if has_stopped else left,
        doubled=times.total() - len(first),
    )


@functools.cache
def _environment() -> tuple[Path, str]:
    """The interpreter of the peers, or why there is none; found out once."""
    try:
        return tooling.ensure_peers() / "bin" / "python", ""
    except tooling.SetupError as problem:
        return Path(), str(problem)


def _measured(store: Store, peer: Peer, size: tuple[int, float], cap: float) -> Told:
    python, problem = _environment()
    if problem:
        raise Unmeasurable(problem)
    lead = peer.lead[0] + peer.lead[1] * size[0] / 1_000
    for _ in range(TRIES):
        since = time.time()
        with _Attempt.made(store, peer, str(python)) as attempt:
            told = attempt.run(size, since + lead, cap)
        if told is not None:
            return told
        lead = 1.5 * (time.time() - since) + 2
    raise Unmeasurable(f"{peer.title} was not up in time: this machine is too busy to measure it")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One peer on one database, in one folder."""

    peer: Peer
    python: str
    folder: Path
    url: str
    broker: str
    processes: list[subprocess.Popen[bytes]]

    @classmethod
    @contextlib.contextmanager
    def made(cls, store: Store, peer: Peer, python: str) -> Iterator[_Attempt]:
        with contextlib.ExitStack() as stack:
            place = tempfile.TemporaryDirectory(prefix="peer-", dir=store.folder)
            folder = Path(stack.enter_context(place))
            url = stack.enter_context(store.empty())
            needs_broker = "beat" in peer.roles
            attempt = cls(
                peer=peer,
                python=python,
                folder=folder,
                url=url,
                broker=stack.enter_context(broker.running(folder)) if needs_broker else "",
                processes=[],
            )
            stack.callback(attempt.stop)
            yield attempt

    def run(self, size: tuple[int, float], due_at: float, cap: float) -> Told | None:
        """None when the first instant came before the peer was ready."""
        count, window = size
        work = common.Work(
            count=count,
            due_at=due_at,
            window=window,
            variant=self.peer.variant,
            url=self.url,
            broker=self.broker,
        )
        work.write(self.folder)
        self._finish(self._start("load"))
        for role in self.peer.roles:
            self.processes.append(self._start("serve", role))
        self._wait(lambda: all(map(self._is_ready, self.peer.roles)), START_SECONDS)
        if time.time() > due_at - READY_BEFORE:
            return None
        has_stopped = self._wait_for_runs(work, cap)
        time.sleep(1.0)  # what runs twice may do so now
        return read(work, common.read_notes(self.folder), has_stopped=has_stopped)

    def _is_ready(self, role: str) -> bool:
        return (self.folder / f"ready-{role}").exists()

    def _wait_for_runs(self, work: common.Work, cap: float) -> bool:
        """Until all have run or none has for a while; False when the time was up before."""
        grown_at, before = work.due_at + work.window, 0
        while time.time() < work.due_at + cap:
            found, now = common.count_notes(self.folder), time.time()
            if found >= work.count:
                return True
            if found > before:
                before, grown_at = found, max(grown_at, now)
            if now > grown_at + self.peer.stall:
                return True
            self._check()
            time.sleep(POLL)
        return False

    def _wait(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.time() + seconds
        while not condition():
            self._check()
            if time.time() > deadline:
                raise Unmeasurable(f"{self.peer.title} did not start in {seconds:.0f} s")
            time.sleep(POLL)

    def _check(self) -> None:
        for process in self.processes:
            if process.poll() is not None:
                raise Unmeasurable(f"{self.peer.title} ended by itself:\n{self._last_words()}")

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        kept = {key: text for key, text in environment(self.url).items() if "DJANGO" not in key}
        with (self.folder / "peer.log").open("ab") as log:
            return subprocess.Popen(
                [self.python, "-m", f"bench.peers.{self.peer.module}", *arguments],
                cwd=self.folder,
                env=kept | {"BENCH_WORK": str(self.folder), "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # its children end with it
            )

    def _finish(self, process: subprocess.Popen[bytes]) -> None:
        try:
            code = process.wait(timeout=START_SECONDS)
        finally:
            _end(process)
        if code:
            raise Unmeasurable(f"{self.peer.title} cannot be filled:\n{self._last_words()}")

    def _last_words(self) -> str:
        return (self.folder / "peer.log").read_text(errors="replace")[-2_000:]

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """It and whatever it started."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit("a part of `make bench`; see bench/README.md")
