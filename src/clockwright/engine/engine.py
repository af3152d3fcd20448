"""One node: start, drain and stop the three loops."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from clockwright.engine.chores import Chore, stepping
from clockwright.engine.events import Events, LoopFailed, NodeDeclaredDead, NodeStarted, NodeStopped
from clockwright.engine.executors import InProcessExecutor
from clockwright.engine.keeper import ATTEND_EVERY, Heartbeat, Keeper
from clockwright.engine.loops import FIRST_BACKOFF, LAST_BACKOFF, Loop
from clockwright.engine.model import Node, Start
from clockwright.engine.offload import offload, own_pool
from clockwright.engine.options import EngineOptions
from clockwright.engine.planner import Planner
from clockwright.engine.ports import Store, Wakeup, WorkflowResolver
from clockwright.engine.processes import Processes
from clockwright.engine.runner import Runner

_log = logging.getLogger(__name__)

LOOPS = 7

KEEPER_BACKOFF = timedelta(seconds=1)
"""The dead have waited for a lease already when the store that was away comes back."""

PATIENCE_WITH_STORE = 5.0
"""Seconds that a node which stops gives a store that does not answer, for each thing it has to tell it."""


class Engine:
    """The three loops over a store. All methods belong to one event loop; a stopped engine is not started again."""

    def __init__(
        self,
        store: Store,
        resolver: WorkflowResolver,
        wakeup: Wakeup,
        options: EngineOptions | None = None,
        events: Events | None = None,
        heartbeat: Callable[..., Heartbeat] = Heartbeat,
    ) -> None:
        self.events = events or Events()
        self.options = options or EngineOptions()
        self.node_id = ""
        self._store = store
        self._wakeup = wakeup
        self._make_heartbeat = heartbeat
        self._heartbeat: Heartbeat | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._chores: list[Loop] = []
        self._pool = ThreadPoolExecutor(LOOPS, thread_name_prefix="clockwright-loop")
        self._rebirth: asyncio.Task[None] | None = None
        self._executor = self._make_executor(resolver)
        self._runner = self._make_runner()
        self._runner.on_let_go = wakeup.notify
        self._running = self._loop("runner", self._runner.step)
        planner = self._planner()
        planner.on_backlog = self._settle_on
        self._planning = self._loop("planner", planner.step)
        self._assisting = self._loop("second planner", planner.assist)
        self._keeper = self._make_keeper()
        self._keeping = self._loop("keeper", self._keep)
        # these wait for something to happen inside their step: they are cancelled rather than asked
        self._recording = self._loop("recorder", self._runner.record)
        self._waiting_loops = (
            self._recording,
            self._loop("attendant", self._attend),
            self._loop("listener", self._listen),
        )

    def adopt(self, chore: Chore) -> None:
        """Do this beside the loops, from the start on."""
        if self._tasks:
            raise RuntimeError(f"chore {chore.name!r} comes too late: this engine was started")
        self._chores.append(self._loop(chore.name, stepping(chore, lambda: self.node_id)))
        self._pool = ThreadPoolExecutor(
            LOOPS + len(self._chores), thread_name_prefix="clockwright-loop"
        )

    @property
    def is_running(self) -> bool:
        """Whether the loops run."""
        return any(not task.done() for task in self._tasks)

    @property
    def in_flight(self) -> int:
        """How many claimed runs have not been recorded yet."""
        return self._runner.in_flight

    async def start(self) -> None:
        """Register this node and start the loops; raises what the store raises when it cannot be reached."""
        if self._tasks:
            raise RuntimeError("this engine was started already")
        await offload(self._wakeup.start)
        try:
            await self._register()
        except BaseException:
            await offload(self._wakeup.close)
            raise
        # the loops' tasks inherit it: callers that wait for a lock must not stand in their way
        token = own_pool.set(self._pool)
        for loop in (*self._asked_loops, *self._waiting_loops):
            self._tasks.append(asyncio.create_task(loop.run(), name=f"clockwright {loop.name}"))
        own_pool.reset(token)
        self.events.emit(NodeStarted(node_id=self.node_id))

    async def stop(self, deadline: float = 30.0) -> None:
        """Claim nothing more, let runs finish for `deadline` seconds, hand the rest back, retire the node."""
        for loop in self._asked_loops:
            loop.stop()
        self._recording.signal.set()  # it may be pausing after a failure
        await self._runner.drain(deadline)
        await self._attempt(self._runner.record_rest(), "record its last outcomes")
        self._runner.close()
        left = self._runner.abandon()
        for loop in self._waiting_loops:
            loop.stop()
        for task in (*self._tasks[-len(self._waiting_loops) :], self._rebirth):
            if task is not None:
                task.cancel()
        await asyncio.wait(self._tasks, timeout=PATIENCE_WITH_STORE)
        if self._heartbeat is not None:
            await asyncio.to_thread(self._heartbeat.stop)
        # before the runs are handed back: what a process still does must not meet another node's attempt
        await self._attempt(self._executor.end_processes(), "end its worker processes")
        if left:
            await self._attempt(
                offload(self._store.hand_back, self.node_id, left), "hand back runs"
            )
        await self._attempt(offload(self._store.retire_node, self.node_id), "retire")
        self._wakeup.notify()
        self._executor.shutdown()
        await self._attempt(offload(self._wakeup.close), "close its wake-up")
        self._pool.shutdown(wait=False)
        self.events.emit(NodeStopped(node_id=self.node_id, handed_back=len(left)))

    @property
    def _asked_loops(self) -> tuple[Loop, ...]:
        """Those that end when they are asked to, after the step they are at."""
        assisting = (self._assisting,) if self._store.settles_side_by_side else ()
        return (self._planning, *assisting, self._running, self._keeping, *self._chores)

    async def _attempt(self, work: Awaitable[object], what: str) -> None:
        """Try for a while. Where the store does not answer the lease runs out, and another node sees to it."""
        try:
            async with asyncio.timeout(PATIENCE_WITH_STORE):
                await work
        except Exception:  # noqa: BLE001 - logged; a stop must end
            _log.exception("node %s could not %s", self.node_id, what)

    def look(self) -> None:
        """Let planner and runner look now, whatever they wait for."""
        self._planning.signal.set()
        self._wake_runner()

    async def _register(self) -> None:
        node_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        node = Node(
            node_id=node_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            capacity=self.options.capacity,
        )
        await offload(self._store.register_node, node, self.options.lease)
        self.node_id = node_id
        loop = asyncio.get_running_loop()
        self._heartbeat = self._make_heartbeat(
            self._store,
            node_id=node_id,
            every=self.options.heartbeat,
            lease=self.options.lease,
            on_dead=lambda: loop.call_soon_threadsafe(self._declared_dead),
            is_wanted=lambda: not loop.is_closed(),
        )
        self._heartbeat.start()

    def _declared_dead(self) -> None:
        """Another node took over: nothing here may be recorded any more, so stop it and begin anew."""
        self._rebirth = asyncio.create_task(self._begin_anew(), name="clockwright rebirth")

    async def _begin_anew(self) -> None:
        dead, self.node_id = (
            self.node_id,
            "",
        )  # nothing is claimed under either until there is a new one
        self._runner.abandon()
        pause = FIRST_BACKOFF
        while not self.node_id:
            try:
                await self._register()
            except Exception as error:  # noqa: BLE001 - reported; without an id there is nothing else to do
                failed = LoopFailed(node_id=dead, loop="rebirth", error=error, retry_in=pause)
                self.events.emit(failed)
                await asyncio.sleep(pause.total_seconds())
                pause = min(pause * 2, LAST_BACKOFF)
        self.events.emit(NodeDeclaredDead(node_id=dead, new_node_id=self.node_id))
        self.look()

    def _settle_on(self) -> None:
        self._planning.signal.set()
        self._assisting.signal.set()

    def _look_at_runs(self) -> None:
        self._running.signal.set()

    def _wake_runner(self) -> None:
        self._runner.look_for_waiting()
        self._running.signal.set()

    async def _announce(self, start: Start) -> bool:
        return start.run_id in await offload(self._store.record_starts, [start])

    async def _attend(self) -> float:
        await self._runner.attend()
        return ATTEND_EVERY

    async def _keep(self) -> float:
        pause = await self._keeper.step()
        await self._runner.reconcile()
        return pause

    async def _listen(self) -> float:
        await self._wakeup.wait(self.options.sweep.total_seconds())
        self.look()
        return 0.0

    def _make_executor(self, resolver: WorkflowResolver) -> InProcessExecutor:
        return InProcessExecutor(
            resolver,
            threads=self.options.capacity,
            timeout=self.options.timeout,
            announce=self._announce,
            processes=Processes(),
        )

    def _make_runner(self) -> Runner:
        return Runner(
            self._store,
            self._executor,
            options=self.options,
            events=self.events,
            node_id=lambda: self.node_id,
            wake=self._look_at_runs,
        )

    def _planner(self) -> Planner:
        return Planner(
            self._store,
            self._runner,
            options=self.options,
            events=self.events,
            node_id=lambda: self.node_id,
            on_queued=self._wake_runner,
        )

    def _make_keeper(self) -> Keeper:
        return Keeper(
            self._store,
            options=self.options,
            events=self.events,
            node_id=lambda: self.node_id,
            on_queued=self._wake_runner,
            is_late=lambda: self._heartbeat is not None and self._heartbeat.is_late,
        )

    def _loop(
        self, name: str, step: Callable[[], object], last_backoff: timedelta = LAST_BACKOFF
    ) -> Loop:
        return Loop(
            name,
            step,  # type: ignore[arg-type]
            events=self.events,
            node_id=lambda: self.node_id,
            last_backoff=last_backoff,
        )


class EngineThread:
    """An engine in a background thread with an event loop of its own, for programs that have none to spare.

    `factory` is called in that thread. `start` waits until the engine runs and raises what its start raised.
    """

    def __init__(self, factory: Callable[[], Engine]) -> None:
        self._factory = factory
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._deadline = 30.0
        self._error: BaseException | None = None
        self.engine: Engine | None = None

    @property
    def is_running(self) -> bool:
        """Whether the thread lives and its engine runs."""
        return self.engine is not None and self.engine.is_running

    def start(self) -> None:
        """Start the engine; a second call while it runs does nothing."""
        if self._thread is not None and self._thread.is_alive():
            return
        started = threading.Event()
        self._error = None
        self._thread = threading.Thread(
            target=self._run, args=(started,), name="clockwright-engine", daemon=True
        )
        self._thread.start()
        started.wait()
        if self._error is not None:
            raise self._error

    def stop(self, deadline: float = 30.0) -> None:
        """Drain for at most `deadline` seconds and end the thread."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._deadline = deadline
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self, started: threading.Event) -> None:
        try:
            asyncio.run(self._live(started))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in start()
            self._error = error
        finally:
            started.set()

    async def _live(self, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        engine = self._factory()
        await engine.start()
        self.engine = engine
        started.set()
        await self._stop.wait()
        await engine.stop(self._deadline)


__all__: Sequence[str] = ("Engine", "EngineOptions", "EngineThread")
