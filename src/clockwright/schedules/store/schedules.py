"""Schedules: added, read, amended, and settled when they are due."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from clockwright.engine.lifecycle import amended, begun
from clockwright.engine.model import Schedule, ScheduleStatus, Settlement, Situation
from clockwright.engine.ports import Amendment, Clock, DuplicateKey, Settled, Share, UnknownSchedule
from clockwright.engine.settle import Answers, settle
from clockwright.recurrence import ENGINE_VERSION, tzdata_version
from clockwright.schedules.store.calls import PENDING, RECHECK
from clockwright.schedules.store.dialect import Cursor, Fragment, Kind, to_json
from clockwright.schedules.store.ledger import NO_SHARE, Ledger
from clockwright.schedules.store.projection import policy_to_json, project, rule_to_text
from clockwright.schedules.store.rows import SCHEDULE_COLUMNS, read_schedule
from clockwright.schedules.store.zone_records import ZoneRecords

_log = logging.getLogger(__name__)

ROWS_PER_TRANSACTION = 5_000
"""A settling transaction ends when it has so many rows for the ledger; what is still due waits for the next."""

_INSERT = """
    INSERT INTO workflow_schedules ({columns}) VALUES ({values})
    ON CONFLICT (community_id, key) DO NOTHING
"""

_CANCEL_PENDING = f"""
    UPDATE schedule_runs SET status = 'cancelled', reason = 'schedule_removed', finished_at = %s
    WHERE schedule_id = %s AND {PENDING}
"""


_TIMES = frozenset({"recurrence", "start_at", "end_at"})
"""Whoever changes one of these has seen, or could have seen, what it comes to under the present versions."""

_LEFT_ALONE = {"u_schedule_id": Kind.UUID, "u_version": Kind.INTEGER}
_NOTHING = Fragment("", ())

_ENDED = frozenset({ScheduleStatus.COMPLETED, ScheduleStatus.FAILED})


def _versions() -> dict[str, Any]:
    return {"engine_version": ENGINE_VERSION, "tzdata_version": tzdata_version()}


@dataclass(frozen=True, slots=True)
class _Batch:
    """The locked schedules of one settling: those that could be read, and how many rows there were."""

    schedules: Sequence[Schedule]
    size: int


class ScheduleCalls(Ledger, ZoneRecords):
    """The methods of `ScheduleStore`, documented there."""

    def __init__(self, using: str = "default", clock: Clock | None = None) -> None:
        super().__init__(using, clock)
        self._select = self._dialect.selected(SCHEDULE_COLUMNS, "")
        self._unsettled: dict[UUID, int] = {}
        self._is_busy = False  # then something will be due, and a look before is one look too many

    @property
    def settles_side_by_side(self) -> bool:
        """Where rows are locked and locked rows skipped."""
        return bool(self._dialect.skip_locked)

    def add_schedule(self, schedule: Schedule) -> Schedule:
        """Insert with watermark = now and `next_execution_at` computed; raises DuplicateKey, NothingToRun."""
        return self._db.write(partial(self._add, schedule))

    def get_schedule(self, schedule_id: UUID) -> Schedule:
        """The schedule; raises UnknownSchedule."""
        return self._db.read(partial(self._get, schedule_id))

    def amend_schedule(self, schedule_id: UUID, amendment: Amendment) -> Schedule:
        """Lock, settle the old rule up to now, then apply; raises UnknownSchedule, VersionConflict, NothingToRun."""
        return self._db.write(partial(self._amend, schedule_id, amendment))

    def settle_due(self, limit: int, share: Share | None = None) -> Settled:
        """Settle up to `limit` due schedules nobody else is settling, in one transaction; an idle look takes no lock."""
        if not self._is_busy:
            now, next_due_at = self._db.read(self._look)
            if next_due_at is None or next_due_at > now:
                return Settled(now=now, next_due_at=next_due_at)
        settled = self._db.write(partial(self._settle_batch, limit, share or NO_SHARE))
        self._is_busy = bool(settled.settlements)
        return settled

    def _add(self, schedule: Schedule, cursor: Cursor) -> Schedule:
        now = self._db.now(cursor)
        stored = begun(schedule, now)
        columns = (
            self._described(stored)
            | _versions()
            | {
                "schedule_id": self._dialect.uuid(stored.schedule_id),
                "community_id": stored.community,
                "key": stored.key,
                "execution_count": stored.execution_count,
                "settled_until": self._dialect.instant(stored.settled_until),
                "rule_since": self._dialect.instant(stored.settled_until),
                "created_at": self._dialect.instant(now),
                "updated_at": self._dialect.instant(now),
                "name": "",
                "created_by": "",
            }
        )
        names = ", ".join(columns)
        values = ", ".join(["%s"] * len(columns))
        cursor.execute(_INSERT.format(columns=names, values=values), list(columns.values()))
        if cursor.rowcount == 0:
            raise DuplicateKey(stored.key)
        self._record_zones(cursor, stored.recurrence, now)
        self._db.wake(cursor)
        return stored

    def _get(self, schedule_id: UUID, cursor: Cursor, lock: str = "") -> Schedule:
        cursor.execute(
            f"SELECT {self._select} FROM workflow_schedules WHERE schedule_id = %s{lock}",
            [self._dialect.uuid(schedule_id)],
        )
        row = cursor.fetchone()
        if row is None:
            raise UnknownSchedule(schedule_id)
        return read_schedule(self._dialect, row)

    def _amend(self, schedule_id: UUID, amendment: Amendment, cursor: Cursor) -> Schedule:
        schedule = self._get(schedule_id, cursor, self._dialect.for_update)
        now = self._db.now(cursor)
        (situation,) = self._situations(cursor, [schedule])
        settlement = settle(situation, now)
        changed = amended(
            settlement.schedule, amendment, now
        )  # may refuse: nothing is written before it
        self._write_down(cursor, [settlement], now)
        columns = self._described(changed) | {
            "settled_until": self._dialect.instant(changed.settled_until),
            "updated_at": self._dialect.instant(now),
        }
        if settlement.schedule.status in _ENDED or not _TIMES.isdisjoint(amendment.fields):
            # of what passed before, fire times by the rule as it stands now have no rows
            columns["rule_since"] = columns["settled_until"]
        if not _TIMES.isdisjoint(amendment.fields):
            columns |= _versions()
            self._record_zones(cursor, changed.recurrence, now)
        assignments = ", ".join(f"{name} = %s" for name in columns)
        key = self._dialect.uuid(schedule_id)
        cursor.execute(
            f"UPDATE workflow_schedules SET {assignments} WHERE schedule_id = %s",
            [*columns.values(), key],
        )
        if changed.status is ScheduleStatus.REMOVED:
            cursor.execute(_CANCEL_PENDING, [self._dialect.instant(now), key])
        self._db.wake(cursor)
        return self._get(schedule_id, cursor)

    def _described(self, schedule: Schedule) -> dict[str, Any]:
        """The columns that adding and amending write alike."""
        projection, at = project(schedule.recurrence), self._dialect.instant
        return {
            "workflow_id": self._dialect.uuid(schedule.workflow_id),
            "schedule_type": projection.schedule_type.value,
            "cron_expression": projection.cron_expression,
            "interval_seconds": projection.interval_seconds,
            "scheduled_time": at(projection.scheduled_time),
            "timezone": schedule.recurrence.tz,
            "is_active": schedule.status is ScheduleStatus.ACTIVE,
            "next_execution_at": at(schedule.next_execution_at),
            "max_executions": schedule.policy.max_executions,
            "context_data": to_json(dict(schedule.context)),
            "status": schedule.status.value,
            "status_reason": schedule.status_reason,
            "recurrence": rule_to_text(schedule.recurrence),
            "start_at": at(schedule.start_at),
            "end_at": at(schedule.end_at),
            "policy": to_json(policy_to_json(schedule.policy)),
            "args": to_json(list(schedule.args)),
            "version": schedule.version,
        }

    # settling what is due

    def _look(self, cursor: Cursor) -> tuple[datetime, datetime | None]:
        """Now, and when the next active schedule is due."""
        return self._db.now(cursor), self._next_due_at(cursor)

    def _next_due_at(self, cursor: Cursor, after: datetime | None = None) -> datetime | None:
        earliest = self._dialect.column("min(next_execution_at)", Kind.INSTANT)
        but = self._but_unsettled()
        later = "" if after is None else " AND next_execution_at > %s"
        cursor.execute(
            f"SELECT {earliest} FROM workflow_schedules WHERE status = 'active'{but.sql}{later}",
            [*but.params, *([] if after is None else [self._dialect.instant(after)])],
        )
        return self._dialect.read_instant_or_none(cursor.fetchone()[0])

    def _settle_batch(self, limit: int, share: Share, cursor: Cursor) -> Settled:
        now = self._db.now(cursor)
        batch = self._due(cursor, now, limit)
        settlements, is_cut = self._settlements(cursor, batch.schedules, now)
        claims = self._write_down(cursor, settlements, now, share) if settlements else ()
        next_due_at = self._next_due_at(cursor)
        is_backlogged = next_due_at is not None and next_due_at <= now
        if is_backlogged and batch.size < limit and not is_cut:
            recheck_at = now + RECHECK
            is_backlogged = False
            next_due_at = min(recheck_at, self._next_due_at(cursor, now) or recheck_at)
        return Settled(
            now=now,
            settlements=settlements,
            claims=claims,
            next_due_at=next_due_at,
            is_backlogged=is_backlogged,
        )

    def _due(self, cursor: Cursor, now: datetime, limit: int) -> _Batch:
        but = self._but_unsettled()
        rows = self._dialect.select(
            cursor,
            SCHEDULE_COLUMNS,
            f"FROM workflow_schedules WHERE status = 'active' AND next_execution_at <= %s{but.sql}"
            f" ORDER BY workflow_schedules.next_execution_at LIMIT %s{self._dialect.skip_locked}",
            [self._dialect.instant(now), *but.params, limit],
        )
        schedules = []
        for row in rows:
            try:
                whole = self._dialect.checked(SCHEDULE_COLUMNS, row)
                schedules.append(read_schedule(self._dialect, whole))
            except Exception as error:  # noqa: BLE001 - one unreadable schedule must not stop the others
                self._leave(self._dialect.read_uuid(row[0]), row[-1], error)
        return _Batch(schedules, len(rows))

    def _settlements(
        self, cursor: Cursor, schedules: Sequence[Schedule], now: datetime
    ) -> tuple[list[Settlement], bool]:
        """What becomes of each; cut short, which is the second answer, when there are rows enough."""
        settlements: list[Settlement] = []
        rows, answers = 0, Answers()
        for situation in self._situations(cursor, schedules):
            if rows >= ROWS_PER_TRANSACTION:
                return settlements, True
            settlement = self._settled(situation, now, answers)
            if settlement is not None:
                settlements.append(settlement)
                rows += len(settlement.verdicts)
        return settlements, False

    def _settled(self, situation: Situation, now: datetime, answers: Answers) -> Settlement | None:
        try:
            return settle(situation, now, answers)
        except Exception as error:  # noqa: BLE001 - one rule that fails must not stop the others
            self._leave(situation.schedule.schedule_id, situation.schedule.version, error)
            return None

    def _leave(self, schedule_id: UUID, version: int, error: Exception) -> None:
        """Leave a schedule that this process cannot settle to a process that can: nothing is written about it."""
        self._unsettled[schedule_id] = version
        _log.error(
            "schedule %s (version %d) cannot be settled here and is left alone until it is changed",
            schedule_id,
            version,
            exc_info=error,
        )

    def _but_unsettled(self) -> Fragment:
        """A condition that leaves out what this process found that it cannot settle."""
        if not self._unsettled:
            return _NOTHING
        left = self._unsettled.copy()  # another thread may be adding to it
        among = self._dialect.table("u", _LEFT_ALONE, list(left.items()))
        return Fragment(
            f" AND (schedule_id, version) NOT IN (SELECT u_schedule_id, u_version FROM {among.sql})",
            among.params,
        )
