"""One seed: a fleet, its people, its bad weather, and what was seen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from random import Random
from uuid import UUID

from clockwright.engine.model import Run, Schedule
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import Clock, Store, WorkflowResolver
from clockwright.testing.simulation.faults import Faults
from clockwright.testing.simulation.guards import Guard, WatchedStore
from clockwright.testing.simulation.handlers import Habit, Watched, Workshop, some_habit
from clockwright.testing.simulation.invariants import Inspector
from clockwright.testing.simulation.nodes import Post, SimulatedNode
from clockwright.testing.simulation.polled import PolledStore, Seen
from clockwright.testing.simulation.server import Server
from clockwright.testing.simulation.telling import Names, told
from clockwright.testing.simulation.workload import Operators
from clockwright.testing.simulation.world import World

_HEALING = 45.0
"""Virtual seconds after the last fault in which everything overdue is settled: a backoff, a lease and the longest
sweep fit in."""

_PATIENCE = 1_500.0
"""Virtual seconds after the last fire time in which every run is final."""

_MOST_EVENTS = 60_000
"""An engine that looks again and again without a pause would hang a real machine too."""

_UNKNOWN = UUID(int=0)
"""A workflow that no process knows."""

_OVERDUE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a seed.

    `violations` are sentences, none when all invariants held; `trace` tells the last events; `ledger` holds all runs in
    the order in which they were made. `fingerprint` is the same in every replay.
    """

    seed: int
    violations: tuple[str, ...]
    trace: tuple[str, ...] = field(repr=False)
    ledger: tuple[Run, ...] = field(repr=False)
    fingerprint: str
    calls: int
    crashes: int
    virtual_seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether all invariants held."""
        return not self.violations

    def __str__(self) -> str:
        """What a person needs to know of it."""
        counts = (
            f"{len(self.ledger)} runs, {self.calls} store calls, {self.crashes} crashes,"
            f" {self.virtual_seconds:.0f} virtual seconds, fingerprint {self.fingerprint}"
        )
        if self.is_clean:
            return f"seed {self.seed}: clean; {counts}"
        wrong = (f"  violated: {violation}" for violation in self.violations)
        return "\n".join((*self.trace, f"seed {self.seed}: {counts}", *wrong))


class Simulation:
    """A world made from a seed; `run` lives through it once.

    With a `resolver`, all processes resolve workflows by it; with `schedules`, people add these and no others, and do
    not edit them. `removed`: guards of the store in memory to do without. `make_store`: another store, empty, that lives by
    the clock it is given.
    """

    def __init__(
        self,
        seed: int,
        *,
        resolver: WorkflowResolver | None = None,
        schedules: Sequence[Schedule] = (),
        removed: Collection[Guard] = (),
        make_store: Callable[[Clock], Store] | None = None,
    ) -> None:
        self.dice = Random(f"{seed}/plan")  # noqa: S311 - it must be repeatable
        self.world = World(seed)
        self.inspector = Inspector()
        self.store: Seen = (
            PolledStore(make_store(self.world.clock))
            if make_store
            else WatchedStore(self.world.clock, removed)
        )
        self.server = Server(self.world, self.store, self.inspector.look)
        self.post = Post(self.world)
        self.habits = self._some_habits()
        self.resolver = resolver
        self.nodes = [self._node(name) for name in "abcd"[: self.dice.choice((1, 2, 2, 3, 3, 4))]]
        self.faults = Faults(self.world, self.server, self.post, self.nodes, self.dice)
        self.operators = Operators(
            world=self.world,
            server=self.server,
            post=self.post,
            dice=Random(f"{seed}/operators"),  # noqa: S311 - likewise
            workflows=[*self.habits] * 5 + [_UNKNOWN],
            given=tuple(schedules),
        )

    def run(self) -> Report:
        """Live through it, until something is violated or all is at rest."""
        with _silence():
            try:
                self._live()
            finally:
                for node in self.nodes:
                    node.end()
        return self._report()

    def _live(self) -> None:
        dice, world = self.dice, self.world
        trouble = dice.uniform(30.0, 90.0)
        self.operators.busy(dice.randint(1, 8), dice.randint(0, 25), trouble)
        for node in self.nodes:
            world.at(dice.random() * 5, node.start)
        self.faults.unleash(trouble)
        world.run(trouble, self._is_broken)
        self.faults.end()
        world.run(trouble + _HEALING, self._is_broken)
        if self._is_broken():
            return
        self.inspector.violations += self.inspector.overdue(world.clock.now(), _OVERDUE)
        self.operators.pause_everything()
        world.run(trouble + _HEALING + _PATIENCE, self._is_over)
        if not self._is_broken():
            self.inspector.at_the_end(self.store.all_runs)

    def _is_broken(self) -> bool:
        if self.world.events > _MOST_EVENTS and not self.inspector.violations:
            self.inspector.violations.append(
                f"{self.world.events} events in {self.world.now:.0f} virtual seconds: somebody never rests"
            )
        return bool(self.inspector.violations)

    def _is_over(self) -> bool:
        return self.store.is_at_rest or self._is_broken()

    def _some_habits(self) -> dict[UUID, Habit]:
        return {UUID(int=n): some_habit(self.dice) for n in range(1, self.dice.randint(2, 4))}

    def _node(self, name: str) -> SimulatedNode:
        dice = self.dice
        options = EngineOptions(
            capacity=dice.choice((1, 2, 4)),
            timeout=timedelta(seconds=20),
            sweep=timedelta(seconds=dice.choice((3, 10, 20))),
            batch=dice.choice((1, 3, 500)),
        )
        return SimulatedNode(
            name, self.world, self.server, self.post, options, resolver_of=self._resolver_of
        )

    def _resolver_of(self, node: SimulatedNode) -> WorkflowResolver:
        return Watched(self.resolver or Workshop(node, self.habits), self.inspector, node)

    def _report(self) -> Report:
        ledger = tuple(sorted(self.store.all_runs, key=lambda run: run.run_id))
        names = Names(self.store.all_schedules, ledger, self.server.nodes)
        rows = (f"{run.run_id} {run.scheduled_for} {run.state} {run.attempt}" for run in ledger)
        seen = "\n".join((f"{self.world.events} {self.server.calls} {self.world.now!r}", *rows))
        return Report(
            seed=self.world.seed,
            violations=tuple(names.in_text(text) for text in self.inspector.violations),
            trace=told(self.world, names) if self._is_broken() else (),
            ledger=ledger,
            fingerprint=sha256(seen.encode()).hexdigest()[:16],
            calls=self.server.calls,
            crashes=sum(node.lives - 1 for node in self.nodes),
            virtual_seconds=self.world.now,
        )


def simulate(
    seed: int,
    *,
    resolver: WorkflowResolver | None = None,
    schedules: Sequence[Schedule] = (),
    removed: Collection[Guard] = (),
    make_store: Callable[[Clock], Store] | None = None,
) -> Report:
    """Live through the world of a seed, and tell what became of it; see `Simulation`."""
    return Simulation(
        seed, resolver=resolver, schedules=schedules, removed=removed, make_store=make_store
    ).run()


@contextmanager
def _silence() -> Iterator[None]:
    """The engine logs what it survives; here it is in the trace."""
    log = logging.getLogger("clockwright.engine")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)
