"""What a rule does when the clock changes: the words. ``zones`` acts on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from .errors import RecurrenceError, shown

Choice = TypeVar("Choice", bound=StrEnum)


class Gap(StrEnum):
    """What becomes of a wall time that the clock leaps over."""

    RUN_AT_GAP_END = "run_at_gap_end"
    SKIP = "skip"
    SHIFT = "shift"


class Fold(StrEnum):
    """Which pass counts of a wall time that the clock shows twice."""

    FIRST = "first"
    LAST = "last"
    BOTH = "both"


class Scope(StrEnum):
    """Which rules obey the policy: fixed ones only, or wildcard ones too (these otherwise follow elapsed time)."""

    FIXED = "fixed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """What a rule does at a clock change. ``gap``, ``fold`` and ``scope`` may be given as text.

    Raises RecurrenceError for an unknown word.
    """

    gap: Gap
    fold: Fold
    scope: Scope = Scope.FIXED

    def __post_init__(self) -> None:
        for name, kind in (("gap", Gap), ("fold", Fold), ("scope", Scope)):
            object.__setattr__(self, name, choose(kind, getattr(self, name), name))

    @classmethod
    def of(cls, value: ClockPolicy | str) -> ClockPolicy:
        """The policy itself, or the preset of that name."""
        if isinstance(value, ClockPolicy):
            return value
        try:
            return CLOCK_PRESETS[value]
        except (KeyError, TypeError):  # an unknown name, or nothing that is a name
            pass
        raise RecurrenceError(
            f"{shown(value)} is not a clock policy",
            field="clock",
            token=str(value),
            hint=f"one of {', '.join(CLOCK_PRESETS)}, or a ClockPolicy",
        )

    @property
    def name(self) -> str | None:
        """The name of the preset that this is, if it is one."""
        return next((name for name, preset in CLOCK_PRESETS.items() if preset == self), None)

    def for_rhythm(self, *, is_wildcard: bool) -> tuple[Gap, Fold]:
        """The pair that a wildcard (or a fixed) rule obeys under this policy."""
        if is_wildcard and self.scope is Scope.FIXED:
            return Gap.SKIP, Fold.BOTH
        return self.gap, self.fold


def choose(kind: type[Choice], value: str, field: str) -> Choice:
    """``value`` as a member of ``kind``; RecurrenceError naming the choices otherwise."""
    if isinstance(value, kind):
        return value
    try:
        return kind(value)
    except ValueError:
        article = "an" if field[:1] in "aeiou" else "a"
        raise RecurrenceError(
            f"{shown(value)} is not {article} {field}",
            field=field,
            token=str(value),
            hint=f"one of {', '.join(kind)}",
        ) from None


CLOCK_PRESETS: Final = {
    "vixie": ClockPolicy(Gap.RUN_AT_GAP_END, Fold.FIRST, Scope.FIXED),
    "wall": ClockPolicy(Gap.SKIP, Fold.BOTH, Scope.ALL),
    "skip": ClockPolicy(Gap.SKIP, Fold.FIRST, Scope.ALL),
    "rfc5545": ClockPolicy(Gap.SHIFT, Fold.FIRST, Scope.ALL),
}
