"""The runner beside the planner: what one holds, the other must not miss."""

from __future__ import annotations

from clockwright.engine.events import Events
from clockwright.engine.executors import InProcessExecutor
from clockwright.engine.memory import MemoryStore
from clockwright.engine.model import Start
from clockwright.engine.options import EngineOptions
from clockwright.engine.runner import Runner
from clockwright.testing.manual import OneHandler
from clockwright.testing.virtual import VirtualClock, run_virtually
from tests.engine.situations import T0


async def announced(_start: Start) -> bool:
    return True


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
