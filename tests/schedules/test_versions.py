"""Schedules saved under other versions of engine and zone data: what changes is shown first, and accepted then."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from clockwright.access.callers import Forbidden
from clockwright.audit.models import AuditEntry
from clockwright.recurrence import ENGINE_VERSION, Cron, tzdata_version
from clockwright.recurrence.recorded import ZoneRecord
from clockwright.recurrence.versions import EngineChange
from clockwright.recurrence.zones import Change, find_zone
from clockwright.schedules import commands, stores
from clockwright.schedules.doctor.differences import Certainty
from clockwright.schedules.doctor.recomputation import Recomputation
from clockwright.schedules.doctor.upgrade import Upgrade
from clockwright.schedules.models import Schedule
from clockwright.schedules.models import ZoneRecord as Recorded
from tests.support.scheduling import OPERATOR, START, VIEWER, again, at, statuses

pytestmark = pytest.mark.django_db

OLD = "2020z"
"""A release that is not on this machine."""

REYKJAVIK, CASABLANCA, SYDNEY = "Atlantic/Reykjavik", "Africa/Casablanca", "Australia/Sydney"
HOUR = 3_600


def as_it_was(zone, offset, *changes):
    """What the old release said of a zone: the offset in force as 2025 begins, then (instant, offset)."""
    before, found = offset, []
    for when, after in changes:
        found.append(Change(int(at(when).timestamp()), before, after))
        before = after
    record = ZoneRecord(first_year=2025, last_year=2038, offset=offset, changes=tuple(found))
    Recorded.objects.create(
        tzdata_version=OLD, zone=zone, recorded_at=START, transitions=record.to_json()
    )


def an_hour_ahead_until_september():
    """Iceland has had one offset since 1968, so that these tests need no particular release."""
    as_it_was(REYKJAVIK, HOUR, ("2026-09-01T02:00:00Z", 0))


def unchanged(*zones):
    for zone in zones:
        record = ZoneRecord.of(find_zone(zone), int(START.timestamp()))
        Recorded.objects.create(
            tzdata_version=OLD, zone=zone, recorded_at=START, transitions=record.to_json()
        )


def saved_under(row, tzdata=OLD, engine=ENGINE_VERSION):
    Schedule.objects.filter(pk=row.pk).update(tzdata_version=tzdata, engine_version=engine)


def found(**options):
    return list(Upgrade.look(**options).differences())


def test_what_the_zone_data_says_is_kept_when_a_schedule_is_saved(life):
    life.cron("0 9 * * *", timezone=REYKJAVIK)
    life.cron("0 10 * * *", timezone=REYKJAVIK)
    life.cron("0 10 * * *", timezone=SYDNEY)
    kept = Recorded.objects.filter(tzdata_version=tzdata_version())
    assert {row.zone for row in kept} == {REYKJAVIK, SYDNEY}
    (sydney,) = (row for row in kept if row.zone == SYDNEY)
    record = ZoneRecord.from_json(sydney.transitions)
    assert (record.first_year, record.last_year) == (2025, 2038)
    assert record == ZoneRecord.of(find_zone(SYDNEY), int(START.timestamp()))


def test_an_edit_of_the_rule_keeps_the_zone_it_moves_to(life):
    row = life.cron("0 9 * * *", timezone=REYKJAVIK)
    life.update(row, timezone=CASABLANCA)
    assert Recorded.objects.filter(zone=CASABLANCA, tzdata_version=tzdata_version()).exists()


def test_nothing_is_different_under_the_versions_that_saved_it(life):
    life.cron("0 9 * * *", timezone=REYKJAVIK)
    assert found() == []


def test_a_rule_whose_clock_changed_is_listed_with_what_it_was_and_is(life):
    an_hour_ahead_until_september()
    row = life.cron("0 9 * * *", timezone=REYKJAVIK, key="nine")
    saved_under(row)
    (change,) = found()
    assert (change.schedule_id, change.key, change.tzdata_version) == (row.schedule_id, "nine", OLD)
    assert change.certainty is Certainty.CERTAIN
    assert change.rule == Cron("0 9 * * *", REYKJAVIK).describe()
    was, now = change.first[0].was, change.first[0].now
    assert (was, now) == (at("2026-03-03T08:00:00Z"), at("2026-03-03T09:00:00Z"))
    assert len(change.first) == 3


def test_every_changed_fire_time_of_the_coming_year_is_counted(life):
    """The oracle: all fire times of the year under both, compared."""
    an_hour_ahead_until_september()
    row = life.cron("0 9 * * 1-5", timezone=REYKJAVIK)
    saved_under(row)
    (change,) = found()
    year = START + timedelta(days=366)
    new = set(Cron("0 9 * * 1-5", REYKJAVIK).between(START, year))
    september = at("2026-09-01T02:00:00Z")
    old = set(Cron("0 8 * * 1-5", "UTC").between(START, september))
    old |= set(Cron("0 9 * * 1-5", "UTC").between(september, year))
    assert change.changed == len(new - old) == len(old - new)
    assert not change.is_cut_short


def test_rules_that_no_clock_moves_are_not_listed(life):
    an_hour_ahead_until_september()
    saved_under(life.cron("0 * * * *", timezone=REYKJAVIK))
    saved_under(life.every(86_400, timezone=REYKJAVIK))
    saved_under(life.once("2026-12-24T18:00:00Z", timezone=REYKJAVIK))
    assert found() == []


def test_zones_that_did_not_change_are_not_listed(life):
    unchanged(SYDNEY)
    an_hour_ahead_until_september()
    saved_under(life.cron("30 2 * * *", timezone=SYDNEY))
    assert found() == []


def test_a_clock_that_differs_for_a_week_shows_only_there(life):
    as_it_was(REYKJAVIK, 0, ("2026-06-01T00:00:00Z", HOUR), ("2026-06-08T00:00:00Z", 0))
    saved_under(life.cron("0 12 * * *", timezone=REYKJAVIK))
    (change,) = found()
    assert change.changed == 7
    assert change.first[0].was == at("2026-06-01T11:00:00Z")


def test_a_gap_that_is_gone_gives_back_what_it_took(life):
    """The old clock leapt over 02:30; under `skip` that fire time was not there, and now it is."""
    as_it_was(REYKJAVIK, 0, ("2026-06-01T02:00:00Z", HOUR), ("2026-06-01T09:00:00Z", 0))
    rule = Cron("30 2 * * *", REYKJAVIK, clock="skip")
    row = life.cron("30 2 * * *", timezone=REYKJAVIK)
    Schedule.objects.filter(pk=row.pk).update(recurrence=rule.to_json())
    saved_under(row)
    (change,) = found()
    assert change.changed == 1
    assert (change.first[0].was, change.first[0].now) == (None, at("2026-06-01T02:30:00Z"))


def test_bounds_and_limits_end_what_is_compared(life):
    an_hour_ahead_until_september()
    end = "2026-03-05T00:00:00Z"
    saved_under(life.cron("0 9 * * *", timezone=REYKJAVIK, max_executions=2, key="two"))
    saved_under(life.cron("0 9 * * *", timezone=REYKJAVIK, end_at=end, key="ends"))
    saved_under(
        life.cron("0 9 * * *", timezone=REYKJAVIK, start_at="2026-03-07T00:00:00Z", key="starts")
    )
    counts = {change.key: change.changed for change in found()}
    assert counts["two"] == 2
    assert counts["ends"] == 2
    assert counts["starts"] > 100


def test_only_a_communitys_own_are_listed_where_it_is_named(life):
    an_hour_ahead_until_september()
    saved_under(life.cron("0 9 * * *", timezone=REYKJAVIK))
    assert found(community="elsewhere") == []
    assert len(found(community="default")) == 1


def test_what_an_engine_changed_is_told_of_the_rules_that_it_may_touch(life):
    history = (
        EngineChange(version=1, what="nothing", may_change=lambda rule: True),
        EngineChange(
            version=ENGINE_VERSION,
            what="a Sunday may be written 7",
            may_change=lambda rule: "7" in rule.to_json().get("expression", ""),
        ),
    )
    saved_under(life.cron("0 9 * * 7", key="sunday"), tzdata_version(), ENGINE_VERSION - 1)
    saved_under(life.cron("0 9 * * 1", key="monday"), tzdata_version(), ENGINE_VERSION - 1)
    (change,) = found(history=history[1:])
    assert change.key == "sunday"
    assert change.certainty is Certainty.POSSIBLE
    assert change.because == (
        f"since version {ENGINE_VERSION} of the engine a Sunday may be written 7",
    )


def test_a_schedule_of_a_later_engine_is_listed(life):
    saved_under(life.cron("0 9 * * *"), tzdata_version(), ENGINE_VERSION + 1)
    (change,) = found()
    assert "later engine" in change.because[0]


def test_a_stored_next_fire_time_that_does_not_follow_is_certain(life):
    row = life.cron("0 9 * * *", timezone="UTC")
    stale = row.next_execution_at + timedelta(hours=1)
    Schedule.objects.filter(pk=row.pk).update(
        next_execution_at=stale, engine_version=ENGINE_VERSION - 1
    )
    (change,) = found()
    assert change.certainty is Certainty.CERTAIN
    assert (change.next_was, change.next_now) == (stale, row.next_execution_at)


def test_a_rule_that_cannot_be_read_is_listed(life):
    row = life.cron("0 9 * * *")
    Schedule.objects.filter(pk=row.pk).update(
        recurrence={"type": "cron", "expression": "0 9 * * *", "tz": "UTC", "phase": "moon"},
        engine_version=ENGINE_VERSION - 1,
    )
    (change,) = found()
    assert change.certainty is Certainty.UNREADABLE
    assert "phase" in change.because[0]


def test_a_zone_that_is_gone_is_listed(life):
    row = life.cron("0 9 * * *", timezone=SYDNEY)
    rule = Cron("0 9 * * *", SYDNEY).to_json() | {"tz": "Mars/Olympus"}
    Schedule.objects.filter(pk=row.pk).update(recurrence=rule, timezone="Mars/Olympus")
    (change,) = found()
    assert change.certainty is Certainty.UNREADABLE
    assert "Mars/Olympus" in change.because[0]


def test_a_release_that_was_not_recorded_is_told_and_not_guessed(life):
    saved_under(life.cron("0 9 * * *", timezone=SYDNEY))
    (change,) = found()
    assert change.certainty is Certainty.POSSIBLE
    assert change.because == (f"what tzdata {OLD} said of {SYDNEY} was not recorded",)


def test_data_that_changed_under_the_same_name_is_found(life):
    """A distribution may mend a zone without another version."""
    row = life.cron("0 9 * * *", timezone=REYKJAVIK)
    (kept,) = Recorded.objects.filter(zone=REYKJAVIK)
    kept.transitions |= {"offset": HOUR}
    kept.save()
    (change,) = found()
    assert change.schedule_id == row.schedule_id
    Upgrade.look().accept(OPERATOR)
    assert found() == []


def test_accepting_saves_all_of_them_anew_and_tells_the_trail(life):
    an_hour_ahead_until_september()
    unchanged(SYDNEY)
    moves = life.cron("0 9 * * *", timezone=REYKJAVIK)
    stays = life.cron("0 9 * * *", timezone=SYDNEY)
    saved_under(moves)
    saved_under(stays)
    Recorded.objects.exclude(tzdata_version=OLD).delete()  # as on the day after an upgrade
    stale = at("2026-03-03T08:00:00Z")
    Schedule.objects.filter(pk=moves.pk).update(next_execution_at=stale)
    accepted = Upgrade.look().accept(OPERATOR)
    assert (accepted.changed, accepted.unchanged, accepted.unreadable) == (1, 1, 0)
    now = again(moves)
    assert now.tzdata_version == again(stays).tzdata_version == tzdata_version()
    assert now.next_execution_at == at("2026-03-03T09:00:00Z")
    assert now.version == moves.version + 1
    assert again(stays).version == stays.version
    kept = Recorded.objects.filter(tzdata_version=tzdata_version())
    assert {row.zone for row in kept} == {REYKJAVIK, SYDNEY}  # for the next upgrade
    (entry,) = AuditEntry.objects.filter(action="schedule_accept")
    assert (entry.schedule_id, entry.actor) == (moves.schedule_id, "olga")
    assert entry.details["changes"]["tzdata_version"] == {"before": OLD, "after": tzdata_version()}
    assert found() == []


def test_accepting_settles_first_so_that_no_fire_time_is_lost(life):
    an_hour_ahead_until_september()
    row = life.cron("0 9 * * *", timezone=REYKJAVIK)
    saved_under(row)
    life.sleep(hours=24, minutes=5)
    Upgrade.look().accept(OPERATOR)
    assert statuses(row) == ["queued"]
    assert again(row).next_execution_at == at("2026-03-04T09:00:00Z")


def test_accepting_leaves_what_cannot_be_read(life):
    row = life.cron("0 9 * * *")
    Schedule.objects.filter(pk=row.pk).update(
        recurrence={"type": "cron", "expression": "nonsense"}, engine_version=ENGINE_VERSION - 1
    )
    accepted = Upgrade.look().accept(OPERATOR)
    assert (accepted.changed, accepted.unreadable) == (0, 1)
    assert again(row).engine_version == ENGINE_VERSION - 1


def test_releases_that_no_schedule_is_saved_under_are_forgotten(life):
    an_hour_ahead_until_september()
    row = life.cron("0 9 * * *", timezone=REYKJAVIK)
    saved_under(row)
    Upgrade.look().accept(OPERATOR)
    assert not Recorded.objects.filter(tzdata_version=OLD).exists()
    assert Recorded.objects.filter(tzdata_version=tzdata_version(), zone=REYKJAVIK).exists()


def test_a_viewer_may_not_accept(life):
    with pytest.raises(Forbidden):
        Upgrade.look().accept(VIEWER)


def test_pausing_and_resuming_accepts_nothing(life):
    row = life.cron("0 9 * * *", timezone=REYKJAVIK)
    saved_under(row)
    commands.pause_schedule(OPERATOR, row.schedule_id)
    commands.resume_schedule(OPERATOR, row.schedule_id)
    assert again(row).tzdata_version == OLD


def test_a_thousand_schedules_are_read_a_page_at_a_time(life, django_assert_max_num_queries):
    an_hour_ahead_until_september()
    row = life.cron("0 9 * * *", timezone=REYKJAVIK)
    saved_under(row)
    fields = {
        field.name: getattr(again(row), field.name)
        for field in Schedule._meta.concrete_fields
        if field.name not in {"id", "schedule_id"}
    }
    Schedule.objects.bulk_create(Schedule(schedule_id=uuid4(), **fields) for _ in range(1_200))
    with django_assert_max_num_queries(8):
        assert sum(1 for _ in Upgrade.look().differences()) == 1_201
    assert stores.saved_schedules().groups()[0].count == 1_201


def stale_by(row, **by):
    Schedule.objects.filter(pk=row.pk).update(
        next_execution_at=row.next_execution_at + timedelta(**by)
    )


def recomputed():
    """What an engine does when it starts."""
    chore = Recomputation(stores.saved_schedules())
    steps = 0
    while chore.step("n1") == 0:
        steps += 1
    return steps


def test_a_next_fire_time_that_is_too_early_runs_nothing(life):
    row = life.cron("0 9 * * *", timezone=REYKJAVIK)
    stale_by(row, hours=-1)
    life.advance(hours=23, minutes=30)
    assert statuses(row) == []
    assert again(row).next_execution_at == row.next_execution_at
    life.advance(hours=1)
    assert statuses(row) == ["succeeded"]


def test_an_engine_that_starts_sets_right_what_would_come_too_late(life):
    an_hour_ahead_until_september()
    row = life.cron("0 9 * * *", timezone=REYKJAVIK)
    saved_under(row)
    stale_by(row, hours=1)
    recomputed()
    assert again(row).next_execution_at == row.next_execution_at
    assert again(row).version == row.version + 1
    life.advance(hours=24)
    assert [(run.scheduled_for, run.started_at) for run in row.runs.all()] == [
        (row.next_execution_at, row.next_execution_at)
    ]


def test_without_that_it_would_be_missed(life):
    """Which is why there is such a chore: the mutation of the test above."""
    row = life.cron("0 9 * * *", timezone=REYKJAVIK)
    stale_by(row, hours=1)
    life.advance(hours=25)
    assert statuses(row) == ["missed"]


def test_setting_right_accepts_nothing_and_leaves_the_others(life):
    an_hour_ahead_until_september()
    unchanged(SYDNEY)
    moves = life.cron("0 9 * * *", timezone=REYKJAVIK)
    stays = life.cron("0 9 * * *", timezone=SYDNEY)
    paused = life.cron("0 9 * * *", timezone=REYKJAVIK)
    commands.pause_schedule(OPERATOR, paused.schedule_id)
    for row in (moves, stays, paused):
        saved_under(row)
    recomputed()
    assert again(moves).tzdata_version == OLD
    assert (again(moves).version, again(stays).version) == (moves.version, stays.version)
    assert again(paused).next_execution_at is None
    assert len(found()) == 2


def test_it_goes_on_batch_by_batch(life, monkeypatch):
    monkeypatch.setattr("clockwright.schedules.doctor.recomputation.BATCH", 2)
    an_hour_ahead_until_september()
    rows = [life.cron("0 9 * * *", timezone=REYKJAVIK) for _ in range(5)]
    for row in rows:
        saved_under(row)
        stale_by(row, hours=1)
    assert recomputed() == 2
    assert {again(row).next_execution_at for row in rows} == {rows[0].next_execution_at}


def test_where_nothing_changed_no_schedule_is_read(life, django_assert_max_num_queries):
    life.cron("0 9 * * *", timezone=REYKJAVIK)
    with django_assert_max_num_queries(2):  # the records, and what time it is
        recomputed()
