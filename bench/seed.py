"""Schedules by the thousand: one is added by Clockwright itself, the others are copies of its row.

Adding 100,000 one by one would take longer than all measurements together, and is not what they measure.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench import children, functions
from bench.databases import Connection
from clockwright.recurrence import Interval

PERIOD = timedelta(hours=1)
"""Every schedule repeats hourly: it fires once within a measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """So many schedules that are due next at one instant."""

    size: int
    due_at: datetime


def plant(url: str, function: str = functions.COROUTINE) -> None:
    """Add the one schedule that starts `function`, in a process of its own."""
    children.answer_of("bench.seed", function, url=url)


def multiply(connection: Connection, crowds: list[Crowd]) -> None:
    """Replace the one schedule by copies of it."""
    (planted,) = connection.row("SELECT max(id) FROM workflow_schedules")
    columns = [name for name in connection.columns("workflow_schedules") if name != "id"]
    for crowd in crowds:
        _copy(connection, planted, columns, crowd)
    connection.rows(f"DELETE FROM workflow_schedules WHERE id = {planted}")
    connection.settle_down()


def _copy(connection: Connection, planted: int, columns: list[str], crowd: Crowd) -> None:
    rule = Interval(seconds=int(PERIOD.total_seconds()), anchor=crowd.due_at)
    values = {name: f't."{name}"' for name in columns} | {
        "schedule_id": connection.new_uuid,
        "context_data": connection.json_object("i", "g.i"),
        "next_execution_at": connection.instant(crowd.due_at),
        "settled_until": connection.instant(crowd.due_at - timedelta(seconds=1)),
        "recurrence": f"'{json.dumps(rule.to_json(), sort_keys=True)}'",
    }
    names = ", ".join(f'"{name}"' for name in columns)
    selected = ", ".join(values[name] for name in columns)
    connection.rows(
        f"INSERT INTO workflow_schedules ({names}) SELECT {selected} "
        f"FROM (SELECT * FROM workflow_schedules WHERE id = {planted}) AS t "
        f"CROSS JOIN {connection.numbers(crowd.size)}"
    )


def _add_one(function: str) -> None:
    import django

    django.setup()
    from uuid import uuid4

    from clockwright.engine.model import Schedule
    from clockwright.engine.registry import workflow_id_of
    from clockwright.schedules.store import SqlStore

    store = SqlStore()
    rule = Interval(seconds=int(PERIOD.total_seconds()))
    workflow = workflow_id_of(function)
    schedule = Schedule(
        schedule_id=uuid4(),
        workflow_id=workflow,
        recurrence=rule,
        settled_until=store.now(),
        context={"i": 0},
    )
    print(json.dumps(str(store.add_schedule(schedule).schedule_id)))


if __name__ == "__main__":
    _add_one(sys.argv[1])
