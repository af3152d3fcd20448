"""What a host has an engine do beside its loops."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from clockwright.engine import events
from tests.engine.test_engine import House


class Counting:
    """Counts its steps, and fails at those it was told to."""

    name = "counting"

    def __init__(self, clock, pause=60.0, fails_at=()):
        self._clock, self._pause, self._fails_at = clock, pause, set(fails_at)
        self.steps, self.nodes = [], set()

    def step(self, node_id):
        self.steps.append(self._clock.now())
        self.nodes.add(node_id)
        if len(self.steps) in self._fails_at:
            raise RuntimeError("no luck")
        return self._pause


def lived(house, chore, minutes):
    async def main():
        engine = house.engine()
        engine.adopt(chore)
        await engine.start()
        await asyncio.sleep(minutes * 60 + 1)
        await engine.stop()

    house.live(main())


def test_a_chore_is_done_from_the_start_and_as_often_as_it_asks():
    house = House()
    chore = Counting(house.clock)
    start = house.clock.now()
    lived(house, chore, minutes=5)
    assert [at - start for at in chore.steps] == [timedelta(minutes=m) for m in range(6)]
    assert len(chore.nodes) == 1


def test_a_chore_that_fails_is_reported_and_tried_again_soon():
    house = House()
    chore = Counting(house.clock, fails_at=[1])
    lived(house, chore, minutes=1)
    failures = [event for event in house.events if isinstance(event, events.LoopFailed)]
    assert [(event.loop, str(event.error)) for event in failures] == [("counting", "no luck")]
    assert chore.steps[1] - chore.steps[0] < timedelta(seconds=1)


def test_a_chore_comes_before_the_start():
    house = House()

    async def main():
        engine = house.engine()
        await engine.start()
        with pytest.raises(RuntimeError, match="too late"):
            engine.adopt(Counting(house.clock))
        await engine.stop()

    house.live(main())
