"""Steps instead of time: how many calls an answer takes is the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from tests.recurrence.fuzz import forget


def steps_of(work: Callable[[], Any]) -> tuple[int, Any]:
    """How many calls an answer takes, with nothing remembered from before; and the answer."""
    taken = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal taken
        taken += event in {"call", "c_call"}

    forget()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        answer = work()
    finally:
        sys.setprofile(before)
    return taken, answer
