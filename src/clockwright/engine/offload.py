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
"""Enough for the loops of one engine and the callers beside it: a store call is short, and a database has one disk."""


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_POOL_SIZE, thread_name_prefix="clockwright-store")


async def offload(func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking call in a thread of the store pool and wait for it; the event loop goes on."""
    context = contextvars.copy_context()
    call: Callable[[], Any] = functools.partial(context.run, func, *args, **kwargs)
    result: R = await asyncio.get_running_loop().run_in_executor(_pool(), call)
    return result


def after_fork() -> None:
    """To be called in a forked child, which has none of its parent's threads."""
    _pool.cache_clear()
