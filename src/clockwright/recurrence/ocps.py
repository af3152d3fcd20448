"""The dialect of the Open Cron Pattern Specification (OCPS), versions 1.0 to 1.4.

It is read by the same parser as the other dialects. Here stands only what is different: the number of fields decides
what they are, a ``+`` asks for both day fields, and some of what the others read is no OCPS.
Source: OCPS 1.0 and 1.1 (final), 1.2 to 1.4 (drafts), by section where a rule is checked.
"""

from __future__ import annotations

import re
from typing import Final

from .errors import shown
from .field import DAY_OF_MONTH, DAY_OF_WEEK, Kind, Place

_NOT_THERE: Final = re.compile(r"LW|L-\d+", re.ASCII | re.IGNORECASE)


def plain_fields(tokens: list[str], kinds: tuple[Kind, ...]) -> tuple[list[str], bool]:
    """The fields without ``+``, and whether both day fields must match. Raises RecurrenceError.

    Errors stand at columns of the tokens as given.
    """
    day, weekday = (kinds.index(kind) for kind in (DAY_OF_MONTH, DAY_OF_WEEK))
    fields = list(tokens)
    with_sign = tokens[weekday].startswith("+")
    if with_sign:
        fields[weekday] = tokens[weekday][1:]
    for token, field, kind in zip(tokens, fields, kinds, strict=True):
        _check(Place("", kind.name, token), kind, field, at=len(token) - len(field))
    # 1.1, section 6.1: a day field is unrestricted when its first item is exactly a star; 1.4, 4.2: `?` is one.
    is_open = any(fields[n].split(",")[0] in {"*", "?"} for n in (day, weekday))
    return fields, with_sign or is_open


def _check(place: Place, kind: Kind, field: str, at: int) -> None:
    # What other dialects read beyond OCPS, item by item.
    if at and not field:
        raise place.error("nothing stands after +", place.text, hint="write for example +MON")
    if "+" in field:  # 1.4, section 4.1.2
        raise place.error(
            "+ stands first in the day-of-week field, nowhere else",
            field,
            at=at,
            hint="write for example 0 12 1 * +MON",
        )
    items = field.split(",")
    for item in items:
        body, slash, step = item.partition("/")
        if slash and body.isalnum():  # 1.1, section 6.2
            raise place.error(
                f"{shown(item)} steps from a single value",
                item,
                at=at,
                hint=f"write {body}-{kind.high}/{step}",
            )
        if kind is DAY_OF_MONTH and _NOT_THERE.fullmatch(item):
            raise place.error(f"OCPS has no {item}", item, at=at, hint="dialect unix has it")
        if kind is DAY_OF_MONTH and len(items) > 1 and item[-1:] in {"W", "w"}:  # 1.3, section 4.3
            raise place.error(f"{item} stands alone", item, at=at, hint="W is not for lists")
        at += len(item) + 1
