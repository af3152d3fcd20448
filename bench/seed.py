"""Schedules by the thousand: one is added by Clockwright itself, the others are copies of its row.

Adding 100,000 one by one would take longer than all measurements together, and is not what they measure.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench import children, functions, workloads
from bench.databases import Connection
from clockwright.recurrence import Interval

PERIOD = timedelta(seconds=workloads.PERIOD)
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
    with _copying(connection) as copy:
        for crowd in crowds:
            copy(crowd.due_at, connection.numbers(crowd.size), connection.instant(crowd.due_at))


def scatter(connection: Connection, due: Sequence[datetime]) -> None:
    """Replace the one schedule by copies of it, each due at an instant of its own; `i` is its place from 1 on.

    Rules answer whole seconds: a copy's rule fires on the second in which it is due.
    """
    seconds: dict[datetime, list[str]] = {}
    for place, instant in enumerate(due, start=1):
        row = f"({place}, {connection.instant(instant)})"
        seconds.setdefault(instant.replace(microsecond=0), []).append(row)
    with _copying(connection) as copy:
        for second, rows in seconds.items():
            values = f"(VALUES {', '.join(rows)}) AS v"
            copy(second, f"(SELECT column1 AS i, column2 AS due FROM {values}) AS g", "g.due")


_Copy = Callable[[datetime, str, str], None]
"""Of the second in which the rule fires, a table `g` with the column `i`, and when they are due as SQL."""


@contextlib.contextmanager
def _copying(connection: Connection) -> Iterator[_Copy]:
    (planted,) = connection.row("SELECT max(id) FROM workflow_schedules")
    columns = [name for name in connection.columns("workflow_schedules") if name != "id"]
    names = ", ".join(f'"{name}"' for name in columns)

    def copy(second: datetime, source: str, due: str) -> None:
        rule = Interval(seconds=int(PERIOD.total_seconds()), anchor=second)
        values = {name: f't."{name}"' for name in columns} | {
            "schedule_id": connection.new_uuid,
            "context_data": connection.json_object("i", "g.i"),
            "next_execution_at": due,
            "settled_until": connection.instant(second - timedelta(seconds=1)),
            "recurrence": f"'{json.dumps(rule.to_json(), sort_keys=True)}'",
        }
        selected = ", ".join(values[name] for name in columns)
        connection.rows(
            f"INSERT INTO workflow_schedules ({names}) SELECT {selected} "
            f"FROM (SELECT * FROM workflow_schedules WHERE id = {planted}) AS t CROSS JOIN {source}"
        )

    yield copy
    connection.rows(f"DELETE FROM workflow_schedules WHERE id = {planted}")
    connection.settle_down()


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
