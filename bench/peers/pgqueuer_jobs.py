"""pgqueuer on PostgreSQL: one-off jobs that may start from an instant on. It has no schedules of this number.

Variants: `defaults` (ten jobs fetched at a time), `tuned` (500).
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from bench.peers import common

_WORK = common.work()
_BATCH = 10 if _WORK.variant == "defaults" else 500
_ENQUEUED_AT_ONCE = 5_000


async def _connect() -> asyncpg.Connection:
    return await asyncpg.connect(_WORK.url)


async def _load() -> None:
    queries = Queries(AsyncpgDriver(await _connect()))
    await queries.install()
    due = list(enumerate(_WORK.due()))
    for start in range(0, len(due), _ENQUEUED_AT_ONCE):
        batch, now = due[start : start + _ENQUEUED_AT_ONCE], time.time()
        await queries.enqueue(
            ["note"] * len(batch),
            [str(number).encode() for number, _ in batch],
            [0] * len(batch),
            [timedelta(seconds=at - now) for _, at in batch],
        )


async def _serve() -> None:
    queue = PgQueuer(AsyncpgDriver(await _connect()))

    @queue.entrypoint("note")
    async def note(job: Job) -> None:
        common.note(int(job.payload or b"0"))

    at_work = asyncio.create_task(queue.run(batch_size=_BATCH))
    await asyncio.sleep(0.5)
    common.is_ready("worker")
    await at_work


def load() -> None:
    asyncio.run(_load())


def serve() -> None:
    logging.disable(logging.CRITICAL)
    asyncio.run(_serve())


if __name__ == "__main__":
    common.main(load, {"worker": serve})
