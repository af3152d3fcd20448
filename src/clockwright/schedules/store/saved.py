"""Schedules and the versions they were saved under: read page by page, accepted, computed again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from clockwright.engine.model import Schedule, ScheduleStatus, Settlement
from clockwright.engine.settle import next_fire, settle
from clockwright.recurrence import ENGINE_VERSION, tzdata_version
from clockwright.schedules.store.dialect import Cursor, Fragment, Kind
from clockwright.schedules.store.rows import SCHEDULE_COLUMNS, read_schedule
from clockwright.schedules.store.schedules import ScheduleCalls

_EXTRA = {
    "id": Kind.INTEGER,
    "name": Kind.TEXT,
    "engine_version": Kind.INTEGER,
    "tzdata_version": Kind.TEXT,
    "rule_since": Kind.INSTANT,
    "created_at": Kind.INSTANT,
}
_PRESENT = "status IN ('active', 'paused')"
_FOREIGN = "(engine_version <> %s OR tzdata_version <> %s)"

_RESTAMP = """
    UPDATE workflow_schedules SET engine_version = %s, tzdata_version = %s, updated_at = %s
    WHERE {which}
"""

_BEGIN = "UPDATE workflow_schedules SET rule_since = settled_until WHERE {which}"

_MOVE = """
    UPDATE workflow_schedules SET
        next_execution_at = v_next_execution_at, version = version + 1, updated_at = %s
    FROM {rows} WHERE schedule_id = v_schedule_id
"""

_FORGET = """
    DELETE FROM schedule_zone_records WHERE tzdata_version <> %s AND NOT EXISTS (
        SELECT 1 FROM workflow_schedules
        WHERE workflow_schedules.tzdata_version = schedule_zone_records.tzdata_version
            AND status IN ('active', 'paused')
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """How many schedules were saved under the same versions for the same zone."""

    tzdata_version: str
    engine_version: int
    zone: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A schedule, and what it was saved under; `schedule` is None where this program cannot read it: `error` says why."""

    place: int
    schedule_id: UUID
    community: str
    key: str | None
    name: str
    rule: str
    engine_version: int
    tzdata_version: str
    rule_since: datetime | None
    created_at: datetime
    schedule: Schedule | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspects:
    """Which schedules may answer otherwise than when they were saved.

    Those of another engine, where `also_engine`; by release, those read in one of its `zones`, and those of the release
    whose rule may have parts in several.
    """

    zones: Mapping[str, Collection[str]] = field(default_factory=dict)
    also_engine: bool = True
    community: str | None = None


class SavedSchedules(ScheduleCalls):
    """What an upgrade asks of the store and does with it."""

    def groups(self, community: str | None = None) -> list[Group]:
        """Under which versions the schedules that may still fire were saved."""
        return self._db.read(partial(self._groups, community))

    def page(self, suspects: Suspects, after: int, limit: int) -> list[Saved]:
        """Up to `limit` suspects behind a place, in order."""
        return self._db.read(partial(self._page, suspects, after, limit))

    def accept(self, changed: Collection[UUID], unchanged: Collection[UUID]) -> list[Schedule]:
        """Save schedules anew under the present versions, in one transaction; those that changed as they stand then.

        What changed is settled up to now first and gets the next fire time that follows from its rule; one without any
        is completed.
        """
        return self._db.write(partial(self._accept, changed, unchanged))

    def accept_rest(self, suspects: Suspects, limit: int) -> int:
        """Save up to `limit` others, which answer as before, under the present versions; returns how many."""
        return self._db.write(partial(self._accept_rest, suspects, limit))

    def forget_zones(self) -> int:
        """Forget releases under which no schedule is saved any more; returns how many records."""
        return self._db.write(self._forget)

    def recompute(self, suspects: Suspects, after: int, limit: int) -> tuple[int, int | None]:
        """Set right the next fire time of up to `limit` active suspects behind a place that nobody else holds.

        Returns how many were wrong, and the place to go on behind; None after the last.
        """
        return self._db.write(partial(self._recompute, suspects, after, limit))

    def _groups(self, community: str | None, cursor: Cursor) -> list[Group]:
        where, params = _within(community)
        cursor.execute(
            "SELECT tzdata_version, engine_version, timezone, count(*) FROM workflow_schedules"
            f" WHERE {_PRESENT}{where} GROUP BY tzdata_version, engine_version, timezone"
            " ORDER BY tzdata_version, engine_version, timezone",
            params,
        )
        return [
            Group(tzdata_version=row[0], engine_version=row[1], zone=row[2], count=row[3])
            for row in cursor.fetchall()
        ]

    def _page(self, suspects: Suspects, after: int, limit: int, cursor: Cursor) -> list[Saved]:
        suspected = _suspected(suspects)
        where = Fragment(f"{_PRESENT} AND {suspected.sql}", suspected.params)
        return self._rows(cursor, where, after, limit)

    def _rows(
        self, cursor: Cursor, where: Fragment, after: int, limit: int, lock: str = ""
    ) -> list[Saved]:
        cursor.execute(
            f"SELECT {self._select}, {self._dialect.selected(_EXTRA, '')} FROM workflow_schedules"
            f" WHERE id > %s AND {where.sql} ORDER BY workflow_schedules.id LIMIT %s{lock}",
            [after, *where.params, limit],
        )
        return [self._saved(row) for row in cursor.fetchall()]

    def _saved(self, row: Sequence[Any]) -> Saved:
        size = len(SCHEDULE_COLUMNS)
        columns = dict(zip(SCHEDULE_COLUMNS, row, strict=False))
        place, name, engine, tzdata, rule_since, created_at = row[size:]
        schedule, error = None, ""
        try:
            schedule = read_schedule(self._dialect, row[:size])
        except Exception as problem:  # noqa: BLE001 - kept: it is what the examination is for
            error = f"{type(problem).__name__}: {problem}"
        return Saved(
            place=place,
            schedule_id=self._dialect.read_uuid(columns["schedule_id"]),
            community=columns["community_id"],
            key=columns["key"],
            name=name,
            rule=columns["recurrence"],
            engine_version=engine,
            tzdata_version=tzdata,
            rule_since=self._dialect.read_instant_or_none(rule_since),
            created_at=self._dialect.read_instant(created_at),
            schedule=schedule,
            error=error,
        )

    def _accept(
        self, changed: Collection[UUID], unchanged: Collection[UUID], cursor: Cursor
    ) -> list[Schedule]:
        now = self._db.now(cursor)
        among = self._dialect.is_one_of("schedule_id", [*changed, *unchanged])
        cursor.execute(
            f"SELECT {self._select} FROM workflow_schedules"
            f" WHERE {among.sql} AND {_PRESENT} ORDER BY id{self._dialect.for_update}",
            among.params,
        )
        schedules = [read_schedule(self._dialect, row) for row in cursor.fetchall()]
        anew = [schedule for schedule in schedules if schedule.schedule_id in set(changed)]
        settlements = [
            _accepted(settle(situation, now)) for situation in self._situations(cursor, anew)
        ]
        self._write_down(cursor, settlements, now)
        self._move(cursor, [settlement.schedule for settlement in settlements], now)
        since = self._dialect.is_one_of(
            "schedule_id", [s.schedule.schedule_id for s in settlements]
        )
        cursor.execute(_BEGIN.format(which=since.sql), since.params)
        for schedule in schedules:
            self._record_zones(cursor, schedule.recurrence, now)
        stamp = [ENGINE_VERSION, tzdata_version(), self._dialect.instant(now)]
        cursor.execute(_RESTAMP.format(which=among.sql), [*stamp, *among.params])
        self._db.wake(cursor)
        return [settlement.schedule for settlement in settlements]

    def _accept_rest(self, suspects: Suspects, limit: int, cursor: Cursor) -> int:
        suspected = _suspected(suspects)
        among, community = _within(suspects.community)
        versions = [ENGINE_VERSION, tzdata_version()]
        which = (
            f"id IN (SELECT id FROM workflow_schedules WHERE {_PRESENT}{among} AND {_FOREIGN}"
            f" AND NOT {suspected.sql} ORDER BY id LIMIT %s)"
        )
        now = self._dialect.instant(self._db.now(cursor))
        cursor.execute(
            _RESTAMP.format(which=which),
            [*versions, now, *community, *versions, *suspected.params, limit],
        )
        return cursor.rowcount

    def _forget(self, cursor: Cursor) -> int:
        cursor.execute(_FORGET, [tzdata_version()])
        return cursor.rowcount

    def _recompute(
        self, suspects: Suspects, after: int, limit: int, cursor: Cursor
    ) -> tuple[int, int | None]:
        now = self._db.now(cursor)
        suspected = _suspected(suspects)
        where = Fragment(f"status = 'active' AND {suspected.sql}", suspected.params)
        found = self._rows(cursor, where, after, limit, self._dialect.skip_locked)
        wrong = []
        for saved in found:
            schedule = saved.schedule
            upcoming = None if schedule is None else next_fire(schedule, schedule.settled_until)
            # where none is left the old instant stands: settling then ends the schedule as it would any other
            if schedule and upcoming is not None and upcoming != schedule.next_execution_at:
                wrong.append(replace(schedule, next_execution_at=upcoming))
        if wrong:
            self._move(cursor, wrong, now)
            self._db.wake(cursor)
        return len(wrong), found[-1].place if len(found) == limit else None

    def _move(self, cursor: Cursor, schedules: Sequence[Schedule], now: datetime) -> None:
        """Write next fire times; the version rises, so that nothing read before is acted upon."""
        if not schedules:
            return
        columns = {"v_schedule_id": Kind.UUID, "v_next_execution_at": Kind.INSTANT}
        rows = self._dialect.table(
            "v", columns, [(s.schedule_id, s.next_execution_at) for s in schedules]
        )
        cursor.execute(_MOVE.format(rows=rows.sql), [self._dialect.instant(now), *rows.params])


def _accepted(settlement: Settlement) -> Settlement:
    """The settlement, with the next fire time by the present rule also where there was nothing to settle."""
    schedule = settlement.schedule
    if schedule.status is not ScheduleStatus.ACTIVE:
        return settlement
    upcoming = next_fire(schedule, schedule.settled_until)
    changed = replace(schedule, next_execution_at=upcoming)
    if upcoming is None:
        changed = replace(changed, status=ScheduleStatus.COMPLETED)
    return replace(settlement, schedule=changed)


def _within(community: str | None) -> tuple[str, list[Any]]:
    return ("", []) if community is None else (" AND community_id = %s", [community])


def _suspected(suspects: Suspects) -> Fragment:
    """A condition in brackets, and its values. `rule` is the type of what may have parts in several zones."""
    terms = ["1 = 0"]
    params: list[Any] = []
    if suspects.also_engine:
        terms.append("engine_version <> %s")
        params.append(ENGINE_VERSION)
    for version, zones in sorted(suspects.zones.items()):
        marks = ", ".join(["%s"] * len(zones))
        inside = f"timezone IN ({marks}) OR " if zones else ""
        terms.append(f"(tzdata_version = %s AND ({inside}schedule_type = 'rule'))")
        params += [version, *sorted(zones)]
    among, community = _within(suspects.community)
    return Fragment(f"(({' OR '.join(terms)}){among})", (*params, *community))
