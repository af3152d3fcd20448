"""W3: a great many schedules, none of them due. What do they cost an engine that only waits?"""

from __future__ import annotations

import contextlib
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import children, seed
from bench.databases import Store
from bench.figures import Figure, compared

DISTINCT_INSTANTS = 40
"""The schedules are due at so many instants, from an hour on."""

SETTLING = 2.0
_FIRST_START = "SELECT min(started_at) FROM schedule_runs WHERE finished_at IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An engine that waits: peak resident memory, process start to first run, share of one CPU while idle.

    `blocks`: of the database, that finding what is due touched; `plans`: how it answers the engine's questions.
    """

    megabytes: float
    first_fire: float
    idle_share: float
    blocks: int
    plans: str


def measure(store: Store, count: int, rounds: int, idle: float, results: Path) -> list[Figure]:
    """With `count` schedules and with none, in turns; medians. The query plans go to a file beside the results."""
    without, with_all = [], []
    for _ in range(rounds):
        without.append(one(store, 0, idle))
        with_all.append(one(store, count, idle))
    name = f"w3_standing_{count}"
    (results / f"{name}.plans.txt").write_text(with_all[-1].plans)
    figures = []
    for what, unit, pick in (
        ("memory", "MB", lambda standing: standing.megabytes),
        ("first_fire", "s", lambda standing: standing.first_fire),
        ("idle_cpu", "% of a CPU", lambda standing: 100 * standing.idle_share),
        ("due_query", "blocks", lambda standing: standing.blocks),
    ):
        ours, other = statistics.median(map(pick, with_all)), statistics.median(map(pick, without))
        figures += compared(f"{name}_{what}", unit, ours, "without", other)
    return figures


def one(store: Store, count: int, idle: float) -> Standing:
    """One engine on a fresh database with `count` idle schedules, and one more that is due when it starts."""
    with store.migrated() as url, contextlib.closing(store.connect(url)) as connection:
        seed.plant(url)
        now = datetime.now(UTC).replace(microsecond=0)
        seed.multiply(connection, [seed.Crowd(size=1, due_at=now), *_idle_crowds(count, now)])
        with children.worker(url, store.folder) as worker:
            worker.wait(
                lambda: connection.row(_FIRST_START)[0] is not None,
                "one ran",
                seconds=60,
                every=0.02,
            )
            first = connection.read_instant(connection.row(_FIRST_START)[0])
            time.sleep(SETTLING)
            since, before = time.monotonic(), worker.cpu_seconds()
            time.sleep(idle)
            share = (worker.cpu_seconds() - before) / (time.monotonic() - since)
            worker.check()
            megabytes = worker.peak_megabytes()
        asked = children.answer_of("bench.plans", url, url=url)
        return Standing(
            megabytes=megabytes,
            first_fire=first.timestamp() - worker.started_at,
            idle_share=share,
            blocks=asked["blocks"],
            plans=asked["text"],
        )


def _idle_crowds(count: int, now: datetime) -> list[seed.Crowd]:
    """Due an hour from now and later: however long the filling takes, none of them becomes due."""
    parts = [count // DISTINCT_INSTANTS] * DISTINCT_INSTANTS
    parts[0] += count % DISTINCT_INSTANTS
    return [
        seed.Crowd(size=size, due_at=now + timedelta(minutes=60 + place))
        for place, size in enumerate(parts)
        if size
    ]
