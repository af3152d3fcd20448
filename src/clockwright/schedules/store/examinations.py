"""Who examines when, what the last examination found, and how far back the ledger was pruned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from clockwright.schedules.store.calls import StoreCalls
from clockwright.schedules.store.dialect import Cursor, Kind, to_json

PRUNING = "pruning"

FIRST = timedelta(minutes=1)
"""An examination that nobody has made yet waits until the first engine has got going."""

_ENTER = """
    INSERT INTO schedule_examinations (name, due_at, place) VALUES (%s, %s, 0)
    ON CONFLICT (name) DO NOTHING
"""
_TAKE = """
    UPDATE schedule_examinations SET node = %s, held_until = %s
    WHERE name = %s AND due_at <= %s AND (held_until IS NULL OR held_until < %s)
"""
_FINISH = """
    UPDATE schedule_examinations
    SET due_at = %s, held_until = NULL, finished_at = %s, place = %s, report = {report}
    WHERE name = %s AND node = %s
"""
_PRUNED = """
    INSERT INTO schedule_examinations (name, due_at, finished_at, place) VALUES (%s, %s, %s, 0)
    ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at, finished_at = excluded.finished_at
    WHERE schedule_examinations.finished_at < excluded.finished_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Whether an examination is this node's to make now: then where it goes on. Otherwise when to ask again."""

    is_taken: bool
    now: datetime
    ask_again_at: datetime
    place: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """When an examination last ended, and what it found."""

    finished_at: datetime
    report: Mapping[str, Any]


class Examinations(StoreCalls):
    """One row an examination; whoever finds it due and free has it until it is done, or the hold runs out."""

    def take_turn(self, name: str, node_id: str, hold: timedelta) -> Turn:
        """Ask for an examination; a look that finds it not due takes no lock."""
        turn = self._db.read(partial(self._look_at, name))
        if turn.ask_again_at > turn.now:
            return turn
        return self._db.write(partial(self._take, name, node_id, hold))

    def finish(
        self, name: str, node_id: str, place: int, report: Mapping[str, Any], again_in: timedelta
    ) -> bool:
        """Write down what was found; False when another node took it up meanwhile."""
        return self._db.write(partial(self._finish, name, node_id, (place, report, again_in)))

    def last(self, name: str) -> Last | None:
        """What the last one found; None before the first."""
        return self._db.read(partial(self._last, name))

    def pruned_until(self) -> datetime | None:
        """Of what ended before this instant, rows may be gone."""
        return self._db.read(self._pruned_until)

    def _look_at(self, name: str, cursor: Cursor) -> Turn:
        now, instant = self._db.now(cursor), self._dialect.read_instant_or_none
        columns = self._dialect.selected(
            {"due_at": Kind.INSTANT, "held_until": Kind.INSTANT, "place": Kind.INTEGER}, ""
        )
        cursor.execute(f"SELECT {columns} FROM schedule_examinations WHERE name = %s", [name])
        row = cursor.fetchone()
        if row is None:
            return Turn(is_taken=False, now=now, ask_again_at=now)
        due_at, held_until = self._dialect.read_instant(row[0]), instant(row[1])
        again = due_at if held_until is None else max(due_at, held_until)
        return Turn(is_taken=False, now=now, ask_again_at=again, place=row[2])

    def _take(self, name: str, node_id: str, hold: timedelta, cursor: Cursor) -> Turn:
        now = self._db.now(cursor)
        at, until = self._dialect.instant(now), self._dialect.instant(now + hold)
        cursor.execute(_ENTER, [name, self._dialect.instant(now + FIRST)])
        cursor.execute(_TAKE, [node_id, until, name, at, at])
        is_taken = cursor.rowcount == 1
        turn = self._look_at(name, cursor)
        return Turn(is_taken=is_taken, now=now, ask_again_at=turn.ask_again_at, place=turn.place)

    def _finish(
        self,
        name: str,
        node_id: str,
        found: tuple[int, Mapping[str, Any], timedelta],
        cursor: Cursor,
    ) -> bool:
        now = self._db.now(cursor)
        place, report, again_in = found
        due_at, at = self._dialect.instant(now + again_in), self._dialect.instant(now)
        sql = _FINISH.format(report=self._dialect.json("%s"))
        cursor.execute(sql, [due_at, at, place, to_json(dict(report)), name, node_id])
        return cursor.rowcount == 1

    def _last(self, name: str, cursor: Cursor) -> Last | None:
        at = self._dialect.column("finished_at", Kind.INSTANT)
        cursor.execute(
            f"SELECT {at}, report FROM schedule_examinations"
            " WHERE name = %s AND report IS NOT NULL",
            [name],
        )
        row = cursor.fetchone()
        if row is None:
            return None
        return Last(finished_at=self._dialect.read_instant(row[0]), report=json.loads(row[1]))

    def _pruned_until(self, cursor: Cursor) -> datetime | None:
        at = self._dialect.column("finished_at", Kind.INSTANT)
        cursor.execute(f"SELECT {at} FROM schedule_examinations WHERE name = %s", [PRUNING])
        row = cursor.fetchone()
        return None if row is None else self._dialect.read_instant_or_none(row[0])


def note_pruned(cursor: Cursor, before: Any) -> None:
    """Remember that rows that ended before an instant, as the dialect has it, are gone."""
    cursor.execute(_PRUNED, [PRUNING, before, before])
