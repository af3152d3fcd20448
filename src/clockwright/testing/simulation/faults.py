"""What goes wrong in a world: which faults, how often and when, drawn from its seed. In the end all of it is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random

from clockwright.testing.simulation.nodes import Post, SimulatedNode
from clockwright.testing.simulation.server import Server
from clockwright.testing.simulation.world import FASTEST, World

_LEAST, _MOST = 2, 8


class Faults:
    """Each seed has some kinds of faults and not others: what is rare together is common apart."""

    def __init__(
        self, world: World, server: Server, post: Post, nodes: Sequence[SimulatedNode], dice: Random
    ) -> None:
        self._world = world
        self._server = server
        self._post = post
        self._nodes = nodes
        self._dice = dice
        self._is_over = False

    def unleash(self, until: float) -> None:
        """Draw the weather, and the accidents until a virtual second."""
        dice, weather = self._dice, self._server.weather
        if dice.random() < 0.1:
            return  # a calm day, to know that it is not the faults that make things work
        self._world.latency = dice.choice((0.002, 0.05, 0.5, 3.0))
        self._post.delay = dice.choice((0.01, 1.0, 10.0))
        self._post.lost = dice.choice((0.0, 0.3, 1.0))
        weather.lost = dice.choice((0.0, 0.02, 0.1))
        weather.unacknowledged = dice.choice((0.0, 0.02, 0.1))
        weather.late = dice.choice((0.0, 0.0, 0.02))
        weather.crash = dice.choice((0.0, 0.003, 0.01))
        weather.stale = dice.choice((0.0, 0.0, 0.1))
        kinds = dice.sample(self._kinds(), dice.randint(1, 4))
        for _ in range(dice.randint(_LEAST, _MOST)):
            self._world.at(until * dice.random(), self._accident(dice.choice(kinds)))

    def end(self) -> None:
        """All is well from now on: every process lives and moves, and is heard at once."""
        self._is_over = True
        self._server.weather.clear_up()
        self._world.latency = FASTEST
        self._post.delay = 0.01
        self._post.lost = 0.0
        for node in self._nodes:
            node.keep_up()

    def _kinds(self) -> tuple[Callable[[], None], ...]:
        return (
            self._crash,
            self._crash_all,
            self._pause,
            self._stop,
            self._store_away,
            self._cut_off,
            self._step_clock,
            self._leap,
        )

    def _accident(self, happens: Callable[[], None]) -> Callable[[], None]:
        def unless_over() -> None:
            if not self._is_over:
                happens()

        return unless_over

    def _any(self) -> SimulatedNode:
        return self._dice.choice(self._nodes)

    def _crash(self) -> None:
        """At any step of its coroutines, so many of which it may still do."""
        node = self._any()
        node.crash_after(self._dice.randrange(40))
        self._restart_later(node)

    def _crash_all(self) -> None:
        for node in self._nodes:
            node.crash()
            self._restart_later(node)

    def _restart_later(self, node: SimulatedNode) -> None:
        self._world.after(self._dice.uniform(0.5, 40.0), self._accident(node.start))

    def _pause(self) -> None:
        """Mostly for longer than a lease, or just about as long."""
        node = self._any()
        node.pause()
        self._world.after(self._dice.choice((1.0, 14.9, 15.1, 17.6, 30.0, 45.0)), node.resume)

    def _stop(self) -> None:
        node = self._any()
        node.stop(self._dice.choice((0.0, 1.0, 10.0)))
        self._restart_later(node)

    def _store_away(self) -> None:
        until = self._world.now + self._dice.choice((0.5, 5.0, 14.0, 16.0, 25.0, 40.0))
        self._server.weather.down_until = max(self._server.weather.down_until, until)

    def _cut_off(self) -> None:
        node = self._any()
        self._server.weather.cut_off[node.name] = self._world.now + self._dice.uniform(1.0, 40.0)

    def _leap(self) -> None:
        self._any().leap(self._dice.choice((0.5, 4.0, 16.0, 100.0)))

    def _step_clock(self) -> None:
        """The store's clock is the one that counts, and even that one is set right now and then."""
        step = self._dice.choice((-30.0, -5.0, -0.5, 0.5, 5.0, 20.0, 90.0))
        self._world.tell("store", "clock steps", step)
        self._world.step_clock(timedelta(seconds=step))
