"""A simulated process with a real engine in it, which can be killed, stopped, started again and made to stand still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

from clockwright.engine import events
from clockwright.engine.engine import Engine
from clockwright.engine.keeper import Heartbeat
from clockwright.engine.offload import offload
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import Store, WorkflowResolver
from clockwright.testing.simulation.server import ConnectionLost, Server, StoreLink
from clockwright.testing.simulation.world import ProcessLoop, World

_RETRY = 1.0
"""Seconds until a process that could not start is started again."""

_TOLD = (events.LoopFailed, events.NodeDeclaredDead, events.NodeTakenOver, events.OutcomeRefused)


class Post:
    """Carries wake-ups between processes: late, out of order, or never."""

    def __init__(self, world: World) -> None:
        self.delay = 0.01
        self.lost = 0.0
        self._world = world
        self._boxes: dict[str, Mailbox] = {}

    def open(self, loop: ProcessLoop) -> Mailbox:
        """The wake-up of a process; the one it had before is gone."""
        self._boxes[loop.name] = box = Mailbox(self, loop)
        return box

    def send(self) -> None:
        """Wake everybody, as far as the post is reliable today."""
        for box in self._boxes.values():
            if self._world.chance.random() >= self.lost:
                delay = self.delay * self._world.chance.random()
                handle = asyncio.Handle(box.arrived, (), box.loop, None)
                self._world.ring(self._world.now + delay, box.loop, handle)


class Mailbox:
    """A `Wakeup` whose notifications travel by the world's post."""

    def __init__(self, post: Post, loop: ProcessLoop) -> None:
        self.loop = loop
        self._post = post
        self._event = asyncio.Event()

    def start(self) -> None:
        """Nothing to start."""

    def close(self) -> None:
        """Nothing to close."""

    def notify(self) -> None:
        """Wake every process."""
        self._post.send()

    def arrived(self) -> None:
        """A notification came."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return after a notification, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


class VirtualHeartbeat(Heartbeat):
    """The heartbeat of a simulated process: what the thread does, on the process's virtual time."""

    def start(self) -> None:
        """Begin to beat."""
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._task = self._loop.create_task(self._beat_virtually())

    @property
    def is_late(self) -> bool:
        """Whether the lease was not renewed when it should have been."""
        return self._loop.time() - self._last > 1.5 * self._every

    def stop(self) -> None:
        """Beat no more."""
        self._task.cancel()

    async def _beat_virtually(self) -> None:
        pause = self._every
        while True:
            await asyncio.sleep(pause)
            pause = self._every
            try:
                is_alive = await offload(self._store.beat, self._node_id, self._lease)
            except ConnectionLost:
                pause = min(1.0, self._every)
                continue
            self._last = self._loop.time()
            if not is_alive:
                self._on_dead()
                return


class SimulatedNode:
    """One process. `resolver_of` makes the handlers of a life; the engine is the product's."""

    def __init__(
        self,
        name: str,
        world: World,
        server: Server,
        post: Post,
        options: EngineOptions,
        *,
        resolver_of: Callable[[SimulatedNode], WorkflowResolver],
    ) -> None:
        self.name = name
        self.options = options
        self.lives = 0
        self.executing = 0
        self.loop: ProcessLoop | None = None
        self._world = world
        self._server = server
        self._post = post
        self._resolver_of = resolver_of
        self._engine: Engine | None = None
        self.is_kept_up = False

    @property
    def is_up(self) -> bool:
        """Whether the process lives, be it paused."""
        return self.loop is not None and not self.loop.is_dead

    def start(self) -> None:
        """Begin a life, unless it has one."""
        if self.is_up:
            return
        self.lives += 1
        self.executing = 0
        rate = 1.0 + self._world.chance.choice((0.0, -0.05, 0.05))
        self.loop = ProcessLoop(self._world, self.name, rate)  # type: ignore[abstract]
        self.loop.on_death = self._ended
        self._world.tell(self.name, "starts", self.lives)
        self._spawn(self._live)

    def crash(self) -> None:
        """Die without a word, as after SIGKILL."""
        if self.loop is not None and not self.loop.is_dead:
            self._world.tell(self.name, "crashes")
            self.loop.die()

    def end(self) -> None:
        """The world ends."""
        if self.loop is not None:
            self.loop.die()

    def crash_after(self, turns: int) -> None:
        """Die between two steps of its coroutines, so many from now."""
        if self.loop is not None:
            self.loop.turns_to_live = turns

    def keep_up(self) -> None:
        """Do not die after all, go on, and be started again whenever it ends."""
        self.is_kept_up = True
        if self.loop is not None:
            self.loop.turns_to_live = None
        self.resume()
        self.start()

    def _ended(self) -> None:
        if self.is_kept_up:
            self._world.after(_RETRY, self.start)

    def pause(self) -> None:
        """Stand still, as after SIGSTOP."""
        if self.loop is not None and self.is_up:
            self._world.tell(self.name, "is paused")
            self.loop.pause()

    def resume(self) -> None:
        """Go on, as after SIGCONT."""
        if self.loop is not None and self.loop.is_paused:
            self._world.tell(self.name, "resumes")
            self.loop.resume()

    def leap(self, seconds: float) -> None:
        """Have its clock leap ahead."""
        if self.loop is not None and self.is_up:
            self._world.tell(self.name, "clock leaps", seconds)
            self.loop.leap(seconds)

    def stop(self, deadline: float) -> None:
        """Drain and end, as after SIGTERM."""
        if self.is_up and self._engine is not None and self._engine.is_running:
            self._world.tell(self.name, "is told to stop")
            self._spawn(partial(self._wind_up, self._engine, deadline))

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        loop = self.loop
        if loop is not None:
            loop.call_soon(lambda: loop.create_task(work()))

    async def _live(self) -> None:
        loop = cast("ProcessLoop", asyncio.get_running_loop())
        while True:
            engine = Engine(
                cast("Store", StoreLink(self._server, self)),
                self._resolver_of(self),
                self._post.open(loop),
                self.options,
                heartbeat=VirtualHeartbeat,
            )
            engine.events.subscribe(self._tell)
            try:
                await engine.start()
            except ConnectionLost:
                await asyncio.sleep(_RETRY)
                continue
            self._engine = engine
            return

    async def _wind_up(self, engine: Engine, deadline: float) -> None:
        await engine.stop(deadline)
        self._world.tell(self.name, "has stopped")
        loop = cast("ProcessLoop", asyncio.get_running_loop())
        self._world.after(0.0, loop.die)

    def _tell(self, event: events.Event) -> None:
        if isinstance(event, _TOLD):
            self._world.tell(self.name, type(event).__name__, event)
