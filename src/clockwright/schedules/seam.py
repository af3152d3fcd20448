"""Between event loops and the database: a loop never runs a query itself, and threads give back what they borrow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
R = TypeVar("R")


def ask(func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """The answer of a blocking call; on a thread of its own where this one runs an event loop.

    For the few documented attributes that are read without `await` (S4-91, S4-92); all else is `offload`ed.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return func(*args, **kwargs)
    answers: list[R] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(func(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asked
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work, name="clockwright-question", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]


@contextmanager
def borrowed() -> Iterator[None]:
    """Give back the connections that were taken from a pool inside: the threads of `offload` are many and idle."""
    before = {each.alias for each in connections.all(initialized_only=True) if each.connection}
    try:
        yield
    finally:
        for each in connections.all(initialized_only=True):
            is_pooled = bool(each.settings_dict["OPTIONS"].get("pool"))
            if is_pooled and each.alias not in before and not each.in_atomic_block:
                each.close()
