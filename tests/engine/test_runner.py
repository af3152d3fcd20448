"""The runner beside the planner: what one holds, the other must not miss."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clockwright.engine.events import Event, Events, RunEnded
from clockwright.engine.executors import InProcessExecutor
from clockwright.engine.memory import MemoryStore
from clockwright.engine.model import Claim, Reason, RunState, Start
from clockwright.engine.options import EngineOptions
from clockwright.engine.planner import Planner
from clockwright.engine.ports import Handler, ManualRun, RunContext
from clockwright.engine.runner import Runner
from clockwright.testing.manual import OneHandler
from clockwright.testing.virtual import VirtualClock, run_virtually
from tests.engine.situations import HOURLY, T0, schedule


async def announced(_start: Start) -> bool:
    return True


def runner_of(
    store: MemoryStore,
    events: Events,
    woken: list[str],
    call: Callable[[RunContext], Any] | None = None,
) -> Runner:
    return Runner(
        store,
        InProcessExecutor(OneHandler(call), threads=1, timeout=None, announce=announced),
        options=EngineOptions(capacity=1),
        events=events,
        node_id=lambda: "node",
        wake=lambda: woken.append("woken"),
    )


def test_a_look_that_found_no_room_because_the_planner_held_it_is_made_up_for() -> None:
    clock = VirtualClock(T0)
    woken: list[str] = []
    store, options = MemoryStore(clock), EngineOptions(capacity=2)
    runner = Runner(
        store,
        InProcessExecutor(OneHandler(), threads=1, timeout=None, announce=announced),
        options=options,
        events=Events(),
        node_id=lambda: "node",
        wake=lambda: woken.append("woken"),
    )

    async def main() -> None:
        await runner.step()
        with runner.share(100) as share:
            assert share is not None
            assert share.room == 2
            runner.look_for_waiting()  # as a notification does, while the planner settles
            assert await runner.step() == options.sweep.total_seconds()
            assert woken == []
        assert woken == ["woken"]
        with runner.share(100) as share:
            assert share is None, "what waits goes before what becomes due"

    run_virtually(main(), clock)


class Unreliable(MemoryStore):
    """Its connection is lost the first time that buffered runs are looked for."""

    is_lost = False

    def promote_buffered(self) -> int:
        if not self.is_lost:
            self.is_lost = True
            raise OSError("the connection was lost")
        return super().promote_buffered()


def test_free_slots_are_filled_also_when_the_promotion_after_an_end_fails() -> None:
    clock = VirtualClock(T0)
    store = Unreliable(clock)
    hourly = store.add_schedule(schedule(HOURLY))
    for name in ("first", "second"):
        store.trigger_run(hourly.schedule_id, ManualRun(request_id=name))
    woken: list[str] = []
    runner = runner_of(store, Events(), woken)

    async def main() -> None:
        await runner.step()
        with pytest.raises(OSError, match="the connection was lost"):
            await runner.record()
        assert woken == ["woken"]
        await runner.step()
        await runner.record()

    run_virtually(main(), clock)
    assert [run.state for run in store.runs_of(hourly.schedule_id)] == [RunState.SUCCEEDED] * 2


def test_an_end_is_told_as_it_was_written() -> None:
    """A run that was asked to stop does not try again, whatever its attempt came to."""
    clock = VirtualClock(T0)
    store, events = MemoryStore(clock), Events()
    hourly = store.add_schedule(schedule(HOURLY, max_retries=3))
    run = store.trigger_run(hourly.schedule_id, ManualRun(request_id="once"))
    told: list[tuple[RunState, Reason | None]] = []

    def hear(event: Event) -> None:
        if isinstance(event, RunEnded):
            told.append((event.outcome.state, event.outcome.reason))

    async def fail(_run: RunContext) -> None:
        store.cancel_run(run.run_id)
        raise ValueError("no luck")

    events.subscribe(hear)
    runner = runner_of(store, events, [], fail)

    async def main() -> None:
        await runner.step()
        await runner.record()

    run_virtually(main(), clock)
    assert told == [(RunState.CANCELLED, Reason.REQUESTED)]


class Unable:
    """No run of its can be passed on."""

    def __init__(self) -> None:
        self.tries: asyncio.Queue[Claim] = asyncio.Queue()

    def resolve(self, _workflow_id: UUID) -> Handler | None:
        return Handler(name="unable", call=print, is_coroutine=True, pass_on=self.pass_on)

    async def pass_on(self, claim: Claim) -> None:
        self.tries.put_nowait(claim)
        raise OSError("the way is closed")


class Gated(MemoryStore):
    """Handing back takes until its gate opens."""

    def prepare(self) -> None:
        self.gate, self.is_asked = threading.Event(), threading.Event()
        self.handed_back: list[UUID] = []

    def hand_back(self, node_id: str, run_ids: Collection[UUID]) -> int:
        self.is_asked.set()
        assert self.gate.wait(20)
        self.handed_back += run_ids
        return super().hand_back(node_id, run_ids)


async def test_a_node_that_begins_anew_while_it_hands_back_forgets_nothing() -> None:
    store, node, resolver = Gated(VirtualClock(T0)), ["before"], Unable()
    store.prepare()
    hourly = store.add_schedule(schedule(HOURLY))
    for name in ("first", "second"):
        store.trigger_run(hourly.schedule_id, ManualRun(request_id=name))
    executor = InProcessExecutor(resolver, threads=1, timeout=None, announce=announced)
    runner = Runner(
        store,
        executor,
        options=EngineOptions(capacity=1),
        events=Events(),
        node_id=lambda: node[0],
        wake=lambda: None,
    )
    await runner.step()
    slow = asyncio.create_task(runner.record())
    assert await asyncio.to_thread(store.is_asked.wait, 20)
    runner.abandon()
    node[0] = "after"
    await runner.step()
    for _ in range(2):
        await resolver.tries.get()  # both lives have let go of theirs
    store.gate.set()
    await slow
    await runner.record()
    assert len(store.handed_back) == 2
    assert runner.in_flight == 0
    executor.shutdown()


def test_who_settles_the_last_of_a_backlog_beside_the_planner_has_it_look_again() -> None:
    clock = VirtualClock(T0)
    store, signals = MemoryStore(clock), list[str]()
    for _ in range(6):
        store.add_schedule(schedule(HOURLY))
    planner = Planner(
        store,
        runner_of(store, Events(), []),
        options=EngineOptions(capacity=1),
        events=Events(),
        node_id=lambda: "node",
        on_queued=lambda: None,
    )
    planner.on_backlog = lambda: signals.append("look")

    async def main() -> None:
        clock.advance(timedelta(hours=1))
        assert await planner.step() == 0
        assert signals == ["look"]
        assert await planner.assist() > 0
        assert signals == ["look", "look"]
        await planner.assist()
        assert signals == ["look", "look"], "there is nothing to assist with any more"

    run_virtually(main(), clock)
