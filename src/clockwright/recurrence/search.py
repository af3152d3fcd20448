"""What combinations of rules have in common: a search that ends, and limits to their size.

A combination may refuse what its members offer, again and again. So one question may ask plain rules 1,200 times and
refuse 800 of their answers, in all members together. From then on what is refused is the end: there is taken to be no more.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from .base import Recurrence
from .bounds import Bounds
from .errors import RecurrenceError, shown
from .explain import Finding, bounds_findings, made_optional
from .layers import ClockLayer, WallLayer
from .once import Reboot
from .phrases import Phrases
from .zones import FIRST_SECOND, LAST_SECOND

MOST_RULES: Final = 100
DEEPEST: Final = 8
_MOST_DATES: Final = 2_000
_MOST_ITEMS: Final = 20_000  # of JSON, in which one calendar may stand many times
_YEAR_2020: Final = 1_577_836_800
_MOST_ASKED: Final = 1_200
_MOST_REFUSED: Final = 800
_DATED: Final = ("exclude", "rdate", "exdate")


class Fuel:
    """What one question may cost, and what plain rules have answered in it already."""

    __slots__ = ("_asks", "_back", "_on", "_refusals")

    def __init__(self) -> None:
        self._asks = _MOST_ASKED
        self._refusals = _MOST_REFUSED
        self._on: dict[int, tuple[int, int | None]] = {}
        self._back: dict[int, tuple[int, int | None]] = {}

    def burn(self) -> bool:
        """Takes a refusal; whether there was one left, and answers to look for another with."""
        self._refusals -= 1
        return self._refusals >= 0 and self._asks >= 0

    def next_of(self, rule: Recurrence, second: int) -> int | None:
        """``next_second`` of a plain rule, which is not asked where an answer before tells it."""
        known = self._on.get(id(rule))
        if known and known[0] <= second and (known[1] is None or second < known[1]):
            return known[1]
        self._asks -= rule.effort
        found = rule.next_second(second)
        self._on[id(rule)] = (second, found)
        return found

    def prev_of(self, rule: Recurrence, second: int) -> int | None:
        """``prev_second``, likewise."""
        known = self._back.get(id(rule))
        if known and known[0] >= second and (known[1] is None or second > known[1]):
            return known[1]
        self._asks -= rule.effort
        found = rule.prev_second(second)
        self._back[id(rule)] = (second, found)
        return found


class Combination(Recurrence):
    """A rule made of rules, its ``members``. Its own bounds and exclusions apply to what it yields."""

    __slots__ = ()

    @property
    @abstractmethod
    def members(self) -> tuple[Recurrence, ...]:
        """The rules that this one is made of."""

    @abstractmethod
    def _search(self, second: int, until: int, fuel: Fuel) -> int | None:
        """The first fire time in ``(second, until]``, bounds aside."""

    @abstractmethod
    def _search_back(self, second: int, since: int, fuel: Fuel) -> int | None:
        """The last fire time in ``[since, second)``, bounds aside."""

    def is_possible(self) -> bool:
        """Whether a fire time is found: from 2020 on, from 1970 on, or from either end of time.

        Each search is bounded, as those of ``next_after`` and ``prev_before`` are. What starts, ends, or lists dates has
        its last word before the end; and zones that lay beyond the date line left it before 1970, or before 2020. Only
        what fires on a few dates, with many that are refused on both sides of them, is found from near them alone.
        """
        in_our_time = (self.next_second(since) for since in (_YEAR_2020, 0))
        return any(found is not None for found in in_our_time) or super().is_possible()

    def next_second(self, second: int) -> int | None:
        if second >= LAST_SECOND:
            return None
        return self.seek(max(second, FIRST_SECOND - 1), LAST_SECOND, Fuel())

    def prev_second(self, second: int) -> int | None:
        if second <= FIRST_SECOND:
            return None
        return self.seek_back(min(second, LAST_SECOND + 1), FIRST_SECOND, Fuel())

    def seek(self, second: int, until: int, fuel: Fuel) -> int | None:
        """The first fire time in ``(second, until]``."""
        last = min(until, self._bounds.high)
        return self._bounds.next(lambda after: self._search(after, last, fuel), second)

    def seek_back(self, second: int, since: int, fuel: Fuel) -> int | None:
        """The last fire time in ``[since, second)``."""
        first = max(since, self._bounds.low)
        return self._bounds.prev(lambda before: self._search_back(before, first, fuel), second)

    def _next(self, second: int) -> int | None:
        return self._search(second, LAST_SECOND, Fuel())

    def _prev(self, second: int) -> int | None:
        return self._search_back(second, FIRST_SECOND, Fuel())


def seek(rule: Recurrence, second: int, until: int, fuel: Fuel) -> int | None:
    """The first fire time of a rule in ``(second, until]``, as part of a greater search."""
    if second >= until:
        return None
    if isinstance(rule, Combination):
        return rule.seek(second, until, fuel)
    found = fuel.next_of(rule, second)
    return found if found is not None and found <= until else None


def seek_back(rule: Recurrence, second: int, since: int, fuel: Fuel) -> int | None:
    """The last fire time of a rule in ``[since, second)``, as part of a greater search."""
    if second <= since:
        return None
    if isinstance(rule, Combination):
        return rule.seek_back(second, since, fuel)
    found = fuel.prev_of(rule, second)
    return found if found is not None and found >= since else None


def fires_at(rule: Recurrence, second: int) -> bool:
    """Whether a second is a fire time of a rule."""
    return seek(rule, second - 1, second, Fuel()) == second


def check_members(rules: object, field: str) -> tuple[Recurrence, ...]:
    """Rules to combine, if they are such and not too many. Raises RecurrenceError."""
    members = tuple(rules) if isinstance(rules, (list, tuple)) else (rules,)
    for member in members:
        if not isinstance(member, Recurrence):
            raise RecurrenceError(
                f"{shown(member)} is not a rule",
                field=field,
                token=shown(member),
                hint="such as Cron",
            )
        if isinstance(member, Reboot):
            raise RecurrenceError("@reboot has no fire times to combine", field=field)
    levels, dates = _measure(members)
    if sum(levels) > MOST_RULES or not members:
        raise RecurrenceError(
            f"{sum(levels)} rules in one, instead of 1 to {MOST_RULES}", field=field
        )
    if len(levels) >= DEEPEST:
        raise RecurrenceError(f"rules are nested more than {DEEPEST} deep", field=field)
    if dates > _MOST_DATES:
        raise RecurrenceError(
            f"{dates:,} dates and ranges in one rule, instead of at most {_MOST_DATES:,}",
            field=field,
        )
    return members


def _measure(members: tuple[Recurrence, ...]) -> tuple[list[int], int]:
    # How many rules there are on each level, and how many dates in all of them.
    levels: list[int] = []
    calendars: set[Any] = set()
    dates, level = 0, list(members)
    while level:
        levels.append(len(level))
        dates += sum(len(getattr(rule, name, ())) for rule in level for name in _DATED)
        calendars.update(calendar for rule in level for calendar in _calendars(rule))
        level = [m for rule in level if isinstance(rule, Combination) for m in rule.members]
    return levels, dates + sum(len(calendar.holidays) for calendar in calendars)


def _calendars(rule: Recurrence) -> list[Any]:
    calendar = getattr(rule, "calendar", None)
    return [] if calendar is None else [calendar]


def check_nesting(data: Any) -> None:
    """Refuses JSON of rules in rules before it is read, where it is too deep or too large. Raises RecurrenceError."""
    level, rules, items, depth = list(nested(data)), 0, 0, 1
    while level:
        depth, rules = depth + 1, rules + len(level)
        items += sum(_items(rule) for rule in level)
        if depth > DEEPEST or rules > MOST_RULES or items > _MOST_ITEMS:
            raise RecurrenceError(
                f"rules in a rule are at most {MOST_RULES}, {DEEPEST} deep, with {_MOST_ITEMS:,} dates",
                field="rules",
            )
        level = [inner for rule in level for inner in nested(rule)]


def _items(rule: Mapping[str, Any]) -> int:
    # The sizes of the lists in the JSON of a rule, and of those in its calendar.
    calendar = rule.get("calendar")
    inside = [*rule.values(), *(calendar.values() if isinstance(calendar, Mapping) else ())]
    return sum(len(value) for value in inside if isinstance(value, list))


def nested(data: Any) -> Iterator[Mapping[str, Any]]:
    """The JSON of the rules right inside the JSON of a rule."""
    if not isinstance(data, Mapping):
        return
    inside = data.get("rules")
    for rule in (data.get("rule"), *(inside if isinstance(inside, list) else ())):
        if isinstance(rule, Mapping):
            yield rule


def member_findings(rule: Recurrence, second: int) -> list[Finding]:
    """What the parts of a member say of a second, its bounds among them."""
    bounds = rule._bounds  # noqa: SLF001 - what a rule shares with this room
    own = rule._findings(second)  # noqa: SLF001
    limits = (bounds.low, bounds.high)
    return [*own, *bounds_findings(second, rule.timezone, limits, bounds.holes)]


def member_finding(number: int, rule: Recurrence, second: int) -> Finding:
    """A member as one finding, which leaves it to others to decide; its parts below it."""
    fires = fires_at(rule, second)
    findings = made_optional(member_findings(rule, second))
    return Finding(f"rule {number}", "", fires, decides=False, parts=tuple(findings))


def enclosed(rule: Recurrence, say: Phrases) -> str:
    """A member's sentence as part of another: in brackets, without its end."""
    before, _, after = say.say("sentence", words="\0").partition("\0")
    return say.say("enclosed", rule=rule.describe(say).removeprefix(before).removesuffix(after))


def is_within(bounds: Bounds, second: int) -> bool:
    """Whether bounds admit a second."""
    return bounds.next(lambda before: before + 1, second - 1) == second


def narrowed(layer: ClockLayer, keeps: Callable[[int], bool]) -> ClockLayer:
    """A member's layer, of which the combination keeps only some instants."""
    if not isinstance(layer, WallLayer):
        return layer
    admits = layer.admits
    return replace(
        layer, admits=lambda wall, second: (not admits or admits(wall, second)) and keeps(second)
    )
