"""Pages by position in an order and not by number, so that rows that come or go in between shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

T = TypeVar("T")

LARGEST_PAGE = 200
DEFAULT_PAGE = 50


class BadCursor(ValueError):
    """A cursor that no page of this list gave."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of those that follow; None after the last."""

    rows: Sequence[T]
    next: str | None


def cursor_of(*position: datetime | UUID | int | None) -> str:
    """An opaque text for a place in an order."""
    parts = [part if isinstance(part, int) or part is None else _text(part) for part in position]
    packed = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _text(part: datetime | UUID) -> str:
    return part.isoformat() if isinstance(part, datetime) else part.hex


def position_of(cursor: str, *readers: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The place that `cursor_of` wrote, each part by its reader; raises BadCursor."""
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(packed)
        if not isinstance(parts, list) or len(parts) != len(readers):
            raise BadCursor(cursor)
        return tuple(read(part) for read, part in zip(readers, parts, strict=True))
    except (binascii.Error, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise BadCursor("this is no cursor of this list: take it from `next`") from error


def read_instant(part: Any) -> datetime:
    """An aware instant of a position."""
    instant = datetime.fromisoformat(part)
    if instant.tzinfo is None:
        raise BadCursor(part)
    return instant.astimezone(UTC)


def read_instant_or_none(part: Any) -> datetime | None:
    """Likewise, where a row may have none."""
    return None if part is None else read_instant(part)


def read_uuid(part: Any) -> UUID:
    """An id of a position."""
    if not isinstance(part, str):
        raise BadCursor(str(part))
    return UUID(hex=part)


def read_serial(part: Any) -> int:
    """A serial number of a position, as every database takes it."""
    if isinstance(part, bool) or not isinstance(part, int) or not 0 <= part < 2**31:
        raise BadCursor(str(part))
    return part


def page_of(rows: Sequence[T], limit: int, place: Callable[[T], str]) -> Page[T]:
    """A page of `limit` rows out of `limit + 1` that were fetched: one more says that there is a next page."""
    kept = rows[:limit]
    return Page(kept, place(kept[-1]) if len(rows) > limit else None)
