"""Fire times from the definition alone: walk every UTC minute and compare wall clocks.

Nothing here knows masks, offsets or stretches. A rule is five sets (None for ``*``), told twice: to
the product as text, to the oracle as sets.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class SetRule:
    minutes: str
    hours: str
    days: str
    weekdays: str

    @property
    def text(self) -> str:
        return f"{self.minutes} {self.hours} {self.days} * {self.weekdays}"

    @property
    def is_wildcard(self) -> bool:
        return self.minutes.startswith("*") or self.hours.startswith("*")

    def walls(self) -> Callable[[datetime], bool]:
        minutes, hours = _values(self.minutes, 0, 59), _values(self.hours, 0, 23)
        days, weekdays = _values(self.days, 1, 31), _values(self.weekdays, 0, 6)
        either = self.days[0] != "*" and self.weekdays[0] != "*"

        def admits(wall: datetime) -> bool:
            if wall.minute not in minutes or wall.hour not in hours:
                return False
            day, weekday = wall.day in days, wall.isoweekday() % 7 in weekdays
            return day or weekday if either else day and weekday

        return admits


def _values(field: str, low: int, high: int) -> set[int]:
    if field == "*":
        return set(range(low, high + 1))
    if field.startswith("*/"):
        return set(range(low, high + 1, int(field[2:])))
    return {int(value) for value in field.split(",")}


def random_rule(rng: random.Random, near: datetime) -> SetRule:
    """A rule that has something to do around the wall time ``near``."""
    hours = sorted({(near.hour + rng.randrange(-2, 4)) % 24 for _ in range(rng.randrange(1, 4))})
    minutes = sorted({rng.choice((0, 15, 29, 30, 45, 59)) for _ in range(rng.randrange(1, 4))})
    days = sorted({(near + timedelta(days=rng.randrange(-1, 3))).day for _ in range(2)})
    return SetRule(
        rng.choice((",".join(map(str, minutes)), "*", "*/7", "*/20", "0")),
        rng.choice((",".join(map(str, hours)),) * 3 + ("*", "*/2")),
        rng.choice(("*", "*", ",".join(map(str, days)), "*/2")),
        rng.choice(("*", "*", "*", str(near.isoweekday() % 7))),
    )


@dataclass(frozen=True)
class Walk:
    """Each minute around a change: which instants show a wall time, and which walls were leapt."""

    start: datetime
    end: datetime
    passes: dict[datetime, list[datetime]]
    leapt: dict[datetime, tuple[datetime, datetime]]  # wall: first instant after, shifted instant

    def fire_times(self, rule: SetRule, policy: tuple[str, str, str]) -> set[datetime]:
        gap, fold, scope = policy
        if rule.is_wildcard and scope == "fixed":
            gap, fold = "skip", "both"
        admits = rule.walls()
        fired: set[datetime] = set()
        for wall, instants in self.passes.items():
            if admits(wall):
                chosen = {"first": instants[:1], "last": instants[-1:], "both": instants}[fold]
                fired.update(chosen)
        for wall, (gap_end, shifted) in self.leapt.items():
            if gap != "skip" and admits(wall):
                fired.add(gap_end if gap == "run_at_gap_end" else shifted)
        return fired


def walk_around(change: int, zone: str, days: int) -> Walk:
    """Each minute from ``days`` before an instant to ``days`` after it."""
    info = ZoneInfo(zone)
    start = datetime.fromtimestamp(change, UTC) - timedelta(days=days)
    passes: dict[datetime, list[datetime]] = {}
    leapt: dict[datetime, tuple[datetime, datetime]] = {}
    before = (start - MINUTE).astimezone(info).replace(tzinfo=None, fold=0)
    instant = start
    for instant in (start + MINUTE * n for n in range(days * 2 * 1440)):
        wall = instant.astimezone(info).replace(tzinfo=None, fold=0)
        passes.setdefault(wall, []).append(instant)
        missing = before + MINUTE
        while missing < wall:
            leapt[missing] = (instant, instant + (missing - before - MINUTE))
            missing += MINUTE
        before = wall
    return Walk(start, instant, passes, leapt)
