"""Calendars of a community: kept by name, held by schedules as values, brought to them when they change."""

from __future__ import annotations

import pytest

from clockwright.access.callers import Forbidden
from clockwright.audit.models import AuditEntry
from clockwright.schedules import calendars, commands
from clockwright.schedules.calendar_models import ScheduleCalendar
from clockwright.schedules.errors import (
    CalendarNotFoundException,
    InvalidScheduleException,
    ScheduleConflictException,
)
from tests.support.scheduling import OPERATOR, STRANGER, VIEWER, again, ledger

WEEKEND = ["sat", "sun"]
NINE = {"type": "cron", "expression": "0 9 * * *"}
RULE = {"type": "business_days", "rule": NINE, "calendar": "feasts", "otherwise": "next"}
EVERY_WEEKDAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def put(caller=OPERATOR, name="feasts", version=None, **data):
    return calendars.put_calendar(caller, name, data, version)


def scheduled(life, rule=RULE, **more):
    return life.add(schedule_type="rule", recurrence=rule, timezone="UTC", **more)


def trail(action):
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


def test_a_calendar_is_kept_shown_changed_and_removed(life):
    made = put(yearly=["12-25"])
    assert (made.created, made.row.version, list(made.schedules)) == (True, 1, [])
    shown = calendars.calendar_document(calendars.get_calendar(VIEWER, "feasts"))
    assert (shown["name"], shown["weekend"], shown["yearly"]) == ("feasts", WEEKEND, ["12-25"])
    assert put(yearly=["12-25"]).row.version == 1
    assert put(yearly=["12-25", "12-26"], version=1).row.version == 2
    with pytest.raises(ScheduleConflictException, match="version 2"):
        put(yearly=["12-25"], version=1)
    assert [row.name for row in calendars.list_calendars(VIEWER)] == ["feasts"]
    calendars.remove_calendar(OPERATOR, "feasts")
    assert calendars.list_calendars(VIEWER) == []
    assert [len(trail(action)) for action in ("calendar_put", "calendar_remove")] == [2, 1]
    assert trail("calendar_put")[1].details["before"]["yearly"] == ["12-25"]


def test_a_schedule_that_names_a_calendar_holds_it_as_a_value(life):
    put(holidays=["2026-03-03"])
    inside = {
        "type": "union",
        "rules": [RULE, {"type": "except", "rule": NINE, "calendar": "feasts"}],
    }
    row = scheduled(life, inside)
    held = [rule["calendar"] for rule in row.recurrence["rules"]]
    assert held == [{"name": "feasts", "weekend": WEEKEND, "holidays": ["2026-03-03"]}] * 2
    life.update(row, recurrence={**RULE, "otherwise": "skip"})
    assert again(row).recurrence["calendar"] == held[0]


def test_a_changed_calendar_amends_the_schedules_that_have_it_and_no_others(life):
    """From Monday 2 March 2026, 09:00: the old rule is settled up to now before the new one holds."""
    put(holidays=["2026-03-05"])
    row, other = scheduled(life, key="one"), life.cron("0 9 * * *")
    paused = scheduled(life, key="two")
    commands.pause_schedule(OPERATOR, paused.schedule_id)
    life.advance(days=2)
    done = put(holidays=["2026-03-04", "2026-03-06"])
    assert set(done.schedules) == {row.schedule_id, paused.schedule_id}
    life.advance(days=5)
    fired = [f"{moment:%d}" for moment, _ in ledger(row)]
    assert fired == ["03", "04", "05", "09"]
    assert again(paused).status == "paused"
    assert again(paused).recurrence["calendar"]["holidays"] == ["2026-03-04", "2026-03-06"]
    assert again(other).recurrence == other.recurrence
    assert {entry.schedule_id for entry in trail("schedule_update")} == {
        row.schedule_id,
        paused.schedule_id,
    }


def test_putting_the_same_again_finishes_what_was_interrupted(life):
    put()
    row = scheduled(life)
    ScheduleCalendar.objects.update(data={"name": "feasts", "weekend": ["fri"]})
    done = put(weekend=["fri"])
    assert list(done.schedules) == [row.schedule_id]
    assert again(row).recurrence["calendar"]["weekend"] == ["fri"]
    assert list(put(weekend=["fri"]).schedules) == []


def test_a_calendar_that_a_schedule_could_not_live_with_changes_nothing(life):
    put()
    skip = {**RULE, "rule": {**NINE, "expression": "0 9 * * mon"}, "otherwise": "skip"}
    row = scheduled(life, skip, key="mondays")
    with pytest.raises(InvalidScheduleException, match="mondays would never fire again"):
        put(weekend=["mon"])
    assert calendars.get_calendar(VIEWER, "feasts").version == 1
    assert again(row).recurrence["calendar"]["weekend"] == WEEKEND


def test_a_calendar_in_use_stays_until_its_schedules_are_gone(life):
    put()
    row = scheduled(life, key="user")
    with pytest.raises(ScheduleConflictException, match="user"):
        calendars.remove_calendar(OPERATOR, "feasts")
    commands.remove_schedule(OPERATOR, row.schedule_id)
    calendars.remove_calendar(OPERATOR, "feasts")
    with pytest.raises(CalendarNotFoundException):
        calendars.remove_calendar(OPERATOR, "feasts")


def test_an_unknown_name_is_refused_by_name(life):
    with pytest.raises(InvalidScheduleException, match="no calendar 'feasts'"):
        scheduled(life)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("my feasts", {}, "name"),
        ("feasts", {"days": []}, "days"),
        ("feasts", {"weekend": EVERY_WEEKDAY}, "no business day"),
        ("feasts", {"yearly": ["02-30"]}, "02-30"),
    ],
)
def test_what_is_no_calendar_is_refused_with_its_reason(life, name, data, said):
    with pytest.raises(InvalidScheduleException, match=said):
        put(name=name, **data)


def test_a_viewer_changes_no_calendar_and_a_stranger_sees_none(life):
    put()
    for refused in (lambda: put(VIEWER), lambda: calendars.remove_calendar(VIEWER, "feasts")):
        with pytest.raises(Forbidden):
            refused()
    assert calendars.list_calendars(STRANGER) == []
    with pytest.raises(CalendarNotFoundException):
        calendars.get_calendar(STRANGER, "feasts")
    put(STRANGER, weekend=["fri"])
    assert calendars.get_calendar(VIEWER, "feasts").data["weekend"] == WEEKEND
