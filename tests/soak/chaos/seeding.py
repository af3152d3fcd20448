"""Adds the schedules of a plan, in a process that has Django: `python -m tests.soak.chaos.seeding SIZE START`."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from clockwright.engine.model import Schedule
from clockwright.engine.registry import workflow_id_of
from tests.soak.chaos.plan import Planned, Size, schedules

LATE = 3
"""The exit code when the start had passed before all were added."""


def size_from(text: str) -> Size:
    """As `size_text` wrote it."""
    facts: dict[str, Any] = json.loads(text)
    return Size(**facts | {"lease": timedelta(seconds=facts["lease"])})


def size_text(size: Size) -> str:
    """For the command line of another process."""
    names = ("seed", "nodes", "fires", "faults", "seconds", "has_server")
    facts = {name: getattr(size, name) for name in names}
    return json.dumps(facts | {"lease": size.lease.total_seconds()})


def _add(planned: list[Planned]) -> int:
    """All, and 0, or none and `LATE`."""
    import django

    django.setup()
    from django.db import transaction

    from clockwright.engine.ports import NothingToRun
    from clockwright.schedules.store import SqlStore

    store = SqlStore()
    try:
        with transaction.atomic():
            now = store.now()
            for one in planned:
                store.add_schedule(_schedule(one, now))
            if store.now() >= planned[0].start:
                transaction.set_rollback(True)
                return LATE
    except NothingToRun:
        return LATE
    return 0


def _schedule(one: Planned, now: datetime) -> Schedule:
    return Schedule(
        schedule_id=uuid4(),
        workflow_id=workflow_id_of(one.sort.function),
        recurrence=one.recurrence,
        settled_until=now,
        policy=one.policy,
        start_at=one.start,
        end_at=one.end,
        context=one.context,
        key=one.key,
    )


if __name__ == "__main__":
    sys.exit(_add(schedules(size_from(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))))
