"""Web, API and engine in one process, and how they end: drained, within a deadline, with exit code 0."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import uvicorn

from clockwright.schedules import engines

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to serve: with an engine or without, ended by itself after `stop_after`, `on_ready` once it answers."""

    engine: bool = True
    drain: float = engines.DRAIN
    stop_after: timedelta | None = None
    on_ready: Callable[[], None] = lambda: None


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would end the process with the signal and not with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield


def serve(listener: socket.socket, plan: Plan) -> None:
    """Serve the web application, with an engine beside it, until SIGTERM, SIGINT or `stop_after`; then drain."""
    config = uvicorn.Config(
        "clockwright.server.asgi:application",
        lifespan="off",  # the engine is started here, not by the application
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, int(plan.drain)),
    )
    with warnings.catch_warnings():
        # static files are small, and Django reads them in a thread: right, only not ideal
        warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")
        asyncio.run(_serve(_Server(config), listener, plan))


async def _serve(server: _Server, listener: socket.socket, plan: Plan) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in _STOP_SIGNALS:
        loop.add_signal_handler(signum, _stopper(server, asked))
    if plan.engine:
        await asyncio.to_thread(engines.start_engine)
    web = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await _until_asked(server, web, asked, plan)
    finally:
        server.should_exit = True
        await asyncio.gather(web, _stop(plan))


async def _until_asked(
    server: _Server, web: asyncio.Task[None], asked: asyncio.Event, plan: Plan
) -> None:
    """Return when somebody asks to stop; the time of `stop_after` counts from the first answer on."""
    while not server.started and not web.done():  # noqa: ASYNC110 - uvicorn sets a flag, no event
        await asyncio.sleep(0.02)
    plan.on_ready()
    limit = plan.stop_after.total_seconds() if plan.stop_after is not None else None
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait({waiting, web}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _stop(plan: Plan) -> None:
    if plan.engine:
        await asyncio.to_thread(engines.stop_engine, plan.drain)


def _stopper(server: _Server, asked: asyncio.Event) -> Callable[[], None]:
    def stop() -> None:
        if asked.is_set():
            server.force_exit = True  # asked twice: do not wait for open connections
        server.should_exit = True
        asked.set()

    return stop
