"""W2: a thousand fires a second for some seconds, each at an instant of its own. How late do the runs begin?

`python -m bench.steady URL RATE WINDOW SPREAD` is the limit program doing the same; it prints `{"p50", "p99"}`.

Clockwright's rules answer whole seconds. `even` places the stored next fire times between the seconds, at the
instants that the peers and the limit have; `seconds` leaves them where rules put them, a thousand on each second.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from bench import burst, casts, children, limits, seed, workloads
from bench.databases import Connection, Store
from bench.figures import Figure, Unmeasurable, compared

EVEN, SECONDS = "even", "seconds"
_EARLY = -0.002
"""Seconds; a run that begins earlier than this before its instant shows that the instants are not what was asked."""


def due_times(count: int, due_at: float, window: float, spread: str) -> list[float]:
    """When each is due, in seconds since 1970."""
    due = workloads.steady(count, due_at, window)
    return due if spread == EVEN else [float(math.floor(instant)) for instant in due]


def measure(
    store: Store, rate: int, window: float, rounds: int, spread: str = EVEN
) -> list[Figure]:
    """Clockwright and the limit in turns; medians."""
    ours, other = [], []
    for _ in range(rounds):
        with store.empty() as url:
            asked = (url, str(rate), str(window), spread)
            other.append(children.answer_of("bench.steady", *asked, url=url))
        ours.append(_one(store, int(rate * window), window, spread))
    name = f"w2_{'steady' if spread == EVEN else 'seconds'}_{store.name}_{rate}"
    found = []
    for which in ("p50", "p99"):
        value, limit = (statistics.median(told[which] for told in those) for those in (ours, other))
        found += compared(f"{name}_lateness_{which}", "s", value, "limit_pg2", limit)
    return found


def _one(store: Store, count: int, window: float, spread: str) -> dict[str, float]:
    """Raises Unmeasurable unless each ran exactly once, and none before its time."""
    for lead in burst.LEADS:
        told = _try(store, count, window, (spread, lead + count / 5_000))
        if told is not None:
            return told
    raise Unmeasurable("no worker was up in time: this machine is too busy to measure anything")


def _try(
    store: Store, count: int, window: float, how: tuple[str, float]
) -> dict[str, float] | None:
    spread, lead = how
    with store.migrated() as url, contextlib.closing(store.connect(url)) as connection:
        seed.plant(url)
        due_at = float(math.ceil(time.time() + lead))
        due = due_times(count, due_at, window, spread)
        seed.scatter(connection, [datetime.fromtimestamp(instant, UTC) for instant in due])
        with casts.ONE_ENGINE.start(url, store.folder) as workers:
            ready_at = casts.ONE_ENGINE.wait(workers, connection)
            if ready_at > due_at - burst.READY_BEFORE:
                return None
            time.sleep(max(due) - time.time())
            last = datetime.fromtimestamp(max(due), UTC)
            burst.wait_until_done(connection, workers[0], count, last)
        burst.verify(connection, count)
        return lateness(_started(connection), due)


def _started(connection: Connection) -> list[tuple[int, float]]:
    """(place, start) of each run; its schedule's context says the place, beginning at 1."""
    rows = connection.rows(
        "SELECT s.context_data, r.started_at FROM schedule_runs r"
        " JOIN workflow_schedules s ON s.schedule_id = r.schedule_id"
    )
    return [
        (
            int((context if isinstance(context, dict) else json.loads(context))["i"]),
            connection.read_instant(started).timestamp(),
        )
        for context, started in rows
    ]


def lateness(started: Sequence[tuple[int, float]], due: Sequence[float]) -> dict[str, float]:
    """How late runs began, of (place, instant) and the instants at which they were due."""
    late = sorted(instant - due[place - 1] for place, instant in started)
    if late[0] < _EARLY:
        raise Unmeasurable(f"a run began {-late[0]:.3f} s before it was due")
    return {
        "p50": workloads.percentile(late, 0.5),
        "p99": workloads.percentile(late, 0.99),
    }


class Spread(limits.OnPostgreSQL):
    """The limit on PostgreSQL, each schedule at an instant of its own."""

    _FILL = """
        INSERT INTO schedule
        SELECT i, to_timestamp(%s) + place.after * interval '1 s', make_interval(secs => %s),
            'limits:nothing', '[' || i || ']'
        FROM generate_series(1, %s) AS g(i) JOIN place USING (i)
    """

    def __init__(self, url: str, after: Sequence[float]) -> None:
        super().__init__(url)
        self._after = after

    def fill(self, count: int, due_at: float) -> None:
        self._connection.execute("CREATE TEMPORARY TABLE place (i bigint, after float8)")
        self._connection.execute(
            "INSERT INTO place SELECT * FROM unnest(%s::bigint[], %s::float8[])",
            [list(range(1, count + 1)), list(self._after)],
        )
        super().fill(count, due_at)


async def run_all(limit: limits.Limit, due: Sequence[float]) -> dict[str, float]:
    """As `limits.run_all`, each run compared with its own instant."""
    starts: list[tuple[int, float]] = []

    async def nothing(schedule: int) -> None:
        starts.append((schedule, time.time()))

    await asyncio.sleep(max(0.0, min(due) - time.time()))
    while len(starts) < len(due):
        claimed = limit.claim()
        if not claimed:
            await asyncio.sleep(0.001)
            continue
        await asyncio.wait([asyncio.create_task(nothing(schedule)) for _, schedule in claimed])
        limit.finish([run for run, _ in claimed])
    return lateness(starts, due)


def main(url: str, rate: int, window: float, spread: str) -> dict[str, float]:
    """What the module prints."""
    count = int(rate * window)
    for lead in limits.LEADS:
        due_at = float(math.ceil(time.time() + lead + count / 20_000))
        due = due_times(count, due_at, window, spread)
        limit = Spread(url, [instant - due_at for instant in due])
        limit.fill(count, due_at)
        if time.time() < due_at:
            return asyncio.run(run_all(limit, due))
    raise SystemExit("filling the tables takes too long: this machine is too busy to measure on")


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])))
