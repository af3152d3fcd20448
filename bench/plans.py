"""How the database answers what an engine asks again and again: the statements themselves, explained by PostgreSQL.

`python -m bench.plans URL` makes one schedule due, has the store settle and claim as a planner does, and prints
`{"blocks", "text"}`: the blocks that finding the due schedules touched, and every question with its plan. It writes
what a settlement writes, so it comes last on a database.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench import functions  # noqa: F401 - registers them

_TABLE = "workflow_schedules"
_QUESTION = re.compile(rf"\s*SELECT\b.*\b{_TABLE}\b", re.IGNORECASE | re.DOTALL)
_DUE = re.compile(r"next_execution_at\s*<=.*\bLIMIT\b", re.IGNORECASE | re.DOTALL)
_BLOCKS = re.compile(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?")
_LATEST_PLAN_WINS = 12
"""Statements at most: an engine asks few kinds of questions."""


def explained(url: str) -> tuple[int, str]:
    """Blocks touched by the due query, and all that was asked of the schedules, with plans."""
    import django

    django.setup()
    from clockwright.schedules.store import SqlStore

    store = SqlStore()
    with _overheard() as plans:
        store.settle_due(500)
        _make_one_due(url)
        store.settle_due(500)
    due = [plan for statement, plan in plans.items() if _DUE.search(statement)]
    if not due:
        raise SystemExit(
            "the store never asked which schedules are due: bench/plans.py is out of date"
        )
    text = "\n\n".join(f"{statement}\n\n{plan}" for statement, plan in plans.items())
    return sum(map(blocks, due)), text + "\n"


def blocks(plan: str) -> int:
    """Blocks that the whole of it touched, in memory or not: what its first line about buffers says."""
    found = _BLOCKS.search(plan)
    return sum(int(number or 0) for number in found.groups()) if found else 0


@contextmanager
def _overheard() -> Iterator[dict[str, str]]:
    """Explain each question about schedules before it is answered, with the very parameters."""
    plans: dict[str, str] = {}
    execute = psycopg.Cursor.execute

    def listening(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
        statement = query.decode() if isinstance(query, bytes) else str(query)
        if _QUESTION.match(statement) and len(plans) < _LATEST_PLAN_WINS:
            execute(cursor, f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statement}", params)
            plans[" ".join(statement.split())] = "\n".join(row[0] for row in cursor.fetchall())
        return execute(cursor, query, params, **options)

    psycopg.Cursor.execute = listening  # type: ignore[method-assign]
    try:
        yield plans
    finally:
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]


def _make_one_due(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"UPDATE {_TABLE} SET next_execution_at = now(), settled_until = now() - interval '1 hour'"
            f" WHERE id = (SELECT id FROM {_TABLE} WHERE status = 'active'"
            " ORDER BY next_execution_at LIMIT 1)"
        )


if __name__ == "__main__":
    touched, text = explained(sys.argv[1])
    print(json.dumps({"blocks": touched, "text": text}))
