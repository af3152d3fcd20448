"""Calling a user's function safely: coroutines on the loop, plain functions in a thread, JSON out.

Whatever the function does, the loop and the thread live on: an exit becomes an error, and what it opened of the
database is closed again.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

from django.conf import settings
from django.db import connections

from clockwright.engine.ports import InvalidPayload, InvalidResult, RunContext
from clockwright.engine.registry import Function

LARGEST_RESULT = 1024 * 1024
"""Bytes of JSON: a result is a receipt, not a place to keep data."""


class FunctionExited(Exception):
    """The function tried to end the process."""


async def call_function(
    function: Function, run: RunContext, args: Sequence[Any], pool: Executor
) -> Any:
    """What the function returns. Raises InvalidPayload, InvalidResult, and what the function raises."""
    _fits(function, run, args)
    if not function.is_coroutine:
        return _checked(function, await _in_thread(function, run, args, pool))
    try:
        result = await function.invoke(run, args)
    except (SystemExit, KeyboardInterrupt) as error:
        raise FunctionExited(f"{function.key} called exit({error})") from error
    return None if result is None else _checked(function, result)


def call_here(function: Function, run: RunContext, args: Sequence[Any]) -> Any:
    """The same for a plain function, in the calling thread, which waits for it."""
    _fits(function, run, args)
    return _checked(function, _contained(function, run, args))


def _fits(function: Function, run: RunContext, args: Sequence[Any]) -> None:
    why = function.payload_error(args, run.context)
    if why is not None:
        raise InvalidPayload(f"{function.key}{function.signature} does not take this: {why}")


async def _in_thread(
    function: Function, run: RunContext, args: Sequence[Any], pool: Executor
) -> Any:
    call = functools.partial(contextvars.copy_context().run, _contained, function, run, args)
    result = await asyncio.get_running_loop().run_in_executor(pool, call)
    # a plain callable may still hand back something to wait for
    return await result if inspect.isawaitable(result) else result


def _contained(function: Function, run: RunContext, args: Sequence[Any]) -> Any:
    try:
        with _own_connections():
            return function.invoke(run, args)
    except (SystemExit, KeyboardInterrupt) as error:
        raise FunctionExited(f"{function.key} called exit({error})") from error
    except StopIteration as error:
        # a future cannot carry it
        raise RuntimeError(f"{function.key} raised StopIteration") from error


@contextlib.contextmanager
def _own_connections() -> Iterator[None]:
    """Close the database connections that were opened inside: a thread of a pool has no end of request."""
    before = _open_connections()
    try:
        yield
    finally:
        for alias in _open_connections() - before:
            connections[alias].close()


def _open_connections() -> set[str]:
    if not settings.configured:  # a program without Django has none, and no settings to ask
        return set()
    return {
        each.alias for each in connections.all(initialized_only=True) if each.connection is not None
    }


def _checked(function: Function, result: Any) -> Any:
    if result is None:
        return None
    try:
        size = len(json.dumps(result, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidResult(
            f"{function.key} returned {type(result).__name__}, which is not JSON ({error}); "
            "return text, numbers, lists, objects or None"
        ) from error
    if size > LARGEST_RESULT:
        raise InvalidResult(
            f"{function.key} returned {size} bytes of JSON, more than {LARGEST_RESULT}; "
            "store it elsewhere and return where"
        )
    return result
