"""Reading dictionaries that come from outside: strict types, and every problem told at once. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar, overload

from clockwright.recurrence import Once, RecurrenceError
from clockwright.schedules.errors import ConfigProblem, InvalidScheduleException

Choice = TypeVar("Choice", bound=StrEnum)

LONGEST_SECONDS: Final = 2**31 - 1
"""What the documented integer columns hold."""

LARGEST_PAYLOAD: Final = 64 * 1024
DEEPEST_PAYLOAD: Final = 32
_MOST_NAMES, _LONGEST_NAME = 100, 200
_LARGEST_NUMBER = 10**308
_SHOWN = 80


def shown(value: object) -> str:
    """A value as a message repeats it, so that "3" is not 3, cut to a bearable length."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


class ConfigReader:
    """Takes values out of a `schedule_config` and collects what is wrong with them; `finish` raises them together.

    A key that is null counts as left out, except where a caller asks with `has`.
    """

    def __init__(self, config: object, known: frozenset[str]) -> None:
        self._problems: list[ConfigProblem] = []
        self._config: Mapping[Any, Any] = config if isinstance(config, Mapping) else {}
        if not isinstance(config, Mapping):
            self._problems.append(
                ConfigProblem("/schedule_config", "schedule_config: give a JSON object")
            )
        for key in self._config:
            if key not in known:
                self.refuse(str(key), f"{str(key)[:_SHOWN]}: is not a key of schedule_config")

    def refuse(self, key: str, message: str) -> None:
        """Note a problem with a key."""
        step = key.replace("~", "~0").replace("/", "~1")
        self._problems.append(ConfigProblem(f"/schedule_config/{step}", message))

    @property
    def problems(self) -> Sequence[ConfigProblem]:
        """What was noted so far."""
        return tuple(self._problems)

    def finish(self) -> None:
        """Raise InvalidScheduleException when there were problems."""
        if self._problems:
            raise InvalidScheduleException(*self._problems)

    def has(self, key: str) -> bool:
        """Whether the key is there, if only as null."""
        return key in self._config

    def get(self, key: str) -> Any:
        """The value as it stands, None when it is left out."""
        return self._config.get(key)

    def text(self, key: str) -> str | None:
        """A text; None when it is left out or is none."""
        value = self.get(key)
        if value is None or isinstance(value, str):
            return value
        self.refuse(key, f"{key}: give text, not {shown(value)}")
        return None

    def required_text(self, key: str, problem: str) -> str | None:
        """A text that is not blank; None, and the problem noted, when it is left out."""
        text = self.text(key)
        if self.get(key) is None or (text is not None and not text.strip()):
            self.refuse(key, problem)
            return None
        return text

    @overload
    def whole(self, key: str, least: int, most: int, default: int) -> int: ...
    @overload
    def whole(self, key: str, least: int, most: int, default: int | None) -> int | None: ...
    def whole(self, key: str, least: int, most: int, default: int | None) -> int | None:
        """A whole number from `least` to `most`."""
        value = self.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(
                key, f"{key}: give a whole number from {least} to {most}, not {shown(value)}"
            )
            return default
        return value

    @overload
    def seconds(self, key: str, default: timedelta, *, above_zero: bool = False) -> timedelta: ...
    @overload
    def seconds(
        self, key: str, default: timedelta | None, *, above_zero: bool = False
    ) -> timedelta | None: ...
    def seconds(
        self, key: str, default: timedelta | None, *, above_zero: bool = False
    ) -> timedelta | None:
        """A number of seconds, whole or not."""
        value = self.get(key)
        if value is None:
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and (value > 0 if above_zero else value >= 0) and value <= LONGEST_SECONDS:
            return timedelta(seconds=value)
        bound = "above 0" if above_zero else "from 0"
        self.refuse(key, f"{key}: give a number of seconds {bound}, not {shown(value)}")
        return default

    def share(self, key: str, default: float) -> float:
        """A number from 0 to 1."""
        value = self.get(key)
        if value is None:
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and 0 <= value <= 1:
            return float(value)
        self.refuse(key, f"{key}: give a number from 0 to 1, not {shown(value)}")
        return default

    def class_names(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of names of classes, with or without their modules."""
        value = self.get(key)
        if value is None:
            return default
        if (
            isinstance(value, list | tuple)
            and len(value) <= _MOST_NAMES
            and all(map(_is_name, value))
        ):
            return tuple(value)
        self.refuse(
            key,
            f"{key}: give a list of at most {_MOST_NAMES} names of exceptions such as "
            f'["ValueError", "shop.errors.Refused"], not {shown(value)}',
        )
        return default

    def choice(self, key: str, kind: type[Choice], default: Choice) -> Choice:
        """One of a closed set of words."""
        value = self.get(key)
        if value is None:
            return default
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        self.refuse(key, f"{key}: give one of {', '.join(kind)}, not {shown(value)}")
        return default

    def instant(self, key: str, zone: str) -> datetime | None:
        """An instant: ISO 8601 text or a datetime; without an offset it is wall time in `zone` (C-08, R10)."""
        value = self.get(key)
        if value is None:
            return None
        try:
            return read_instant(value, zone)
        except ValueError as error:
            why = error.reason if isinstance(error, RecurrenceError) else str(error)
            self.refuse(
                key,
                f"{key}: {why}; give ISO 8601 such as 2027-03-01T09:00:00+01:00, "
                f"or without an offset in {zone}",
            )
            return None


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_NAME
        and all(part.isidentifier() for part in value.split("."))
    )


def read_instant(value: object, zone: str) -> datetime:
    """An aware instant in UTC of ISO 8601 text or a datetime; raises ValueError."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{shown(value)} is not a date and time") from None
    if not isinstance(value, datetime):
        raise ValueError(f"{shown(value)} is not a date and time")  # noqa: TRY004 - one kind for all
    try:
        if value.utcoffset() is not None:
            return value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value.isoformat()} is out of range") from None
    return Once(value, zone).instant.astimezone(UTC)


def read_context(context: object, pointer: str = "/context_data") -> dict[str, Any]:
    """Context data as plain JSON values; raises InvalidScheduleException. None is an empty object."""
    if context is None:
        return {}
    if not isinstance(context, Mapping):
        name = pointer.strip("/")
        raise InvalidScheduleException.of(
            pointer, f"{name}: give a JSON object, not {shown(context)}"
        )
    value: dict[str, Any] = read_json(context, pointer)
    return value


def read_json(value: object, pointer: str) -> Any:
    """Any JSON value: at most 64 KiB, not too deep, text that databases take. Raises InvalidScheduleException."""
    try:
        plain = _plain(value, 0)
        size = len(json.dumps(plain).encode())
    except ValueError as error:
        raise InvalidScheduleException.of(pointer, f"{pointer.strip('/')}: {error}") from None
    if size > LARGEST_PAYLOAD:
        raise InvalidScheduleException.of(
            pointer,
            f"{pointer.strip('/')}: {size} bytes of JSON are more than {LARGEST_PAYLOAD}; "
            "store the data elsewhere and pass its key",
        )
    return plain


def _plain(value: object, depth: int) -> Any:
    if depth > DEEPEST_PAYLOAD:
        raise ValueError(f"is nested more than {DEEPEST_PAYLOAD} deep")
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int() if abs(value) < _LARGEST_NUMBER:
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case Mapping():
            return {_name(key): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, depth + 1) for item in value]
        case _:
            raise ValueError(f"{shown(value)} is not JSON: give text, numbers, lists and objects")


def _name(key: object) -> str:
    if not isinstance(key, str):
        raise ValueError(f"the name {shown(key)} is not text")  # noqa: TRY004 - one kind for all
    return _text(key)


def _text(text: str) -> str:
    if "\x00" in text or (
        not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)
    ):
        raise ValueError("a text has a NUL character or half of a surrogate pair")
    return str(text)
