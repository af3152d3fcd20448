"""What a node and its worker processes say to each other: one JSON object a line, over pipes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from clockwright.engine.ports import ProcessCall, RunContext


class Said(StrEnum):
    """What a worker process says: that it is ready, or what a call came to."""

    READY = "ready"
    RESULT = "result"
    INVALID_PAYLOAD = "invalid_payload"
    INVALID_RESULT = "invalid_result"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A line of a worker process. `why` and `traceback` are text, `result` is JSON."""

    said: Said
    result: Any = None
    why: str = ""
    traceback: str = ""

    def line(self) -> bytes:
        """As it goes over the pipe; raises TypeError or ValueError where the result is not JSON."""
        parts = {
            "said": self.said.value,
            "result": self.result,
            "why": self.why,
            "traceback": self.traceback,
        }
        return _line(parts)

    @classmethod
    def read(cls, line: bytes) -> Reply | None:
        """A line as a reply; None for what something else wrote there."""
        try:
            parts = json.loads(line)
            return cls(**{**parts, "said": Said(parts["said"])})
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call that a worker process is to make."""

    call: ProcessCall
    run: RunContext
    args: Sequence[Any]

    def line(self) -> bytes:
        """As it goes over the pipe; raises TypeError or ValueError for arguments that are not JSON."""
        call, run = self.call, self.run
        return _line(
            {
                "call": {"bootstrap": call.bootstrap, "key": call.key, "module": call.module},
                "run": {
                    "run_id": str(run.run_id),
                    "attempt": run.attempt,
                    "schedule_id": None if run.schedule_id is None else str(run.schedule_id),
                    "scheduled_for": run.scheduled_for.isoformat(),
                    "triggered_at": run.triggered_at.isoformat(),
                    "trigger": run.trigger,
                    "community": run.community,
                    "context": dict(run.context),
                    "step": run.step,
                },
                "args": list(self.args),
            }
        )

    @classmethod
    def read(cls, line: bytes) -> Request:
        """A line as a request; raises what a line that is none raises."""
        parts = json.loads(line)
        return cls(call=ProcessCall(**parts["call"]), run=_run_of(parts["run"]), args=parts["args"])


class Lines:
    """Cuts a stream of bytes into lines; `longest`: a line that is longer comes in pieces."""

    def __init__(self, longest: int | None = None) -> None:
        self._longest = longest
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that are complete now, without their ends."""
        self._rest += data
        while (end := self._rest.find(b"\n")) >= 0:
            yield self._cut(end, 1)
        while self._longest is not None and len(self._rest) >= self._longest:
            yield self._cut(self._longest, 0)

    def rest(self) -> bytes:
        """What has come since the last line's end; nothing follows."""
        return self._cut(len(self._rest), 0)

    def _cut(self, length: int, end: int) -> bytes:
        line = bytes(self._rest[:length])
        del self._rest[: length + end]
        return line


def _line(parts: Mapping[str, Any]) -> bytes:
    return json.dumps(parts, allow_nan=False).encode() + b"\n"


def _run_of(parts: Mapping[str, Any]) -> RunContext:
    schedule_id = parts["schedule_id"]
    return RunContext(
        **{
            **parts,
            "run_id": UUID(parts["run_id"]),
            "schedule_id": None if schedule_id is None else UUID(schedule_id),
            "scheduled_for": datetime.fromisoformat(parts["scheduled_for"]),
            "triggered_at": datetime.fromisoformat(parts["triggered_at"]),
        }
    )
