"""What becomes of fire times, case by case (S4-19, S4-20, S4-43, R14, DESIGN: engine rules)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from clockwright.engine.lifecycle import amended, begun
from clockwright.engine.model import (
    ROWS_PER_SETTLEMENT,
    CatchUp,
    Overlap,
    Reason,
    RunState,
    ScheduleStatus,
    Situation,
)
from clockwright.engine.ports import Amendment, NothingToRun, VersionConflict
from clockwright.engine.settle import settle
from clockwright.recurrence import Cron, Once
from tests.engine.situations import (
    EVERY_SECOND,
    HOURLY,
    MINUTE,
    MINUTELY,
    T0,
    after,
    covered,
    schedule,
    situation,
)


def test_a_fire_time_that_has_come_is_queued_and_the_schedule_moves_on() -> None:
    settlement = settle(situation(), T0 + MINUTE)
    (verdict,) = settlement.verdicts
    assert (verdict.scheduled_for, verdict.state, verdict.reason) == (
        T0 + MINUTE,
        RunState.QUEUED,
        None,
    )
    moved = settlement.schedule
    assert (moved.settled_until, moved.next_execution_at) == (T0 + MINUTE, T0 + 2 * MINUTE)
    assert (moved.execution_count, moved.last_execution_at) == (1, T0 + MINUTE)


def test_nothing_is_due_before_the_fire_time() -> None:
    settlement = settle(situation(), T0 + timedelta(seconds=59, microseconds=999_999))
    assert settlement.verdicts == ()
    assert settlement.schedule.next_execution_at == T0 + MINUTE


def test_looking_twice_at_one_instant_changes_nothing() -> None:
    first = settle(situation(), T0 + MINUTE)
    again = settle(Situation(schedule=first.schedule), T0 + MINUTE)
    assert again.verdicts == ()
    assert again.schedule == first.schedule


def test_a_clock_that_stepped_back_repeats_nothing() -> None:
    first = settle(situation(), T0 + 10 * MINUTE)
    assert settle(Situation(schedule=first.schedule), T0).schedule == first.schedule


def test_catch_up_latest_runs_the_newest_and_records_the_others_as_coalesced() -> None:
    """S4-79: coalesce."""
    verdicts = settle(situation(catch_up=CatchUp.LATEST), T0 + 5 * MINUTE).verdicts
    assert [v.state for v in verdicts] == [RunState.SKIPPED] * 4 + [RunState.QUEUED]
    assert {v.reason for v in verdicts[:4]} == {Reason.COALESCED}
    assert verdicts[-1].scheduled_for == T0 + 5 * MINUTE


def test_catch_up_all_runs_every_fire_time_within_the_grace_period_oldest_first() -> None:
    chosen = situation(catch_up=CatchUp.ALL, grace=3 * MINUTE, max_instances=100)
    verdicts = settle(chosen, T0 + 6 * MINUTE).verdicts
    assert [(v.state, v.reason) for v in verdicts] == [
        (RunState.MISSED, Reason.GRACE_EXCEEDED),
        (RunState.MISSED, Reason.GRACE_EXCEEDED),
        *[(RunState.QUEUED, None)] * 4,  # exactly at the grace still may
    ]


@pytest.mark.parametrize("backlog", [9, 10, 11])
def test_catch_up_all_is_bounded_by_its_limit_and_a_backlog_of_exactly_the_limit_runs_whole(
    backlog: int,
) -> None:
    chosen = situation(catch_up=CatchUp.ALL, grace=None, catch_up_limit=10, overlap=Overlap.ALLOW)
    verdicts = settle(chosen, T0 + backlog * MINUTE).verdicts
    states = [v.state for v in verdicts]
    assert states == [RunState.SKIPPED] * (backlog - 10 if backlog > 10 else 0) + [
        RunState.QUEUED
    ] * min(10, backlog)
    assert {v.reason for v in verdicts if v.state is RunState.SKIPPED} <= {Reason.CATCH_UP_LIMIT}


def test_catch_up_none_runs_a_single_fire_time_but_none_of_several() -> None:
    assert (
        settle(situation(catch_up=CatchUp.NONE), T0 + MINUTE).verdicts[0].state is RunState.QUEUED
    )
    several = settle(situation(catch_up=CatchUp.NONE), T0 + 3 * MINUTE).verdicts
    assert [(v.state, v.reason) for v in several] == [(RunState.SKIPPED, Reason.NOT_CAUGHT_UP)] * 3


@pytest.mark.parametrize(
    ("late", "state"),
    [
        (timedelta(minutes=15), RunState.QUEUED),
        (timedelta(minutes=15, microseconds=1), RunState.MISSED),
    ],
)
def test_exactly_at_the_grace_period_a_fire_time_still_runs_and_later_it_is_missed(
    late: timedelta, state: RunState
) -> None:
    """S4-19, R14."""
    settlement = settle(situation(HOURLY), T0 + timedelta(hours=1) + late)
    assert settlement.verdicts[-1].state is state


def test_a_missed_fire_time_moves_the_schedule_on_so_that_the_next_one_runs() -> None:
    """C-02."""
    missed = settle(situation(HOURLY), T0 + timedelta(hours=1, minutes=20)).schedule
    assert (missed.status, missed.next_execution_at) == (
        ScheduleStatus.ACTIVE,
        T0 + timedelta(hours=2),
    )
    settlement = settle(Situation(schedule=missed), T0 + timedelta(hours=2))
    assert [v.state for v in settlement.verdicts] == [RunState.QUEUED]


def test_a_one_time_schedule_runs_once_and_is_complete() -> None:
    """C-01, S4-36."""
    once = Situation(schedule=begun(schedule(Once(T0 + MINUTE)), T0))
    settlement = settle(once, T0 + MINUTE)
    assert [v.state for v in settlement.verdicts] == [RunState.QUEUED]
    done = settlement.schedule
    assert (done.status, done.next_execution_at, done.execution_count) == (
        ScheduleStatus.COMPLETED,
        None,
        1,
    )
    assert settle(Situation(schedule=done), T0 + 60 * MINUTE).verdicts == ()


def test_a_one_time_schedule_that_was_missed_failed_with_its_reason() -> None:
    """R14."""
    settlement = settle(situation(Once(T0 + MINUTE)), T0 + 20 * MINUTE)
    assert [(v.state, v.reason) for v in settlement.verdicts] == [
        (RunState.MISSED, Reason.GRACE_EXCEEDED)
    ]
    assert settlement.schedule.status is ScheduleStatus.FAILED
    assert settlement.schedule.status_reason == "grace_exceeded"


def test_the_execution_limit_completes_the_schedule_and_what_is_over_it_is_skipped() -> None:
    """S4-20, C-04."""
    limited = situation(max_executions=2, catch_up=CatchUp.ALL, overlap=Overlap.ALLOW)
    settlement = settle(limited, T0 + 3 * MINUTE)
    assert [(v.state, v.reason) for v in settlement.verdicts] == [
        (RunState.QUEUED, None),
        (RunState.QUEUED, None),
        (RunState.SKIPPED, Reason.LIMIT_REACHED),
    ]
    done = settlement.schedule
    assert (done.status, done.status_reason, done.execution_count) == (
        ScheduleStatus.COMPLETED,
        "limit_reached",
        2,
    )


def test_misses_and_skips_do_not_count_as_executions() -> None:
    settlement = settle(situation(HOURLY, max_executions=1), T0 + timedelta(hours=3, minutes=30))
    assert settlement.schedule.execution_count == 0
    assert settlement.schedule.status is ScheduleStatus.ACTIVE


def test_bounds_are_inclusive_at_both_ends() -> None:
    bounded = situation(
        start_at=T0 + 2 * MINUTE,
        end_at=T0 + 4 * MINUTE,
        catch_up=CatchUp.ALL,
        overlap=Overlap.ALLOW,
    )
    settlement = settle(bounded, T0 + 10 * MINUTE)
    assert [v.scheduled_for for v in settlement.verdicts] == [T0 + n * MINUTE for n in (2, 3, 4)]
    assert settlement.schedule.status is ScheduleStatus.COMPLETED


def test_pausing_for_a_year_costs_a_thousand_rows_and_one_range_not_thirty_million() -> None:
    paused = situation(EVERY_SECOND, status=ScheduleStatus.PAUSED)
    verdicts = settle(paused, T0 + timedelta(days=365)).verdicts
    assert len(verdicts) == ROWS_PER_SETTLEMENT + 1
    assert {(v.state, v.reason) for v in verdicts} == {(RunState.SKIPPED, Reason.PAUSED)}
    assert covered(verdicts) == 365 * 86_400
    last = verdicts[-1]
    assert last.scheduled_for == T0 + timedelta(seconds=ROWS_PER_SETTLEMENT + 1)
    assert last.covers_until == T0 + timedelta(days=365)


def test_a_stretch_of_exactly_a_thousand_needs_no_range_row() -> None:
    paused = situation(EVERY_SECOND, status=ScheduleStatus.PAUSED)
    verdicts = settle(paused, T0 + timedelta(seconds=ROWS_PER_SETTLEMENT)).verdicts
    assert len(verdicts) == ROWS_PER_SETTLEMENT
    assert {v.covers_until for v in verdicts} == {None}


@pytest.mark.parametrize(
    "status", [ScheduleStatus.COMPLETED, ScheduleStatus.FAILED, ScheduleStatus.REMOVED]
)
def test_a_schedule_that_has_ended_has_no_fire_times(status: ScheduleStatus) -> None:
    assert settle(situation(status=status), T0 + 60 * MINUTE).verdicts == ()


def test_overlap_is_judged_after_catch_up_and_before_the_limit() -> None:
    busy = situation(max_instances=1, max_executions=1, active=1)
    settlement = settle(busy, T0 + MINUTE)
    assert [(v.state, v.reason) for v in settlement.verdicts] == [
        (RunState.SKIPPED, Reason.OVERLAP)
    ]
    assert settlement.schedule.execution_count == 0


def test_creating_sets_the_watermark_to_now_so_that_nothing_before_is_due() -> None:
    new = begun(schedule(MINUTELY, settled_until=T0 - timedelta(days=9)), T0)
    assert (new.settled_until, new.next_execution_at) == (T0, T0 + MINUTE)


def test_a_schedule_without_a_fire_time_is_refused() -> None:
    """C-63."""
    with pytest.raises(NothingToRun):
        begun(schedule(Cron("0 0 30 2 *", "UTC")), T0)
    with pytest.raises(NothingToRun):
        begun(schedule(MINUTELY, end_at=T0 + timedelta(seconds=30)), T0)


def test_an_edit_computes_from_now_under_the_new_rule() -> None:
    edited = amended(schedule(MINUTELY), Amendment(fields={"recurrence": HOURLY}), T0 + MINUTE)
    assert (edited.next_execution_at, edited.version) == (T0 + timedelta(hours=1), 2)


def test_an_edit_of_a_version_somebody_else_changed_is_refused() -> None:
    with pytest.raises(VersionConflict):
        amended(schedule(MINUTELY, version=4), Amendment(fields={}, expected_version=3), T0)


def test_resuming_after_the_last_fire_time_completes_instead_of_failing() -> None:
    paused = after(situation(Once(T0 + MINUTE)), status=ScheduleStatus.PAUSED)
    settled = settle(paused, T0 + 2 * MINUTE).schedule
    resumed = amended(settled, Amendment(fields={"status": ScheduleStatus.ACTIVE}), T0 + 2 * MINUTE)
    assert (resumed.status, resumed.next_execution_at) == (ScheduleStatus.COMPLETED, None)


def test_an_unknown_field_cannot_be_amended() -> None:
    with pytest.raises(TypeError, match="execution_count"):
        Amendment(fields={"execution_count": 0})


def test_pausing_clears_the_next_fire_time_and_keeps_the_reason() -> None:
    fields = {"status": ScheduleStatus.PAUSED, "status_reason": "maintenance"}
    paused = amended(schedule(MINUTELY), Amendment(fields=fields), T0)
    assert (paused.next_execution_at, paused.status_reason) == (None, "maintenance")
    resumed = amended(paused, Amendment(fields={"status": ScheduleStatus.ACTIVE}), T0)
    assert (resumed.next_execution_at, resumed.status_reason) == (T0 + MINUTE, None)


def test_a_settlement_never_passes_now() -> None:
    settlement = settle(
        replace(situation(EVERY_SECOND)), T0 + timedelta(seconds=1, microseconds=500_000)
    )
    assert max(v.scheduled_for for v in settlement.verdicts) == T0 + timedelta(seconds=1)
