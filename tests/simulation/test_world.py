"""The world itself: time, processes that die and stand still, a store whose answers are lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from clockwright.engine.model import Node
from clockwright.testing.simulation.guards import WatchedStore
from clockwright.testing.simulation.server import Call, ConnectionLost, Server, StoreLink
from clockwright.testing.simulation.world import ProcessLoop, World

LEASE = timedelta(seconds=15)


class Process:
    """A process that does one thing after the other and notes when."""

    name = "p"

    def __init__(self, world: World, rate: float = 1.0) -> None:
        self.world = world
        self.loop = ProcessLoop(world, self.name, rate)
        self.noted: list[tuple[str, float]] = []

    def crash(self) -> None:
        self.loop.die()

    def begin(self, *work) -> None:
        self.loop.call_soon(lambda: [self.loop.create_task(one) for one in work])

    async def note_every(self, seconds: float, times: int) -> None:
        for place in range(times):
            await asyncio.sleep(seconds)
            self.noted.append((f"{place}", round(self.world.now, 3)))


@pytest.fixture
def world() -> World:
    return World(1)


@pytest.fixture
def process(world) -> Process:
    return Process(world)


@pytest.fixture
def calls() -> list[Call]:
    return []


@pytest.fixture
def server(world, calls) -> Server:
    return Server(world, WatchedStore(world.clock), calls.append)


def test_time_leaps_to_what_happens_next(world, process):
    process.begin(process.note_every(3600, 3))
    world.run(8000)
    assert process.noted == [("0", 3600), ("1", 7200)]
    assert world.now == 8000


def test_a_process_that_stands_still_does_at_once_afterwards_what_it_slept_through(world, process):
    process.begin(process.note_every(2, 3))
    world.at(1, process.loop.pause)
    world.at(30, process.loop.resume)
    world.run(60)
    assert process.noted == [("0", 30), ("1", 32), ("2", 34)]


def test_the_dead_do_nothing_more_and_their_clean_up_is_not_heard(world, process):
    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(1)
            process.noted.append(("cleaned up", world.now))

    process.begin(work(), process.note_every(4, 10))
    world.at(5, process.loop.die)
    world.run(60)
    assert process.noted == [("0", 4)]


def test_a_process_may_die_between_any_two_steps(world, process):
    async def stepping() -> None:
        for place in range(100):
            process.noted.append((f"{place}", world.now))
            await asyncio.sleep(0)

    process.loop.turns_to_live = 6
    process.begin(stepping())
    world.run(1)
    assert process.loop.is_dead
    assert 0 < len(process.noted) < 7


def test_clocks_go_wrong_by_their_rate_and_leap_ahead(world):
    fast = Process(world, rate=2.0)
    fast.begin(fast.note_every(10, 3))
    world.at(12, lambda: fast.loop.leap(4))
    world.run(60)
    assert fast.noted == [("0", 5), ("1", 10), ("2", 13)]


def test_a_message_of_a_process_that_died_arrives_all_the_same(world, process, server, calls):
    async def register() -> None:
        node = Node(node_id="p:1", host="h", pid=1, capacity=1)
        link = StoreLink(server, process)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, link.register_node, node, LEASE)
        process.noted.append(("answered", world.now))

    process.begin(register())
    world.at(0, process.loop.die)
    world.run(1)
    assert [call.method for call in calls] == ["register_node"]
    assert [node.node_id for node in server.store.nodes()] == ["p:1"]
    assert not process.noted


def test_an_answer_that_is_lost_was_committed_and_a_call_that_is_lost_was_not(
    process, server, calls
):
    link = StoreLink(server, process)
    node = Node(node_id="p:1", host="h", pid=1, capacity=1)
    server.weather.unacknowledged = 1.0
    with pytest.raises(ConnectionLost):
        link.register_node(node, LEASE)
    server.weather.unacknowledged, server.weather.lost = 0.0, 1.0
    with pytest.raises(ConnectionLost):
        link.retire_node("p:1")
    assert [call.method for call in calls] == ["register_node"]
    assert server.store.nodes()[0].is_alive


def test_a_call_that_was_given_up_may_be_committed_later(world, process, server):
    server.weather.late = 1.0
    with pytest.raises(ConnectionLost):
        StoreLink(server, process).register_node(
            Node(node_id="p:1", host="h", pid=1, capacity=1), LEASE
        )
    assert not server.store.nodes()
    world.run(30)
    assert server.store.nodes()


def test_the_stores_clock_follows_the_world_and_may_be_stepped(world):
    before = world.clock.now()
    world.run(10)
    world.step_clock(timedelta(seconds=-3))
    assert world.clock.now() - before == timedelta(seconds=7)
