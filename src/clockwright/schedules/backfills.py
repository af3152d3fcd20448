"""Backfills for callers: foreseen, asked for, cancelled. Each is one transaction, as in `commands`.

Needs `execute` on the schedule's workflow: a backfill makes runs. Raises the errors of `schedules.errors`, and `Forbidden`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from clockwright.access import policy
from clockwright.access.callers import Caller, Right
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
from clockwright.engine.backfill import (
    MOST_FIRE_TIMES,
    MOST_INSTANCES,
    OVERLAPS,
    USUAL_LIMIT,
    Range,
    RangeRefused,
    Terms,
)
from clockwright.engine.model import HIGHEST_PRIORITY, LOWEST_PRIORITY, Overlap
from clockwright.schedules import drafts, selectors, stores
from clockwright.schedules.errors import (
    BackfillNotFoundException,
    ConfigProblem,
    InvalidBackfillException,
    ScheduleConflictException,
    ScheduleNotFoundException,
)
from clockwright.schedules.reading import ConfigReader, shown
from clockwright.schedules.store.backfills import BackfillUnderWay, Foreseen, Request

if TYPE_CHECKING:
    from clockwright.schedules.backfill_models import Backfill
    from clockwright.schedules.models import Schedule

KNOWN_KEYS: Final = frozenset({"from", "to", "overlap", "max_instances", "priority", "limit"})
_FIELDS: Final = {"start": "from", "end": "to", "limit": "limit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a caller asks for, read: the range, and how its runs are let go."""

    within: Range
    terms: Terms


def foresee_backfill(caller: Caller, schedule_id: UUID, asked: Mapping[str, Any]) -> Foreseen:
    """What `start_backfill` would make of every fire time of the range now; nothing is saved."""
    row = _found(caller, schedule_id)
    wanted = read_backfill(asked, row.timezone)
    try:
        return stores.backfills().foresee(schedule_id, wanted.within)
    except RangeRefused as error:
        raise _of_range(error) from error


def start_backfill(
    caller: Caller, schedule_id: UUID, asked: Mapping[str, Any], request_id: str | None = None
) -> Backfill:
    """Have the fire times of a past range run that did not; the engines make the runs from then on.

    The same `request_id` is the same backfill, however often it is sent. One of a schedule at a time.
    """
    request = drafts.checked_request_id(request_id)

    def work() -> Backfill:
        row = _found(caller, schedule_id, is_held=True)
        known = selectors.requested_backfill(schedule_id, request)
        if known is not None:
            return known
        wanted = read_backfill(asked, row.timezone)
        backfill_id = stores.backfills().ask(
            schedule_id,
            Request(
                request_id=request,
                asked_by=caller.actor[:255],
                within=wanted.within,
                terms=wanted.terms,
            ),
        )
        made = find_backfill(caller, schedule_id, backfill_id)
        _record(caller, Action.SCHEDULE_BACKFILL, row, made, total=made.total)
        return made

    try:
        return stores.in_transaction(work)
    except RangeRefused as error:
        raise _of_range(error) from error
    except BackfillUnderWay as error:
        raise ScheduleConflictException(
            f"backfill {error.args[0]} of this schedule is under way; wait for its end, or cancel it"
        ) from error


def is_answer(made: Backfill, asked: Mapping[str, Any]) -> bool:
    """Whether a backfill is what is asked for: a request that is sent again must say the same."""
    wanted = read_backfill(asked, made.schedule.timezone)
    priority = made.priority if wanted.terms.priority is None else wanted.terms.priority
    first, last = made.schedule.start_at, made.schedule.end_at
    start, end = wanted.within.start, wanted.within.end
    return (
        # as it was cut to the schedule's bounds when it was made
        (max(start, first) if first else start) == made.range_from
        and (min(end, last) if last else end) == made.range_to
        and (made.overlap, made.max_instances) == (wanted.terms.overlap, wanted.terms.max_instances)
        and made.priority == priority
    )


def cancel_backfill(caller: Caller, schedule_id: UUID, backfill_id: UUID) -> Backfill:
    """Make no more of it, and cancel its runs that have not begun; one that has ended stays as it is."""

    def work() -> Backfill:
        row = _found(caller, schedule_id, is_held=True)
        made = find_backfill(caller, schedule_id, backfill_id)
        if stores.backfills().cancel(backfill_id):
            _record(caller, Action.BACKFILL_CANCEL, row, made)
        made.refresh_from_db()
        return made

    return stores.in_transaction(work)


def find_backfill(caller: Caller, schedule_id: UUID, backfill_id: UUID) -> Backfill:
    """One backfill of a schedule, also of a removed one; raises BackfillNotFoundException."""
    made = selectors.find_backfill(caller.community, backfill_id)
    if made is None or made.schedule_id != schedule_id:
        raise BackfillNotFoundException(backfill_id)
    return made


def read_backfill(asked: Mapping[str, Any], zone: str) -> Wanted:
    """The documented keys, with every problem told at once; an instant without an offset is read in `zone` (C-08)."""
    reader = ConfigReader(asked, KNOWN_KEYS)
    start, end = (reader.instant(key, zone) for key in ("from", "to"))
    for key in ("from", "to"):
        if reader.get(key) is None:
            reader.refuse(key, f"{key} required: an end of the range, both ends included")
    overlap = reader.choice("overlap", Overlap, Overlap.BUFFER_ALL)
    if overlap not in OVERLAPS:
        reader.refuse(
            "overlap",
            f"overlap: a backfill knows {', '.join(OVERLAPS)}, not {shown(overlap.value)}",
        )
    instances = reader.whole("max_instances", 1, MOST_INSTANCES, 1)
    priority = reader.whole("priority", LOWEST_PRIORITY, HIGHEST_PRIORITY, None)
    limit = reader.whole("limit", 1, MOST_FIRE_TIMES, USUAL_LIMIT)
    problems = [
        ConfigProblem(pointer.removeprefix("/schedule_config"), message)
        for pointer, message in reader.problems
    ]
    if problems or start is None or end is None:
        raise InvalidBackfillException(*problems)
    return Wanted(
        within=Range(start=start, end=end, limit=limit),
        terms=Terms(overlap=overlap, max_instances=instances, priority=priority),
    )


def _of_range(error: RangeRefused) -> InvalidBackfillException:
    name = _FIELDS[error.field]
    return InvalidBackfillException(ConfigProblem(f"/{name}", f"{name}: {error}"))


def _found(caller: Caller, schedule_id: UUID, *, is_held: bool = False) -> Schedule:
    find = selectors.lock_schedule if is_held else selectors.find_schedule
    row = find(caller.community, schedule_id)
    if row is None:
        raise ScheduleNotFoundException(schedule_id)
    policy.require(caller, Right.EXECUTE, row.workflow_id)
    return row


def _record(caller: Caller, action: Action, row: Schedule, made: Backfill, **facts: Any) -> None:
    ends: dict[str, Any] = {"from": made.range_from.isoformat(), "to": made.range_to.isoformat()}
    trail.record(
        Category.AUDIT,
        action,
        caller=caller,
        schedule_id=row.schedule_id,
        workflow_id=row.workflow_id,
        backfill_id=str(made.backfill_id),
        **ends,
        **facts,
    )
