"""procrastinate 3 on PostgreSQL: one-off jobs deferred to an instant, which is how it makes periodic ones too.

Variants: `defaults` (one job at a time, a look every 5 s), `tuned` (20 at a time, a look every 0.2 s).
"""

from __future__ import annotations

import asyncio
import logging

import procrastinate
import psycopg

from bench.peers import common

_WORK = common.work()
_AT_A_TIME, _LOOK = (1, 5.0) if _WORK.variant == "defaults" else (20, 0.2)

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(
        conninfo=_WORK.url, min_size=2, max_size=_AT_A_TIME + 4
    )
)


@app.task(name="note", queue="notes")
async def note(number: int) -> None:
    common.note(number)


def load() -> None:
    """Its own tables, and the rows that deferring writes, in one statement."""
    asyncio.run(_make_tables())
    due = [common.when(instant) for instant in _WORK.due()]
    with psycopg.connect(_WORK.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at)"
            " SELECT 'notes', 'note', jsonb_build_object('number', number), at"
            " FROM unnest(%s::bigint[], %s::timestamptz[]) AS due(number, at)",
            [list(range(len(due))), due],
        )


async def _make_tables() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def _serve() -> None:
    async with app.open_async():
        at_work = asyncio.create_task(
            app.run_worker_async(
                queues=["notes"],
                concurrency=_AT_A_TIME,
                fetch_job_polling_interval=_LOOK,
                install_signal_handlers=False,
            )
        )
        await asyncio.sleep(0.5)
        common.is_ready("worker")
        await at_work


def serve() -> None:
    logging.disable(logging.CRITICAL)
    asyncio.run(_serve())


if __name__ == "__main__":
    common.main(load, {"worker": serve})
