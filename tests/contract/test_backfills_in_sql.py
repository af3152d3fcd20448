"""Backfills in the ledger: what they make beside what is there, and what they leave alone."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction

from clockwright.access.models import Community
from clockwright.engine.backfill import Action, Range, RangeRefused, Terms
from clockwright.engine.model import (
    CatchUp,
    Overlap,
    Reason,
    RunState,
    ScheduleStatus,
    Trigger,
)
from clockwright.engine.ports import Amendment, UnknownSchedule
from clockwright.recurrence import Interval, Union
from clockwright.schedules import models
from clockwright.schedules.backfilling import IDLE, Backfilling
from clockwright.schedules.store import SqlStore
from clockwright.schedules.store import backfills as store_backfills
from clockwright.schedules.store.backfills import HOLD, Backfills, BackfillUnderWay, Request
from clockwright.testing.contract.base import (
    LEASE,
    MINUTE,
    SECOND,
    START,
    UNLIMITED,
    added,
    claimed,
    fired,
    outcome,
    registered,
    settled,
)
from clockwright.testing.virtual import VirtualClock

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
LONG_AGO = START.replace(year=1970)
EVERY_MINUTE = Interval(minutes=1, anchor=START - 24 * HOUR)
PAST = Range(start=START - 10 * MINUTE, end=START - MINUTE)
"""Ten fire times from before the schedule was made."""


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def store(transactional_db, clock):
    Community.objects.get_or_create(slug="default")
    return SqlStore(clock=clock)


@pytest.fixture
def backfills(store, clock):
    return Backfills(clock=clock)


def asked(backfills, schedule, within=PAST, request_id="", **terms):
    request = Request(
        request_id=request_id or str(uuid4()),
        asked_by="ada",
        within=within,
        terms=Terms(**terms),
    )
    return backfills.ask(schedule.schedule_id, request)


def made(backfill_id):
    rows = models.Run.objects.filter(backfill_id=backfill_id).order_by("scheduled_for")
    return [run.status for run in rows]


def row_of(backfill_id):
    return models.Backfill.objects.get(backfill_id=backfill_id)


def finished(store, backfills, backfill_id, node_id="n1"):
    """Step and run until it has ended; how many ran at a time at most."""
    most = 0
    for _ in range(100):
        backfills.advance(backfill_id, node_id)
        if row_of(backfill_id).status != "running":
            return most
        claims = claimed(store, node_id)
        most = max(most, len(claims))
        if claims:
            store.record_outcomes([outcome(claim) for claim in claims])
            store.promote_buffered()
    raise AssertionError(f"{row_of(backfill_id)} after a hundred steps")


# what it makes


def test_a_past_range_runs_oldest_first_one_at_a_time(store, backfills):
    schedule = added(store, EVERY_MINUTE, UNLIMITED, args=[1], context={"to": "ops"})
    backfill_id = asked(backfills, schedule)
    backfills.advance(backfill_id, "n1")
    assert made(backfill_id) == ["queued", *["buffered"] * 9]
    (claim,) = claimed(store)
    assert (claim.trigger, claim.scheduled_for) == (Trigger.BACKFILL, PAST.start)
    assert (list(claim.args), claim.context) == ([1], {"to": "ops"})
    store.record_outcomes([outcome(claim)])
    assert store.promote_buffered() == 1
    (second,) = claimed(store)
    assert second.scheduled_for == PAST.start + MINUTE
    store.record_outcomes([outcome(second)])
    assert finished(store, backfills, backfill_id) == 1
    assert made(backfill_id) == ["succeeded"] * 10
    row = row_of(backfill_id)
    assert (row.status, row.reason, row.total, row.created, row.existing) == (
        *("completed", None),
        *(10, 10, 0),
    )
    assert (row.asked_by, row.node) == ("ada", None)


@pytest.mark.parametrize(
    ("terms", "states"),
    [
        ({"max_instances": 3}, {"queued": 3, "buffered": 7}),
        ({"overlap": Overlap.ALLOW}, {"queued": 10}),
        ({"overlap": Overlap.SKIP, "max_instances": 4}, {"queued": 4, "skipped": 6}),
    ],
)
def test_it_has_an_overlap_policy_of_its_own(store, backfills, terms, states):
    schedule = added(store, EVERY_MINUTE, replace(UNLIMITED, max_instances=2))
    backfill_id = asked(backfills, schedule, **terms)
    backfills.advance(backfill_id, "n1")
    found = made(backfill_id)
    assert {state: found.count(state) for state in found} == states
    reasons = set(
        models.Run.objects.filter(status="skipped").values_list("reason", flat=True).distinct()
    )
    assert reasons <= {Reason.OVERLAP}
    finished(store, backfills, backfill_id)
    assert row_of(backfill_id).status == "completed"


def test_its_runs_stand_beside_the_schedules_own_and_count_nothing_there(store, clock, backfills):
    """Neither takes the other's room, and the watermark and the counters stay."""
    schedule = added(store, EVERY_MINUTE, replace(UNLIMITED, max_instances=1, max_executions=2))
    before = store.get_schedule(schedule.schedule_id)
    asked(backfills, schedule, overlap=Overlap.ALLOW)
    (backfill_id,) = backfills.waiting_for("n1")
    backfills.advance(backfill_id, "n1")
    assert store.get_schedule(schedule.schedule_id) == replace(before, settled_until=clock.now())
    (own,) = fired(store, clock, schedule)
    assert (own.state, own.trigger) == (RunState.QUEUED, Trigger.SCHEDULE)
    assert store.get_schedule(schedule.schedule_id).execution_count == 1
    assert len(claimed(store)) == 11


def test_its_runs_wait_behind_what_is_more_urgent(store, clock, backfills):
    schedule = added(store, EVERY_MINUTE, replace(UNLIMITED, priority=5))
    backfill_id = asked(backfills, schedule, overlap=Overlap.ALLOW, priority=-1)
    backfills.advance(backfill_id, "n1")
    fired(store, clock, schedule)
    (first, second) = claimed(store, limit=2)
    assert (first.trigger, second.trigger) == (Trigger.SCHEDULE, Trigger.BACKFILL)
    assert row_of(asked(backfills, added(store, EVERY_MINUTE, UNLIMITED))).priority == 0


# what is there already


def lived_through(store, clock, states):
    """A schedule whose last fire times came to these states, the oldest first."""
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    for state in states:
        if state is RunState.MISSED:
            store.amend_schedule(
                schedule.schedule_id,
                Amendment(fields={"policy": replace(UNLIMITED, grace=timedelta(0))}),
            )
            clock.set(schedule.recurrence.next_after(clock.now()) + SECOND)
            settled(store)
            store.amend_schedule(schedule.schedule_id, Amendment(fields={"policy": UNLIMITED}))
            continue
        (run,) = fired(store, clock, schedule)
        if state is RunState.CANCELLED:
            store.cancel_run(run.run_id)
        elif state is not RunState.QUEUED:
            (claim,) = claimed(store)
            store.record_outcomes([outcome(claim, state, reason=_reason(state))])
    return schedule


def _reason(state):
    return Reason.ERROR if state is RunState.FAILED else None


def test_what_ran_is_left_alone_and_what_did_not_gets_a_second_row(store, clock, backfills):
    """Promise 2: the first answer stands, whatever becomes of the second."""
    states = [RunState.SUCCEEDED, RunState.MISSED, RunState.FAILED, RunState.CANCELLED]
    schedule = lived_through(store, clock, states)
    first = list(store.runs_of(schedule.schedule_id))
    assert [run.state for run in first] == states
    within = Range(start=START - MINUTE, end=clock.now())
    foreseen = backfills.foresee(schedule.schedule_id, within).judged
    assert [one.action for one in foreseen] == [
        *(Action.CREATE, Action.CREATE),
        *(Action.KEEP, Action.SUPERSEDE, Action.KEEP, Action.SUPERSEDE),
    ]
    backfill_id = asked(backfills, schedule, within)
    finished(store, backfills, backfill_id)
    row = row_of(backfill_id)
    assert (row.total, row.created, row.existing) == (6, 4, 2)
    assert [store.get_run(run.run_id) for run in first] == first
    second = models.Run.objects.filter(backfill_id=backfill_id).order_by("scheduled_for")
    assert [run.supersedes for run in second] == [None, None, first[1].run_id, first[3].run_id]


def test_fire_times_inside_a_range_row_name_it(store, clock, backfills, monkeypatch):
    """Promise 1 writes a long stretch of skipped fire times as one row."""
    monkeypatch.setattr("clockwright.engine.settle.ROWS_PER_SETTLEMENT", 2)
    schedule = added(store, EVERY_MINUTE, replace(UNLIMITED, catch_up=CatchUp.NONE))
    clock.advance(10 * MINUTE)
    settled(store)
    rows = list(store.runs_of(schedule.schedule_id))
    assert [run.covers_count for run in rows] == [1, 1, 8]
    backfill_id = asked(backfills, schedule, Range(start=START + SECOND, end=clock.now()))
    finished(store, backfills, backfill_id)
    second = models.Run.objects.filter(backfill_id=backfill_id).order_by("scheduled_for")
    assert [run.supersedes for run in second] == [
        rows[0].run_id,
        rows[1].run_id,
        *[rows[2].run_id] * 8,
    ]


def test_a_second_backfill_runs_what_the_first_did_not(store, backfills):
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    first = asked(backfills, schedule)
    backfills.advance(first, "n1")
    (claim,) = claimed(store)
    store.record_outcomes([outcome(claim)])
    assert backfills.cancel(first)
    assert not backfills.cancel(first)
    assert made(first) == ["succeeded", *["cancelled"] * 9]
    reasons = models.Run.objects.filter(status="cancelled").values_list("reason", flat=True)
    assert set(reasons) == {Reason.BACKFILL_CANCELLED}
    second = asked(backfills, schedule)
    finished(store, backfills, second)
    row = row_of(second)
    assert (row.total, row.created, row.existing, row.status) == (10, 9, 1, "completed")


def test_what_is_due_and_not_settled_is_settled_first(store, clock, backfills):
    """So a fire time never gets a backfill's row before its own."""
    schedule = added(store, EVERY_MINUTE, replace(UNLIMITED, catch_up=CatchUp.NONE))
    clock.advance(5 * MINUTE)
    within = Range(start=START + SECOND, end=clock.now())
    before = backfills.foresee(schedule.schedule_id, within)
    assert {one.action for one in before.judged} == {Action.SUPERSEDE}
    assert not store.runs_of(schedule.schedule_id)
    backfill_id = asked(backfills, schedule, within)
    assert len(store.runs_of(schedule.schedule_id)) == 5
    finished(store, backfills, backfill_id)
    assert all(run.supersedes for run in models.Run.objects.filter(backfill_id=backfill_id))


def test_the_database_refuses_a_second_row_of_one_backfill(store, backfills):
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    backfill_id = asked(backfills, schedule)
    backfills.advance(backfill_id, "n1")
    run = models.Run.objects.filter(backfill_id=backfill_id).first()
    run.run_id = uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        run.save(force_insert=True)


# what is refused


@pytest.mark.parametrize(
    ("within", "field"),
    [
        (Range(start=START - HOUR, end=START + SECOND), "end"),
        (Range(start=START - MINUTE, end=START - HOUR), "end"),
        (Range(start=START - 50 * SECOND, end=START - 40 * SECOND), "start"),
        (Range(start=START - HOUR, end=START, limit=60), "limit"),
    ],
)
def test_a_range_that_cannot_be_meant_is_refused_by_the_name_of_its_part(
    store, backfills, within, field
):
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    with pytest.raises(RangeRefused) as refused:
        asked(backfills, schedule, within)
    assert refused.value.field == field
    with pytest.raises(RangeRefused):
        backfills.foresee(schedule.schedule_id, within)
    assert not models.Backfill.objects.exists()


def test_the_bounds_of_a_schedule_are_those_of_its_backfills(store, clock, backfills):
    schedule = added(store, EVERY_MINUTE, UNLIMITED, start_at=START - 5 * MINUTE)
    backfill_id = asked(backfills, schedule)
    row = row_of(backfill_id)
    assert (row.total, row.range_from) == (5, START - 5 * MINUTE)


def test_one_at_a_time_and_one_a_request(store, backfills):
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    first = asked(backfills, schedule, request_id="r1")
    assert asked(backfills, schedule, request_id="r1") == first
    with pytest.raises(BackfillUnderWay) as under_way:
        asked(backfills, schedule, request_id="r2")
    assert under_way.value.args == (first,)
    finished(store, backfills, first)
    assert asked(backfills, schedule, request_id="r1") == first
    assert asked(backfills, schedule, request_id="r2") != first


# schedules that change meanwhile


def test_a_paused_schedule_is_backfilled_all_the_same(store, clock, backfills):
    """Also the fire times that passed while it was paused."""
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    paused = Amendment(fields={"status": ScheduleStatus.PAUSED})
    store.amend_schedule(schedule.schedule_id, paused)
    clock.advance(3 * MINUTE)
    backfill_id = asked(backfills, schedule, Range(start=START + SECOND, end=clock.now()))
    finished(store, backfills, backfill_id)
    assert made(backfill_id) == ["succeeded"] * 3
    assert store.get_schedule(schedule.schedule_id).status is ScheduleStatus.PAUSED


def test_an_edited_rule_is_not_that_of_a_backfill_under_way(store, backfills, monkeypatch):
    monkeypatch.setattr(store_backfills, "batch_size", lambda _room: 4)
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    backfill_id = asked(backfills, schedule)
    backfills.advance(backfill_id, "n1")
    hourly = Interval(hours=1, anchor=START)
    store.amend_schedule(schedule.schedule_id, Amendment(fields={"recurrence": hourly}))
    finished(store, backfills, backfill_id)
    assert made(backfill_id) == ["succeeded"] * 10


def test_with_its_schedule_it_ends(store, backfills):
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    backfill_id = asked(backfills, schedule)
    backfills.advance(backfill_id, "n1")
    removed = Amendment(fields={"status": ScheduleStatus.REMOVED})
    store.amend_schedule(schedule.schedule_id, removed)
    backfills.advance(backfill_id, "n1")
    row = row_of(backfill_id)
    assert (row.status, row.reason) == ("cancelled", "schedule_removed")
    assert made(backfill_id) == ["cancelled"] * 10
    with pytest.raises(UnknownSchedule):
        asked(backfills, schedule)


def test_with_the_row_of_its_schedule_it_ends_too(store, backfills):
    backfill_id = asked(backfills, added(store, EVERY_MINUTE, UNLIMITED))
    backfills.advance(backfill_id, "n1")
    models.Schedule.objects.all().delete()
    chore = Backfilling(backfills)
    chore.step("n1")
    row = row_of(backfill_id)
    assert (row.status, row.reason) == ("cancelled", "schedule_removed")
    assert made(backfill_id) == ["cancelled"] * 10
    chore.step("n1")
    assert chore.step("n1") == IDLE


def test_a_range_is_counted_no_further_than_its_limit(store, backfills):
    """A union with a time every second is not walked for a lifetime."""
    rule = Union((Interval(seconds=1, anchor=LONG_AGO), Interval(seconds=7, anchor=LONG_AGO)))
    schedule = added(store, rule, UNLIMITED)
    with pytest.raises(RangeRefused, match="more than 1,000 fire times") as refused:
        asked(backfills, schedule, Range(start=LONG_AGO, end=START))
    assert refused.value.field == "limit"
    with pytest.raises(RangeRefused):
        backfills.foresee(schedule.schedule_id, Range(start=LONG_AGO, end=START))


def test_a_rule_that_fails_ends_its_backfill_alone_and_says_why(store, backfills):
    schedule, other = (added(store, EVERY_MINUTE, UNLIMITED) for _ in range(2))
    bad, good = asked(backfills, schedule), asked(backfills, other)
    models.Backfill.objects.filter(backfill_id=bad).update(recurrence={"type": "phase of the moon"})
    chore = Backfilling(backfills)
    for _ in range(3):
        chore.step("n1")
    row = row_of(bad)
    assert (row.status, row.reason) == ("failed", "rule_failed")
    assert "phase of the moon" in row.error
    assert len(made(good)) == 10


# who does it


def test_one_node_has_it_and_another_goes_on_when_that_one_is_gone(
    store, clock, backfills, monkeypatch
):
    monkeypatch.setattr(store_backfills, "batch_size", lambda _room: 3)
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    backfill_id = asked(backfills, schedule)
    assert backfills.advance(backfill_id, "n1").decided == 3
    assert backfills.waiting_for("n2") == []
    assert backfills.advance(backfill_id, "n2") is None
    clock.advance(HOLD + SECOND)
    assert backfills.waiting_for("n2") == [backfill_id]
    assert backfills.advance(backfill_id, "n2").decided == 3
    assert backfills.advance(backfill_id, "n1") is None
    finished(store, backfills, backfill_id, "n2")
    assert made(backfill_id) == ["succeeded"] * 10


def test_nodes_that_go_on_with_it_at_once_make_every_row_once(store, backfills, monkeypatch):
    """Each with a connection of its own; the row of the backfill lets one of them at a time."""
    monkeypatch.setattr(store_backfills, "batch_size", lambda _room: 2)
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    backfill_id = asked(backfills, schedule)

    def go_on(_):
        try:
            return backfills.advance(backfill_id, "n1")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert any(list(pool.map(go_on, range(12))))
    finished(store, backfills, backfill_id)
    assert made(backfill_id) == ["succeeded"] * 10
    assert row_of(backfill_id).created == 10


def test_settling_never_waits_for_it(store, clock, backfills):
    """A batch holds the backfill's row and none of the schedule's."""
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    backfill_id = asked(backfills, schedule)
    clock.advance(MINUTE)

    def settle_elsewhere():
        try:
            return store.settle_due(10)
        finally:
            connections.close_all()

    if connections["default"].vendor == "sqlite":
        assert backfills.advance(backfill_id, "n1").decided == 10
        assert len(store.settle_due(10).settlements) == 1
        return
    with transaction.atomic():
        assert backfills.advance(backfill_id, "n1").decided == 10
        with ThreadPoolExecutor(1) as pool:
            assert len(pool.submit(settle_elsewhere).result(timeout=30).settlements) == 1


def test_a_large_one_has_only_so_many_runs_unfinished_at_a_time(store, backfills, monkeypatch):
    monkeypatch.setattr("clockwright.engine.backfill.AHEAD", 6)
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    backfill_id = asked(backfills, schedule, overlap=Overlap.ALLOW)
    for _ in range(3):
        backfills.advance(backfill_id, "n1")
    assert made(backfill_id) == ["queued"] * 6
    finished(store, backfills, backfill_id)
    assert made(backfill_id) == ["succeeded"] * 10


def test_the_chore_rests_where_there_is_nothing_to_do(store, backfills):
    chore = Backfilling(backfills)
    assert chore.step("n1") == IDLE
    asked(backfills, added(store, EVERY_MINUTE, UNLIMITED))
    assert 0 < chore.step("n1") < IDLE


def test_its_runs_and_its_row_are_pruned_together(store, clock, backfills):
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    finished(store, backfills, asked(backfills, schedule))
    clock.advance(HOUR)
    store.prune(clock.now() - MINUTE, 1_000)
    assert not models.Backfill.objects.exists()
    foreseen = backfills.foresee(schedule.schedule_id, PAST)
    assert foreseen.pruned_until == clock.now() - MINUTE
    assert {one.action for one in foreseen.judged} == {Action.CREATE}


def test_a_run_of_a_node_that_dies_is_taken_over_like_any_other(store, clock, backfills):
    schedule = added(store, EVERY_MINUTE, UNLIMITED)
    backfill_id = asked(backfills, schedule)
    backfills.advance(backfill_id, "n1")
    (claim,) = claimed(store, registered(store))
    clock.advance(LEASE + SECOND)
    store.take_over()
    (again,) = claimed(store, "n2")
    assert (again.run_id, again.attempt, again.takeovers) == (claim.run_id, 2, 1)
