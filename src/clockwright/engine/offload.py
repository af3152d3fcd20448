"""The one seam between the loops, which are async, and the store, which is not."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_POOL_SIZE = 8
"""Enough for the callers beside the loops: a store call is short, and a database has one disk."""

own_pool: contextvars.ContextVar[ThreadPoolExecutor | None] = contextvars.ContextVar(
    "clockwright_own_pool", default=None
)
"""Threads that belong to the tasks of a context: an engine's loops do not wait behind callers that wait for a lock."""


@functools.cache
def _common_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_POOL_SIZE, thread_name_prefix="clockwright-store")


async def offload(func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking call in a thread of the context's pool and wait for it; the event loop goes on."""
    pool = own_pool.get() or _common_pool()
    context = contextvars.copy_context()
    call: Callable[[], Any] = functools.partial(context.run, func, *args, **kwargs)
    result: R = await asyncio.get_running_loop().run_in_executor(pool, call)
    return result


def after_fork() -> None:
    """To be called in a forked child, which has none of its parent's threads."""
    _common_pool.cache_clear()
