"""The one error of this package.

``RecurrenceError`` is a ``ValueError``: a rule, a zone or an instant that cannot be accepted. It carries its parts as
data, so that a form can mark the field, an editor can underline the column and an API can answer with a problem.
"""

from __future__ import annotations

import json

_SHOWN = 60  # characters of hostile input that an error message repeats


class RecurrenceError(ValueError):
    """A rule (or a zone, or an instant) is refused.

    ``reason`` says what is wrong, ``field`` names the part ("minute", "timezone", "anchor"…), ``token`` is the text
    that was refused, ``column`` its place in ``expression`` (counted from 1; None where there is no text), ``hint``
    what to write instead.
    """

    def __init__(
        self,
        reason: str,
        *,
        expression: str = "",
        field: str | None = None,
        column: int | None = None,
        token: str = "",
        hint: str = "",
    ) -> None:
        self.reason = reason
        self.expression = expression
        self.field = field
        self.column = column
        self.token = token
        self.hint = hint
        super().__init__(self._line())

    @property
    def position(self) -> int | None:
        """``column`` counted from 0, as an index into ``expression``."""
        return None if self.column is None else self.column - 1

    @property
    def value(self) -> str:
        """The refused text; the same as ``token``."""
        return self.token

    def as_dict(self) -> dict[str, str | int | None]:
        """The parts, JSON-able, for an edge that translates errors."""
        return {
            "reason": self.reason,
            "expression": self.expression,
            "field": self.field,
            "column": self.column,
            "token": self.token,
            "hint": self.hint,
        }

    def _line(self) -> str:
        place = ", ".join(
            part
            for part in (
                _named(self.field or ""),
                f"column {self.column}" if self.column is not None else "",
            )
            if part
        )
        line = f"{place}: {self.reason}" if place else self.reason
        if self.hint:
            line += f" ({self.hint})"
        if self.expression:
            line += f" in {shown(self.expression)}"
        return line


def _named(field: str) -> str:
    # A field of ours, or one that came with the input: that may be anything.
    return field if field.isprintable() and len(field) <= _SHOWN else shown(field)


def shown(value: object) -> str:
    """A value on one line, cut to a bearable length: text quoted, numbers and other JSON as JSON, others as their text."""
    told = repr(value) if isinstance(value, str) else _plain(value)
    return told if len(told) <= _SHOWN else f"{told[: _SHOWN - 1]}…"


def _plain(value: object) -> str:
    if value is not None and not isinstance(value, int | float | list | dict):
        return repr(str(value))
    try:
        told = json.dumps(value, ensure_ascii=False)
        return told if told.isprintable() else json.dumps(value)
    except (
        TypeError,
        ValueError,
        RecursionError,
    ):  # a value inside that is no JSON, or too large a number
        return type(value).__name__
