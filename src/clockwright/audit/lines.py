"""The documented log line: `[timestamp] LEVEL module:version EVENT_TYPE community=X user=Y action=Z result=STATUS …`."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clockwright import __version__

MODULE = "clockwright"
_LONGEST_VALUE = 2_000
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:,/+*@%#()[]…")


_ENCODE = json.JSONEncoder(default=str).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a record of the trail says; as text the documented line, which is written only where it is wanted."""

    event_type: str
    facts: Mapping[str, Any]
    message: str

    def __str__(self) -> str:
        """The line."""
        return line_of(self.event_type, self.facts, self.message)

    def fields(self) -> dict[str, Any]:
        """The line as fields, the message among them as `event`."""
        given = {name: value for name, value in self.facts.items() if value is not None}
        return {**given, "event": self.message}


class Lines(ABC):
    """Lines of one level, told at one moment, as one record; see `clockwright.audit.groups`."""

    @abstractmethod
    def __iter__(self) -> Iterator[Line]:
        """Each of them."""

    @abstractmethod
    def json(self) -> Sequence[str]:
        """The fields of each as a JSON object."""

    def __str__(self) -> str:
        """One under the other."""
        return "\n".join(map(str, self))


def lines_in(record: logging.LogRecord) -> Sequence[Line]:
    """The lines that a record carries: none, if it is not one of the trail."""
    match _carried(record):
        case Line() as line:
            return (line,)
        case Lines() as lines:
            return tuple(lines)
    return ()


def json_in(record: logging.LogRecord) -> Sequence[str]:
    """The same, the fields of each line as a JSON object."""
    match _carried(record):
        case Line() as line:
            return (_ENCODE(line.fields()),)
        case Lines() as lines:
            return lines.json()
    return ()


def _carried(record: logging.LogRecord) -> object:
    return record.args[0] if isinstance(record.args, tuple) and len(record.args) == 1 else None


def line_of(event_type: str, facts: Mapping[str, Any], message: str) -> str:
    """`EVENT_TYPE community=X user=Y action=Z result=STATUS [time=Nms] message k=v…` on one line, whatever the values are."""
    head = [f"{name}={escaped(facts.get(name))}" for name in _HEAD]
    if facts.get("time_ms") is not None:
        head.append(f"time={facts['time_ms']}ms")
    shown = {*_HEAD, "time_ms", "event_type"}
    tail = [
        f"{escaped(name)}={escaped(value)}"
        for name, value in facts.items()
        if name not in shown and value is not None
    ]
    return " ".join([event_type, *head, one_line(message), *tail]).strip()


_HEAD = ("community", "user", "action", "result")


def one_line(text: str) -> str:
    """A text without anything that could begin a new line or steer a terminal, and without a forged `k=v`."""
    kept = "".join(char if char.isprintable() else _escape(char) for char in text)
    return kept.replace("=", "\\=")[:_LONGEST_VALUE]


def escaped(value: Any) -> str:
    """A value as one word: plain where it is plain, else as a JSON string in ASCII."""
    if value is None or value == "":
        return "-"
    text = value if isinstance(value, str) else _as_text(value)
    text = text[:_LONGEST_VALUE]
    return text if _PLAIN.issuperset(text) else json.dumps(text)


def _as_text(value: Any) -> str:
    if isinstance(value, dict | list | tuple | bool):
        return json.dumps(value, default=str, separators=(",", ":"))
    return str(value)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


class LineFormatter(logging.Formatter):
    """Writes every record in the documented shape; one that is not ours counts as SYSTEM, or ERROR."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole line, and a traceback under it where there is one; a line each for a group."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = f"[{at}] {record.levelname} {MODULE}:{__version__} "
        text = "\n".join(head + body for body in self._bodies(record))
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        return f"{text}\n{record.exc_text}" if record.exc_text else text

    def _bodies(self, record: logging.LogRecord) -> Sequence[str]:
        lines = lines_in(record)
        if lines:
            return [str(line) for line in lines]
        kind = "ERROR" if record.levelno >= logging.ERROR else "SYSTEM"
        facts = {"action": record.name, "result": "FAILURE" if kind == "ERROR" else "SUCCESS"}
        return [line_of(kind, facts, record.getMessage())]
