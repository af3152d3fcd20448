"""W1: everything is due at one instant. How many durable runs a second, until the last outcome is recorded?"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench import casts, children, seed
from bench.databases import Connection, Store
from bench.figures import Figure, Unmeasurable, compared
from bench.workloads import percentile

POLL = 0.01
LEADS = (4.0, 8.0, 16.0, 32.0)
"""Seconds from planting the schedules to their instant; the next when a worker was not up in time."""

READY_BEFORE = 0.5

_IS_DONE = """
    SELECT NOT EXISTS (
        SELECT 1 FROM workflow_schedules WHERE status = 'active' AND next_execution_at <= {due_at}
    ) AND NOT EXISTS (
        SELECT 1 FROM schedule_runs WHERE status IN ('queued', 'buffered', 'running', 'retrying')
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What one burst came to. Lateness is in seconds, from the instant to the start of the run."""

    per_second: float
    p50: float
    p99: float


def measure(
    store: Store, count: int, rounds: int, cast: casts.Cast = casts.ONE_ENGINE
) -> list[Figure]:
    """Clockwright and the limit in turns, so that what else the machine does meets both; medians."""
    limits, bursts = [], []
    for _ in range(rounds):
        limits.append(limit(store, count))
        bursts.append(one_burst(store, count, cast))
    name = f"w1_burst_{cast.name or store.name}_{count}"
    against = "limit_pg2" if store.name == "postgresql" else "limit_sqlite2"
    ours, other = median(bursts), median(limits)
    return [
        *compared(name, "runs/s", ours.per_second, against, other.per_second),
        *compared(f"{name}_lateness_p50", "s", ours.p50, against, other.p50),
        *compared(f"{name}_lateness_p99", "s", ours.p99, against, other.p99),
    ]


def measure_nodes(store: Store, count: int, rounds: int, nodes: Sequence[int]) -> list[Figure]:
    """The same burst for one node and for several on one machine, in turns."""
    found: dict[int, list[Burst]] = {number: [] for number in (1, *nodes)}
    for _ in range(rounds):
        for number, bursts in found.items():
            bursts.append(one_burst(store, count, casts.engines(number)))
    alone = median(found.pop(1)).per_second
    return [
        figure
        for number, bursts in found.items()
        for figure in compared(
            f"w1_nodes_{store.name}_{count}_{number}",
            "runs/s",
            median(bursts).per_second,
            "one_node",
            alone,
        )
    ]


def limit(store: Store, count: int) -> Burst:
    """The least program that does it, on an empty database."""
    with store.empty() as url:
        return Burst(**children.answer_of("bench.limits", url, str(count), url=url))


def one_burst(store: Store, count: int, cast: casts.Cast = casts.ONE_ENGINE) -> Burst:
    """One on a fresh database; raises Unmeasurable unless the ledger has each run exactly once, succeeded."""
    for lead in LEADS:
        burst = _try(store, count, timedelta(seconds=lead + cast.lead + count / 10_000), cast)
        if burst is not None:
            return burst
    raise Unmeasurable("no worker was up in time: this machine is too busy to measure anything")


def _try(store: Store, count: int, lead: timedelta, cast: casts.Cast) -> Burst | None:
    """None when the instant came before the workers were ready."""
    with store.migrated() as url, contextlib.closing(store.connect(url)) as connection:
        seed.plant(url, cast.function)
        due_at = (datetime.now(UTC) + lead).replace(microsecond=0) + timedelta(seconds=1)
        seed.multiply(connection, [seed.Crowd(size=count, due_at=due_at)])
        with cast.start(url, store.folder) as workers:
            ready_at = cast.wait(workers, connection)
            if ready_at > due_at.timestamp() - READY_BEFORE:
                return None
            time.sleep(due_at.timestamp() - time.time())
            ended_at = wait_until_done(connection, workers[0], count, due_at)
        return _read(connection, count, due_at, ended_at)


def wait_until_done(
    connection: Connection, worker: children.Worker, count: int, last_due_at: datetime
) -> float:
    """The time at which every run had ended."""
    statement = _IS_DONE.format(due_at=connection.instant(last_due_at))
    return worker.wait(
        lambda: bool(connection.row(statement)[0]),
        "every run has ended",
        seconds=30 + count / 100,
        every=POLL,
    )


def _read(connection: Connection, count: int, due_at: datetime, ended_at: float) -> Burst:
    verify(connection, count)
    late = sorted(
        (connection.read_instant(row[0]) - due_at).total_seconds()
        for row in connection.rows("SELECT started_at FROM schedule_runs")
    )
    return Burst(
        per_second=count / (ended_at - due_at.timestamp()),
        p50=percentile(late, 0.5),
        p99=percentile(late, 0.99),
    )


def verify(connection: Connection, count: int) -> None:
    """Raise Unmeasurable unless each of `count` schedules has one run, and that succeeded at the first try."""
    found = connection.row(
        "SELECT count(*), count(DISTINCT schedule_id), count(CASE WHEN status = 'succeeded' AND attempt = 1"
        " AND started_at IS NOT NULL AND finished_at IS NOT NULL THEN 1 END) FROM schedule_runs"
    )
    if tuple(found) != (count, count, count):
        raise Unmeasurable(
            f"the ledger should have {count} runs of {count} schedules, all succeeded; it has {found[0]} runs "
            f"of {found[1]} schedules, {found[2]} succeeded"
        )


def median(bursts: Iterable[Burst]) -> Burst:
    """Of each value for itself."""
    all_of_them = list(bursts)
    return Burst(
        per_second=statistics.median(burst.per_second for burst in all_of_them),
        p50=statistics.median(burst.p50 for burst in all_of_them),
        p99=statistics.median(burst.p99 for burst in all_of_them),
    )
