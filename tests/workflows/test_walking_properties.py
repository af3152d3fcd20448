"""Random workflows whose walks die at random places: what comes of them is what comes of one that lives (C-23, C-28)."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from clockwright.engine.registry import Registry, function_of
from clockwright.testing import VirtualClock
from clockwright.testing.virtual import run_virtually
from clockwright.workflows.reading import read_definition
from clockwright.workflows.walking import Walk

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
FUNCTIONS = Registry()
FUNCTIONS.register(function_of(lambda n: n, "tests.add_one", exposed=True))
TRIGGER = {"context": {"n": 1, "items": [2, 3]}, "attempt": 1}


class Death(BaseException):
    """The node of the walk is no more."""


class Life:
    """Journal and world in memory; dies at the given beats, of which each record and each call is two."""

    def __init__(self, clock, deaths):
        self.clock, self.deaths, self.beats = clock, set(deaths), count()
        self.records, self.calls, self.again = {}, Counter(), []

    def beat(self):
        if next(self.beats) in self.deaths:
            raise Death

    @property
    def finished(self):
        return 0

    def record_of(self, path):
        return self.records.get(path)

    async def now(self):
        return self.clock.now()

    async def keep(self, record):
        self.beat()
        known = self.records.get(record.path)
        assert known is None or not known.is_finished, record.path
        self.records[record.path] = record
        self.beat()

    def is_once(self, function):
        return False

    async def call(self, function, arguments, path):
        await asyncio.sleep(0.1)
        self.beat()
        if path in self.records and self.records[path].is_finished:
            self.again.append(path)
        self.calls[path] += 1
        self.beat()
        return arguments["n"] + 1

    async def wait(self, until, *, alone):
        await asyncio.sleep(max(0.0, (until - self.clock.now()).total_seconds()))


def lived(definition, deaths):
    """The output, and the life, of a walk that is taken up again after each death."""
    clock = VirtualClock(START)
    life = Life(clock, deaths)
    while True:
        walk = Walk(definition, UUID(int=1), TRIGGER, life, life)
        try:
            return run_virtually(walk.to_the_end(), clock), life
        except Death:
            clock.advance(timedelta(seconds=1))


@st.composite
def definitions(draw):
    ids = (f"s{n}" for n in count())

    def block(depth):
        kinds = ["function", "set", "condition", "delay"] + ["parallel", "foreach"] * (depth > 0)
        names = [next(ids) for _ in range(draw(st.integers(1, 4)))]
        steps = [
            step(name, draw(st.sampled_from(kinds)), names[:place], depth)
            | ({"next": names[place + 1]} if place + 1 < len(names) else {})
            for place, name in enumerate(names)
        ]
        return {"steps": steps}

    def step(name, kind, before, depth):
        value = f"steps.{before[-1]}" if before else "context.n"
        # what came before may be a list, an object or nothing
        number = {"$": f"len(text({value})) + default(vars.v, 0)"}
        made = {"id": name, "kind": kind}
        match kind:
            case "function":
                return made | {"function": "tests.add_one", "arguments": {"n": number}}
            case "set":
                return made | {"values": {"v": number}}
            case "condition":
                return made | {"if": f"{number['$']} > 3"}
            case "delay":
                return made | {"seconds": draw(st.sampled_from([0, 1, 30]))}
            case "parallel":
                branches = {f"b{n}": block(depth - 1) for n in range(draw(st.integers(1, 3)))}
                return made | {"branches": branches}
            case _:
                inner = {"do": block(depth - 1), "concurrency": draw(st.integers(1, 2))}
                return made | {"items": "context.items"} | inner

    return block(2)


@settings(max_examples=60)
@given(definitions(), st.sets(st.integers(0, 60), max_size=4))
def test_a_walk_that_dies_and_goes_on_comes_to_what_one_that_lives_comes_to(data, deaths):
    definition = read_definition(data, functions=FUNCTIONS)
    wanted, healthy = lived(definition, ())
    found, life = lived(definition, deaths)
    assert found == wanted
    assert life.calls.keys() == healthy.calls.keys()
    assert all(times == 1 for times in healthy.calls.values())
    assert life.again == []
    outputs = {path: (record.output, record.next) for path, record in life.records.items()}
    assert outputs == {p: (record.output, record.next) for p, record in healthy.records.items()}
