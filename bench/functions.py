"""What the measured runs do: nothing, once as a coroutine and once as a plain function."""

from __future__ import annotations

from clockwright.engine.registry import job

COROUTINE = "bench.coroutine"
PLAIN = "bench.plain"


@job(COROUTINE)
async def coroutine(*, i: int) -> None:
    """Runs on the engine's loop."""


@job(PLAIN)
def plain(*, i: int) -> None:
    """Runs in a thread."""
