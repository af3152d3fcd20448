"""Three functions to try things with. Only the stand-alone server's processes import this, so only they know them."""

from __future__ import annotations

import asyncio
from typing import Any

from clockwright.engine.registry import job

_DAY = 86_400.0


class SampleFailure(Exception):
    """What `samples.fail` raises: on purpose, always."""


@job("samples.echo", exposed=True)
def echo(**context: Any) -> dict[str, Any]:
    """Return the context it was given."""
    return context


@job("samples.sleep", exposed=True)
async def sleep(*, seconds: float = 1.0) -> dict[str, float]:
    """Wait for `seconds` (0 to a day) without holding a thread, then say how long it was."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"seconds: {seconds!r} is not a number; give for example 2.5")
    if not 0 <= seconds <= _DAY:
        raise ValueError(f"seconds: {seconds!r} is out of range; give 0 to {_DAY:.0f}")
    await asyncio.sleep(seconds)
    return {"slept": float(seconds)}


@job("samples.fail", exposed=True)
def fail(*, message: str = "samples.fail fails on purpose", **_context: Any) -> None:
    """Raise `SampleFailure` with `message`: to see what a failing run, its retries and its traceback look like."""
    raise SampleFailure(message)
