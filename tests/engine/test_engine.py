"""One node and several, on a virtual clock: the three loops over a store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from clockwright.engine import events
from clockwright.engine.engine import Engine, EngineOptions
from clockwright.engine.memory import MemoryStore
from clockwright.engine.model import (
    Node,
    Overlap,
    Reason,
    Run,
    RunState,
    Schedule,
    ScheduleStatus,
)
from clockwright.engine.ports import Amendment, ManualRun, RunContext
from clockwright.engine.wakeup import LocalWakeup
from clockwright.recurrence import Interval, Once
from clockwright.testing.manual import OneHandler
from clockwright.testing.virtual import LoopHeartbeat, VirtualClock, run_virtually
from tests.engine.situations import HOURLY, MINUTE, MINUTELY, T0, schedule

SECOND = timedelta(seconds=1)


class House:
    """A store, its clock and wake-up, and the engines a test starts over them."""

    def __init__(self, call: Callable[[RunContext], Any] | None = None, **handler: Any) -> None:
        self.clock = VirtualClock(T0)
        self.store = MemoryStore(self.clock)
        self.wakeup = LocalWakeup()
        self.resolver = OneHandler(call, **handler)
        self.events: list[events.Event] = []

    def engine(self, **options: Any) -> Engine:
        engine = Engine(
            self.store,
            self.resolver,
            self.wakeup,
            EngineOptions(**options),
            heartbeat=LoopHeartbeat,
        )
        engine.events.subscribe(self.events.append)
        return engine

    def add(self, *args: Any, **settings: Any) -> Schedule:
        stored = self.store.add_schedule(schedule(*args, **settings))
        self.wakeup.notify()
        return stored

    def live(self, main: Coroutine[Any, Any, None]) -> None:
        run_virtually(main, self.clock)

    def happened(self, kind: type[events.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def runs(self, of: Schedule) -> list[Run]:
        return list(self.store.runs_of(of.schedule_id))


async def lived(engine: Engine, duration: timedelta) -> None:
    """Start, live, stop."""
    await engine.start()
    await asyncio.sleep(duration.total_seconds())
    await engine.stop()


def test_a_day_of_an_hourly_schedule_runs_at_each_hour_to_the_second() -> None:
    house = House()
    hourly = house.add(HOURLY, context={"greeting": "hello"})
    house.live(lived(house.engine(), timedelta(hours=24, minutes=30)))
    runs = house.runs(hourly)
    assert [run.scheduled_for for run in runs] == [T0 + timedelta(hours=n) for n in range(1, 25)]
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    assert {run.started_at for run in runs} == {run.scheduled_for for run in runs}
    assert runs[0].result == {"greeting": "hello"}


def test_a_schedule_added_while_the_engine_sleeps_is_seen_at_once() -> None:
    """R13, C-30: shorter than the sweep."""
    house = House()

    async def main() -> None:
        engine = house.engine()
        await engine.start()
        await asyncio.sleep(10)
        added = house.add(Interval(seconds=2, anchor=T0))
        await asyncio.sleep(7)
        await engine.stop()
        assert [run.started_at for run in house.runs(added)] == [
            T0 + n * SECOND for n in (12, 14, 16)
        ]

    house.live(main())


def test_a_slow_run_is_started_once_and_not_again_on_each_look() -> None:
    """C-05."""
    house = House(lambda _run: asyncio.sleep(300))
    once = house.add(Once(T0 + MINUTE))
    house.live(lived(house.engine(), timedelta(minutes=30)))
    assert [run.state for run in house.runs(once)] == [RunState.SUCCEEDED]
    assert len(house.resolver.runs) == 1


def test_a_failing_run_is_retried_with_growing_pauses_and_the_schedule_goes_on() -> None:
    """C-06, S4-82."""

    def fail(run: RunContext) -> None:
        raise ValueError(f"attempt {run.attempt}")

    house = House(fail)
    hourly = house.add(HOURLY, max_retries=3)
    house.live(lived(house.engine(), timedelta(hours=2, minutes=5)))
    runs = house.runs(hourly)
    assert [(run.state, run.reason, run.attempt) for run in runs] == [
        (RunState.FAILED, Reason.ERROR, 4)
    ] * 2
    assert runs[0].error == "ValueError: attempt 4"
    assert "fail" in (runs[0].traceback or "")
    first = [run.triggered_at - T0 - timedelta(hours=1) for run in house.resolver.runs[:4]]
    assert [pause.total_seconds() for pause in first] == [0, 2, 6, 14]


def test_the_run_id_is_the_same_in_every_attempt() -> None:
    """Promise 2: the idempotency key."""
    house = House(lambda run: 1 / (run.attempt - 2))
    house.add(Once(T0 + MINUTE), max_retries=2)
    house.live(lived(house.engine(), timedelta(minutes=5)))
    assert len({run.run_id for run in house.resolver.runs}) == 1


def test_a_run_that_outlasts_its_timeout_is_stopped_and_recorded() -> None:
    """S4-81."""
    house = House(lambda _run: asyncio.sleep(500))
    once = house.add(Once(T0 + MINUTE), max_retries=0, timeout=timedelta(seconds=30))
    house.live(lived(house.engine(), timedelta(minutes=5)))
    (run,) = house.runs(once)
    assert (run.state, run.reason) == (RunState.TIMED_OUT, Reason.TIMEOUT)
    assert run.finished_at == T0 + MINUTE + timedelta(seconds=30)


def test_no_more_runs_at_a_time_than_the_capacity() -> None:
    """S4-80, C-22."""
    running = most = 0

    async def count(_run: RunContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(5)
        running -= 1

    house = House(count)
    schedules = [house.add(Once(T0 + MINUTE)) for _ in range(50)]
    house.live(lived(house.engine(capacity=7), timedelta(minutes=5)))
    assert most == 7
    assert {run.state for one in schedules for run in house.runs(one)} == {RunState.SUCCEEDED}


def test_two_nodes_share_the_work_and_run_nothing_twice() -> None:
    """C-04, C-11, C-40."""
    house = House(lambda _run: asyncio.sleep(1))
    schedules = [house.add(MINUTELY) for _ in range(30)]

    async def main() -> None:
        await asyncio.gather(
            *(lived(house.engine(), timedelta(minutes=9, seconds=30)) for _ in range(2))
        )

    house.live(main())
    assert len(house.resolver.runs) == 30 * 9
    keys = [(run.schedule_id, run.scheduled_for) for run in house.resolver.runs]
    assert len(keys) == len(set(keys))
    assert len({run.node_id for one in schedules for run in house.runs(one)}) == 2


def test_the_runs_of_a_node_that_died_are_taken_over_and_its_late_report_is_refused() -> None:
    house = House(lambda run: asyncio.sleep(30) if run.attempt == 1 else None)
    once = house.add(Once(T0 + MINUTE))

    async def main() -> None:
        frozen = house.engine()
        await frozen.start()
        await asyncio.sleep(61)
        frozen._heartbeat.stop()  # type: ignore[union-attr]
        other = house.engine()
        await other.start()
        await asyncio.sleep(60)
        (run,) = house.runs(once)
        assert (run.state, run.attempt, run.takeovers) == (RunState.SUCCEEDED, 2, 1)
        assert run.node_id == other.node_id
        assert len(house.happened(events.NodeTakenOver)) == 1
        assert [event.outcome.attempt for event in house.happened(events.OutcomeRefused)] == [1]
        await other.stop()
        await frozen.stop()

    house.live(main())


def test_a_node_that_was_declared_dead_stops_its_tasks_and_begins_anew_under_another_id() -> None:
    house = House(lambda run: asyncio.sleep(3_000) if run.attempt == 1 else None)
    once = house.add(Once(T0 + MINUTE))

    async def main() -> None:
        engine = house.engine()
        await engine.start()
        first_id = engine.node_id
        await asyncio.sleep(61)
        house.clock.advance(timedelta(minutes=5))  # the machine slept: its lease ran out
        assert [taken.node_id for taken in house.store.take_over()] == [first_id]
        await asyncio.sleep(30)
        assert engine.node_id != first_id
        (run,) = house.runs(once)
        assert (run.state, run.attempt, run.node_id) == (RunState.SUCCEEDED, 2, engine.node_id)
        await engine.stop()

    house.live(main())
    assert len(house.happened(events.NodeDeclaredDead)) == 1


def test_stopping_lets_runs_finish_and_claims_nothing_more() -> None:
    """S4-09, C-23."""
    house = House(lambda _run: asyncio.sleep(20))
    once, later = house.add(Once(T0 + MINUTE)), house.add(Once(T0 + MINUTE + 5 * SECOND))

    async def main() -> None:
        engine = house.engine()
        await engine.start()
        await asyncio.sleep(61)
        await engine.stop(deadline=60)
        assert not engine.is_running

    house.live(main())
    assert [run.state for run in house.runs(once)] == [RunState.SUCCEEDED]
    assert house.runs(later) == []


def test_what_does_not_finish_by_the_deadline_is_handed_back_without_costing_a_retry() -> None:
    house = House(lambda run: asyncio.sleep(900) if run.attempt == 1 else None)
    once = house.add(Once(T0 + MINUTE), max_retries=0)

    async def main() -> None:
        first, second = house.engine(), house.engine()
        await first.start()
        await asyncio.sleep(61)
        await first.stop(deadline=10)
        (run,) = house.runs(once)
        assert (run.state, run.takeovers, run.retries) == (RunState.QUEUED, 0, 0)
        await second.start()
        await asyncio.sleep(2)
        await second.stop()
        (run,) = house.runs(once)
        assert (run.state, run.attempt) == (RunState.SUCCEEDED, 2)

    house.live(main())


def test_a_run_that_is_cancelled_while_it_runs_ends_cancelled() -> None:
    house = House(lambda _run: asyncio.sleep(900))
    once = house.add(Once(T0 + MINUTE))

    async def main() -> None:
        engine = house.engine()
        await engine.start()
        await asyncio.sleep(65)
        (run,) = house.runs(once)
        assert run.started_at == T0 + MINUTE, "a long run's start is written down while it goes on"
        house.store.cancel_run(run.run_id)
        await asyncio.sleep(3)
        (run,) = house.runs(once)
        assert (run.state, run.reason) == (RunState.CANCELLED, Reason.REQUESTED)
        await engine.stop()

    house.live(main())


def test_buffered_runs_follow_one_another_without_waiting_for_a_sweep() -> None:
    house = House(lambda _run: asyncio.sleep(90))
    minutely = house.add(
        MINUTELY, overlap=Overlap.BUFFER_ALL, max_instances=1, end_at=T0 + 3 * MINUTE
    )
    house.live(lived(house.engine(), timedelta(minutes=10)))
    runs = house.runs(minutely)
    assert [run.state for run in runs] == [RunState.SUCCEEDED] * 3
    starts = [(run.started_at - T0).total_seconds() for run in runs if run.started_at]
    assert starts == [60, 150, 240]


def test_an_at_most_once_run_whose_node_died_is_lost_rather_than_repeated() -> None:
    house = House(lambda _run: asyncio.sleep(900), at_most_once=True)
    once = house.add(Once(T0 + MINUTE))

    async def main() -> None:
        frozen, other = house.engine(), house.engine()
        await frozen.start()
        await asyncio.sleep(61)
        frozen._heartbeat.stop()  # type: ignore[union-attr]
        await other.start()
        await asyncio.sleep(60)
        await other.stop()
        await frozen.stop(deadline=0)

    house.live(main())
    (run,) = house.runs(once)
    assert (run.state, run.reason) == (RunState.LOST, Reason.AT_MOST_ONCE)
    assert len(house.resolver.runs) == 1


def test_a_run_that_kills_every_node_is_lost_after_three_takeovers() -> None:
    house = House()
    once = house.add(Once(T0 + MINUTE))
    house.clock.advance(MINUTE)
    house.store.settle_due(10)
    for n in range(4):
        node = Node(node_id=f"n{n}", host="h", pid=n, capacity=1)
        house.store.register_node(node, 15 * SECOND)
        assert len(house.store.claim_runs(f"n{n}", 5).claims) == 1
        house.clock.advance(timedelta(seconds=16))
        house.store.take_over()
    (run,) = house.runs(once)
    assert (run.state, run.reason, run.attempt, run.takeovers) == (
        RunState.LOST,
        Reason.CRASHED_NODE,
        4,
        3,
    )


def test_a_store_that_fails_for_a_while_costs_nothing() -> None:
    house = House()
    minutely = house.add(MINUTELY, max_instances=50, end_at=T0 + 5 * MINUTE)
    settle_due, record = house.store.settle_due, house.store.record_outcomes
    broken = {"until": T0 + 2 * MINUTE + 30 * SECOND}

    def flaky(call: Callable[..., Any]) -> Callable[..., Any]:
        def answer(*args: Any) -> Any:
            if T0 + MINUTE < house.clock.now() < broken["until"]:
                raise ConnectionError("the database went away")
            return call(*args)

        return answer

    house.store.settle_due = flaky(settle_due)  # type: ignore[method-assign]
    house.store.record_outcomes = flaky(record)  # type: ignore[method-assign]
    house.live(lived(house.engine(), timedelta(minutes=10)))
    assert [run.state for run in house.runs(minutely)] == [RunState.SUCCEEDED] * 5
    assert house.happened(events.LoopFailed)


def test_a_manual_run_starts_at_once_and_the_same_request_makes_no_second() -> None:
    house = House()
    hourly = house.add(HOURLY, context={"who": "everybody"})

    async def main() -> None:
        engine = house.engine()
        await engine.start()
        await asyncio.sleep(30)
        request = ManualRun(request_id="r1", context={"who": "me"})
        first = house.store.trigger_run(hourly.schedule_id, request)
        assert house.store.trigger_run(hourly.schedule_id, request).run_id == first.run_id
        house.wakeup.notify()
        await asyncio.sleep(1)
        run = house.store.get_run(first.run_id)
        assert (run.state, run.result, run.started_at) == (
            RunState.SUCCEEDED,
            {"who": "me"},
            T0 + 30 * SECOND,
        )
        assert house.store.get_schedule(hourly.schedule_id).execution_count == 0
        await engine.stop()

    house.live(main())


def test_old_runs_are_pruned_after_their_retention() -> None:
    house = House()
    hourly = house.add(HOURLY)
    house.live(lived(house.engine(retention=timedelta(hours=3)), timedelta(hours=12, minutes=30)))
    assert min(run.scheduled_for for run in house.runs(hourly)) >= T0 + timedelta(hours=9)


def test_an_unknown_workflow_fails_its_run_with_the_reason_and_keeps_the_schedule() -> None:
    """C-42: nothing is deleted."""
    house = House()
    house.resolver.resolve = lambda _id: None  # type: ignore[method-assign]
    hourly = house.add(HOURLY)
    house.live(lived(house.engine(), timedelta(minutes=70)))
    (run,) = house.runs(hourly)
    assert (run.state, run.reason, run.attempt) == (RunState.FAILED, Reason.UNKNOWN_FUNCTION, 1)
    assert house.store.get_schedule(hourly.schedule_id).next_execution_at is not None


def test_a_year_of_schedules_passes_in_a_moment() -> None:
    house = House()
    daily = house.add(Interval(seconds=86_400, anchor=T0))
    quarter = timedelta(hours=6)
    engine = house.engine(heartbeat=quarter, lease=4 * quarter, sweep=28 * quarter)
    house.live(lived(engine, timedelta(days=365)))
    assert len(house.runs(daily)) in (364, 365)
    assert {run.state for run in house.runs(daily)} == {RunState.SUCCEEDED}


def test_an_engine_that_cannot_reach_its_store_does_not_start() -> None:
    """C-13."""
    house = House()

    def gone(*_: object) -> None:
        raise ConnectionError("no database")

    house.store.register_node = gone  # type: ignore[method-assign]

    async def main() -> None:
        engine = house.engine()
        with pytest.raises(ConnectionError):
            await engine.start()
        assert not engine.is_running

    house.live(main())


async def waits_for_something_that_was_cancelled() -> None:
    inner = asyncio.ensure_future(asyncio.sleep(60))
    inner.cancel()
    await inner


async def exits() -> None:
    raise SystemExit(3)


@pytest.mark.parametrize("misbehave", [waits_for_something_that_was_cancelled, exits])
def test_a_handler_that_ends_by_a_cancellation_or_an_exit_fails_and_costs_no_slot(
    misbehave,
) -> None:
    house = House(lambda run: misbehave() if run.context.get("bad") else None)
    bad = [house.add(Once(T0 + MINUTE), context={"bad": True}, max_retries=0) for _ in range(3)]
    good = house.add(Once(T0 + 2 * MINUTE))
    house.live(lived(house.engine(capacity=2), timedelta(minutes=5)))
    assert {run.state for one in bad for run in house.runs(one)} == {RunState.FAILED}
    assert [run.state for run in house.runs(good)] == [RunState.SUCCEEDED]


def test_a_resolver_that_fails_is_the_runs_outcome() -> None:
    house = House()

    def broken(_id: object) -> None:
        raise LookupError("half deployed")

    house.resolver.resolve = broken  # type: ignore[method-assign]
    once = house.add(Once(T0 + MINUTE), max_retries=0)
    house.live(lived(house.engine(), timedelta(minutes=5)))
    (run,) = house.runs(once)
    assert (run.state, run.error) == (RunState.FAILED, "LookupError: half deployed")


def test_a_start_that_cannot_be_announced_is_handed_back_and_tried_again() -> None:
    house = House(at_most_once=True)
    announce, failures = house.store.record_starts, iter([True])

    def flaky(starts: Any) -> Any:
        if next(failures, False):
            raise ConnectionError("the database went away")
        return announce(starts)

    house.store.record_starts = flaky  # type: ignore[method-assign]
    once = house.add(Once(T0 + MINUTE))
    house.live(lived(house.engine(), timedelta(minutes=5)))
    (run,) = house.runs(once)
    assert (run.state, run.attempt, run.retries) == (RunState.SUCCEEDED, 2, 0)


def test_an_at_most_once_handler_that_fails_is_not_tried_again() -> None:
    house = House(lambda _run: 1 / 0, at_most_once=True)
    once = house.add(Once(T0 + MINUTE), max_retries=3)
    house.live(lived(house.engine(), timedelta(minutes=5)))
    assert [run.state for run in house.runs(once)] == [RunState.FAILED]
    assert len(house.resolver.runs) == 1


def test_what_was_claimed_ahead_and_finds_no_slot_goes_to_a_node_that_has_one() -> None:
    house = House(lambda run: asyncio.sleep(run.context["seconds"]))
    quick = [house.add(Once(T0 + MINUTE), context={"seconds": 0}) for _ in range(300)]
    slow = [house.add(Once(T0 + MINUTE), context={"seconds": 60}) for _ in range(8)]

    async def main() -> None:
        first = house.engine(capacity=2)
        await first.start()
        await asyncio.sleep(61)
        second = house.engine(capacity=6)
        await second.start()
        await asyncio.sleep(70)
        assert {run.state for one in (*quick, *slow) for run in house.runs(one)} == {
            RunState.SUCCEEDED
        }
        await first.stop()
        await second.stop()

    house.live(main())


def test_a_node_that_cannot_register_anew_at_once_claims_nothing_until_it_can() -> None:
    house = House(lambda _run: None)

    async def main() -> None:
        engine = house.engine()
        await engine.start()
        first_id, register, failures = engine.node_id, house.store.register_node, iter([1, 2, 3])

        def flaky(*args: Any) -> None:
            if next(failures, None):
                raise ConnectionError("not yet")
            register(*args)

        house.store.register_node = flaky  # type: ignore[method-assign]
        house.clock.advance(timedelta(minutes=1))
        house.store.take_over()
        once = house.add(Once(house.clock.now() + 10 * SECOND))
        await asyncio.sleep(30)
        assert engine.node_id not in ("", first_id)
        assert [run.node_id for run in house.runs(once)] == [engine.node_id]
        assert [run.state for run in house.runs(once)] == [RunState.SUCCEEDED]
        await engine.stop()

    house.live(main())


def test_outcomes_that_could_not_be_recorded_are_recorded_before_the_node_stops() -> None:
    house = House()
    record, broken = house.store.record_outcomes, {"yes": True}

    def flaky(outcomes: Any) -> Any:
        if broken["yes"]:
            raise ConnectionError("the database went away")
        return record(outcomes)

    house.store.record_outcomes = flaky  # type: ignore[method-assign]
    once = house.add(Once(T0 + MINUTE))

    async def main() -> None:
        engine = house.engine()
        await engine.start()
        await asyncio.sleep(90)
        broken["yes"] = False
        await engine.stop()

    house.live(main())
    assert [(run.state, run.attempt) for run in house.runs(once)] == [(RunState.SUCCEEDED, 1)]


def test_a_run_of_a_schedule_that_was_removed_meanwhile_is_not_tried_again() -> None:
    async def fail(_run: RunContext) -> None:
        await asyncio.sleep(10)
        raise ValueError("too late")

    house = House(fail)
    hourly = house.add(HOURLY)

    async def main() -> None:
        engine = house.engine()
        await engine.start()
        await asyncio.sleep(3605)
        removed = Amendment(fields={"status": ScheduleStatus.REMOVED})
        house.store.amend_schedule(hourly.schedule_id, removed)
        await asyncio.sleep(60)
        await engine.stop()

    house.live(main())
    assert [(run.state, run.reason) for run in house.runs(hourly)] == [
        (RunState.CANCELLED, Reason.SCHEDULE_REMOVED)
    ]
