"""Taking the fields of a step out of its JSON; what is wrong with them is collected, never raised."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from clockwright.engine.registry import Registry
from clockwright.schedules.strict_json import escape
from clockwright.workflows.definitions import Block
from clockwright.workflows.errors import Flaw
from clockwright.workflows.expressions import Expression
from clockwright.workflows.templates import Template, read_expression, read_template

LONGEST_ID: Final = 50
_ID: Final = re.compile(r"[a-z][a-z0-9_]*")
_SHOWN: Final = 60

MOST_FLAWS: Final = 100
"""That are told of one definition; whoever mends those is told the next."""

ReadBlock = Callable[[Any, str, int], Block | None]


@dataclass(slots=True)
class Reading:
    """One definition while it is read. `functions` are what steps may call."""

    functions: Registry
    read_block: ReadBlock
    flaws: list[Flaw] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def refuse(self, pointer: str, message: str) -> None:
        """Note a flaw, among the first `MOST_FLAWS`."""
        if len(self.flaws) < MOST_FLAWS:
            self.flaws.append(Flaw(pointer, message))


class Fields:
    """The fields of one JSON object. `depth` is that of the block it is in; `finish` refuses what nobody took."""

    def __init__(self, data: Mapping[str, Any], pointer: str, depth: int, reading: Reading) -> None:
        self.pointer = pointer
        self.reading = reading
        self._data = data
        self._depth = depth
        self._taken: set[str] = set()

    def at(self, name: str) -> str:
        """Where a field is."""
        return f"{self.pointer}/{escape(name)}"

    def refuse(self, name: str, message: str) -> None:
        """Note that a field cannot be meant."""
        self.reading.refuse(self.at(name), message)

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return name in self._data

    def get(self, name: str) -> Any:
        """The value as it stands; None when it is left out."""
        self._taken.add(name)
        return self._data.get(name)

    def one_of(self, *names: str) -> str | None:
        """The one of these that is there; refuses none and several."""
        given = [name for name in names if self.has(name)]
        self._taken.update(given)
        if len(given) == 1:
            return given[0]
        wanted = " or ".join(repr(name) for name in names)
        self.reading.refuse(self.pointer, f"give {wanted}" + (", and not both" if given else ""))
        return None

    def text(self, name: str, *, most: int = 255) -> str | None:
        """A text that is not empty; None where it is left out or refused."""
        value = self.get(name)
        if value is None or (isinstance(value, str) and 0 < len(value) <= most):
            return value
        self.refuse(name, f"{_shown(value)} is no text of 1 to {most} characters")
        return None

    def word(self, name: str) -> str | None:
        """An id: a lower-case letter, then letters, digits and _; None where it is left out or refused."""
        value = self.get(name)
        if value is None or is_word(value):
            return value if isinstance(value, str) else None
        self.refuse(name, f"{_shown(value)} is no name: {WORD_RULE}")
        return None

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """A number within bounds; None where it is left out or refused."""
        value = self.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and math.isfinite(value) and least <= value <= most:
            return float(value)
        self.refuse(name, f"{_shown(value)} is no number from {least:g} to {most:g}")
        return None

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self.number(name, least=least, most=most)
        if value is None:
            return default
        if not value.is_integer():
            self.refuse(name, f"{value:g} is no whole number")
        return int(value)

    def seconds(self, name: str, *, most: float) -> float | None:
        """A duration above 0; None where it is left out or refused."""
        value = self.number(name, least=0, most=most)
        if value == 0:
            self.refuse(name, "give seconds above 0")
            return None
        return value

    def expression(self, name: str) -> Expression | None:
        """An expression, which must be there; None where it was refused."""
        return read_expression(self.get(name), self.at(name), self.reading.refuse)

    def template(self, name: str, default: Any = None) -> Template:
        """JSON with expressions in it."""
        data = self.get(name) if self.has(name) else default
        return read_template(data, self.at(name), self.reading.refuse)

    def template_object(self, name: str) -> Template:
        """The same, an object; empty where it is left out."""
        data = self.get(name)
        if data is not None and (not isinstance(data, dict) or "$" in data):
            self.refuse(name, "give an object of names and values")
            data = None
        return read_template(data or {}, self.at(name), self.reading.refuse)

    def block(self, name: str) -> Block | None:
        """A block of steps, which must be there; None where it was refused."""
        return self.reading.read_block(self.get(name), self.at(name), self._depth + 1)

    def inside(self, name: str, data: Mapping[str, Any]) -> Fields:
        """The fields of an object inside, which belongs to the same block."""
        self._taken.add(name)
        return Fields(data, self.at(name), self._depth, self.reading)

    def finish(self) -> None:
        """Refuse the fields that nobody took."""
        for name in self._data:
            if name not in self._taken:
                self.refuse(name, "is not a field of this step")


WORD_RULE: Final = f"write up to {LONGEST_ID} lower-case letters, digits and _, a letter first"


def is_word(value: object) -> bool:
    """Whether it can be an id."""
    return isinstance(value, str) and len(value) <= LONGEST_ID and bool(_ID.fullmatch(value))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
