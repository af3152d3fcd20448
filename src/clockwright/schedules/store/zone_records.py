"""What the zone data says of a schedule's zones, kept when the schedule is saved, for the day after the next release."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial

from django.db import transaction

from clockwright.engine.ports import Clock
from clockwright.recurrence import Recurrence, RecurrenceError, tzdata_version
from clockwright.recurrence.recorded import ZoneRecord, zones_of
from clockwright.recurrence.zones import find_zone
from clockwright.schedules.store.calls import StoreCalls
from clockwright.schedules.store.dialect import Cursor, Kind, to_json

_log = logging.getLogger(__name__)

_COLUMNS = {
    "v_tzdata_version": Kind.TEXT,
    "v_zone": Kind.TEXT,
    "v_recorded_at": Kind.INSTANT,
    "v_transitions": Kind.JSON,
}

_INSERT = """
    INSERT INTO schedule_zone_records (tzdata_version, zone, recorded_at, transitions)
    SELECT v_tzdata_version, v_zone, v_recorded_at, {transitions} FROM {rows} WHERE true
    ON CONFLICT (tzdata_version, zone) DO {otherwise}
"""
_KEEP = "NOTHING"
_REPLACE = "UPDATE SET recorded_at = excluded.recorded_at, transitions = excluded.transitions"

Records = Mapping[str, Mapping[str, ZoneRecord]]
"""By release and zone."""


class ZoneRecords(StoreCalls):
    """The part of the store that keeps zone data."""

    def __init__(self, using: str = "default", clock: Clock | None = None) -> None:
        super().__init__(using, clock)
        self._recorded: set[str] = set()

    def record_zones(self, zones: Collection[str], anew: Collection[str] = ()) -> None:
        """Keep what the present zone data says of zones; of those `anew` also where something else was kept before."""
        self._db.write(partial(self._record_all, zones, anew))

    def zone_records(self) -> Records:
        """All that is kept; what cannot be read is left out, as if it had not been kept."""
        return self._db.read(self._zone_records)

    def _record_zones(self, cursor: Cursor, rule: Recurrence, now: datetime) -> None:
        """Keep what is not kept yet of the zones of a rule that is being saved."""
        missing = zones_of(rule) - self._recorded
        if missing:
            self._enter_zones(cursor, missing, now, _KEEP)
            # only then is it certain: until then every transaction tries, and one of them succeeds
            transaction.on_commit(partial(self._recorded.update, missing), using=self.using)

    def _record_all(self, zones: Collection[str], anew: Collection[str], cursor: Cursor) -> None:
        now = self._db.now(cursor)
        self._enter_zones(cursor, zones, now, _KEEP)
        self._enter_zones(cursor, anew, now, _REPLACE)

    def _enter_zones(
        self, cursor: Cursor, zones: Collection[str], now: datetime, otherwise: str
    ) -> None:
        if not zones:
            return
        second, version = int(now.timestamp()), tzdata_version()
        # in one order, so that two transactions never wait for each other
        rows = self._dialect.table(
            "v",
            _COLUMNS,
            [
                (version, zone, now, to_json(ZoneRecord.of(find_zone(zone), second).to_json()))
                for zone in sorted(zones)
            ],
        )
        transitions = self._dialect.json("v_transitions")
        sql = _INSERT.format(rows=rows.sql, transitions=transitions, otherwise=otherwise)
        cursor.execute(sql, rows.params)

    def _zone_records(self, cursor: Cursor) -> Records:
        cursor.execute("SELECT tzdata_version, zone, transitions FROM schedule_zone_records")
        found: dict[str, dict[str, ZoneRecord]] = {}
        for version, zone, text in cursor.fetchall():
            try:
                record = ZoneRecord.from_json(json.loads(text))
            except RecurrenceError as error:
                _log.warning("the record of %s under %s is left out: %s", zone, version, error)
            else:
                found.setdefault(version, {})[zone] = record
        return found
