"""What an engine makes of runs that keep failing, and of runs that are spread."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from clockwright.engine import events
from clockwright.engine.model import Reason, RunState, ScheduleStatus, Situation
from clockwright.engine.ports import Amendment, RunContext
from clockwright.engine.settle import settle
from clockwright.engine.spread import stable_fraction, start_offset
from tests.engine.situations import HOURLY, MINUTE, MINUTELY, T0, situation
from tests.engine.test_engine import House, lived

DAY = timedelta(days=1)


def test_an_engine_pauses_a_schedule_that_fails_again_and_again_and_says_so() -> None:
    def fail(_run: RunContext) -> None:
        raise ValueError("as ever")

    house = House(fail)
    hourly = house.add(HOURLY, max_retries=1, pause_after_failures=3)
    house.live(lived(house.engine(), DAY))
    assert [run.state for run in house.runs(hourly)] == [RunState.FAILED] * 3
    paused = house.store.get_schedule(hourly.schedule_id)
    assert (paused.status, paused.status_reason) == (ScheduleStatus.PAUSED, "repeated_failures")
    (event,) = house.happened(events.SchedulePaused)
    assert (event.pause.schedule_id, event.pause.failures) == (hourly.schedule_id, 3)
    resume = Amendment(fields={"status": ScheduleStatus.ACTIVE})
    house.store.amend_schedule(hourly.schedule_id, resume)
    house.live(lived(house.engine(), DAY))
    states = [run.state for run in house.runs(hourly)]
    assert states.count(RunState.FAILED) == 6
    assert states.count(RunState.SKIPPED) == 21


def test_a_pause_that_is_outstanding_comes_before_any_fire_time() -> None:
    due = replace(situation(MINUTELY, pause_after_failures=3), failures=3)
    settlement = settle(due, T0 + 2 * MINUTE)
    assert (settlement.verdicts, settlement.pauses) == ((), True)
    paused = settlement.schedule
    assert (paused.status, paused.next_execution_at) == (ScheduleStatus.PAUSED, None)
    # from the watermark on it was paused
    later = settle(Situation(schedule=paused, failures=3), T0 + 3 * MINUTE)
    assert [verdict.reason for verdict in later.verdicts] == [Reason.PAUSED] * 3


def test_fewer_failures_than_the_policy_says_or_no_policy_pause_nothing() -> None:
    for limit, failures in ((3, 2), (None, 99)):
        due = replace(situation(MINUTELY, pause_after_failures=limit), failures=failures)
        assert not settle(due, T0 + MINUTE).pauses


def test_an_engine_starts_each_run_at_its_place_within_the_jitter() -> None:
    house = House()
    jitter = timedelta(minutes=10)
    hourly = [house.add(HOURLY, jitter=jitter) for _ in range(3)]
    house.live(lived(house.engine(), timedelta(hours=5, minutes=30)))
    places = set()
    for schedule in hourly:
        runs = house.runs(schedule)
        assert [run.scheduled_for for run in runs] == [T0 + timedelta(hours=n) for n in range(1, 6)]
        for run in runs:
            place = start_offset(schedule.schedule_id, run.scheduled_for, jitter)
            assert run.started_at == run.scheduled_for + place
            places.add(place)
    assert len(places) == 15
    assert timedelta(0) <= min(places) < max(places) < jitter


def test_places_are_spread_evenly_and_come_out_the_same_again() -> None:
    places = [stable_fraction("schedule", n) for n in range(10_000)]
    assert places == [stable_fraction("schedule", n) for n in range(10_000)]
    tenths = [sum(n / 10 <= place < (n + 1) / 10 for place in places) for n in range(10)]
    assert sum(tenths) == 10_000
    assert all(850 < count < 1_150 for count in tenths)
