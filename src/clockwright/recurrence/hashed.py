"""``H`` in a cron line: a value that a seed chooses, so that many schedules do not all fire at once.

The choice is a promise, not an implementation detail: the first 8 bytes (big endian) of SHA-256 over the field's name,
a line feed and the seed in UTF-8, modulo the number of values. So it is the same on every machine and in every
version, and independent from field to field.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from .errors import RecurrenceError, shown
from .field import DAY_OF_MONTH, MAX_TEXT, Kind, Place, read_value

_ITEM: Final = re.compile(r"H(?:\((\w+)-(\w+)\))?(?:/(\d{1,9}))?\Z", re.ASCII | re.IGNORECASE)
_SHAPES: Final = "H, H(a-b), H/s or H(a-b)/s"
# Every month has these; H must not skip February.
_LAST_COMMON_DAY: Final = 28


def checked_seed(seed: object) -> str:
    """The seed, if it is text of 1 to 255 characters. Raises RecurrenceError."""
    if not isinstance(seed, str) or not 0 < len(seed) <= MAX_TEXT:
        raise RecurrenceError(
            f"seed must be text of 1 to {MAX_TEXT} characters, not {shown(seed)}",
            field="seed",
            token=str(seed)[:MAX_TEXT],
            hint="such as the schedule's key",
        )
    try:
        seed.encode()
    except UnicodeEncodeError:
        raise RecurrenceError(
            f"seed {seed[:20]!a} cannot be written in UTF-8", field="seed", token=seed
        ) from None
    return seed


def settled(token: str, kind: Kind, seed: str) -> str:
    """A field's text with each ``H`` replaced by what the seed chooses. Raises RecurrenceError.

    ``H``: one value of the field (days of the month from 1 to 28); ``H(a-b)``: one of a to b; with ``/s``: every s-th
    value, beginning at one of the first s.
    """
    if "H" not in token.upper():
        return token
    place, items, at = Place("", kind.name, token), [], 0
    for item in token.split(","):
        items.append(_chosen(item, kind, place, at, seed) if item[:1] in {"H", "h"} else item)
        at += len(item) + 1
    return ",".join(items)


def _chosen(item: str, kind: Kind, place: Place, at: int, seed: str) -> str:
    match = _ITEM.match(item)
    if match is None:
        raise place.error(f"{shown(item)} is not understood", item, at=at, hint=_SHAPES)
    low, high = kind.low, _LAST_COMMON_DAY if kind is DAY_OF_MONTH else kind.top
    if match[1]:
        low, high = _limits(match, kind, place, at)
    number = _number(kind, seed)
    if match[3] is None:
        return str(low + number % (high - low + 1))
    step = int(match[3])
    if not step:
        raise place.error("the step is 0", item, at=at, hint="a whole number from 1")
    return f"{low + number % min(step, high - low + 1)}-{high}/{step}"


def _limits(match: re.Match[str], kind: Kind, place: Place, at: int) -> tuple[int, int]:
    low = read_value(kind, place, match[1], at + match.start(1))
    high = read_value(kind, place, match[2], at + match.start(2))
    if kind.sunday_is_seven and match[2].upper() == "SUN":  # what it means in any range
        high = low if match[1].upper() == "SUN" or low == 7 else 7
    if low > high:
        raise place.error(
            f"the range {match[1]}-{match[2]} is reversed",
            match[0],
            at=at,
            hint=f"write H({high}-{low})",
        )
    if kind is DAY_OF_MONTH and high > _LAST_COMMON_DAY:
        raise place.error(
            f"not every month has a day {high}", match[0], at=at, hint="H takes days from 1 to 28"
        )
    return low, high


def _number(kind: Kind, seed: str) -> int:
    return int.from_bytes(sha256(f"{kind.name}\n{seed}".encode()).digest()[:8], "big")


def written_column(written: str, read: str, column: int) -> int:
    """Where in a field as ``written`` an error stands that was found at ``column`` of it as ``read``.

    Both have the same items, of which some were replaced, and ``written`` may have a sign before them.
    """
    nth = read.count(",", 0, column - 1)
    within = column - 1 - len(",".join(read.split(",")[:nth])) - (nth > 0)
    before = len(",".join(written.split(",")[:nth])) + (nth > 0)
    return before + within + 1 + (written[:1] == "+" and nth == 0)
