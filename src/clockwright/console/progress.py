"""Backfills as the overview shows them: how far each is, in words and as a share of its range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from clockwright.console.wording import relative, utc_time
from clockwright.engine.backfill import BackfillState
from clockwright.schedules.documents import backfill_document
from clockwright.schedules.selectors import backfill_counts, latest_backfills

if TYPE_CHECKING:
    from clockwright.schedules.backfill_models import Backfill

SHOWN: Final = 5
LINGER: Final = timedelta(days=1)
"""So long one that has ended is still shown."""

_SIGNS: Final = {
    BackfillState.RUNNING: ("▶", "busy"),
    BackfillState.COMPLETED: ("✓", "good"),
    BackfillState.CANCELLED: ("○", "calm"),
    BackfillState.FAILED: ("✕", "bad"),
}
_COUNTED: Final = ("succeeded", "failed", "running", "waiting", "skipped", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRow:
    """One backfill; `sign` and `tone` only repeat what `status` says in words."""

    name: str
    start: str
    end: str
    asked: str
    status: str
    reason: str
    sign: str
    tone: str
    done: int
    total: int
    counts: str


def backfill_rows(community: str, now: datetime) -> Sequence[BackfillRow]:
    """Those under way and those that ended lately, asked for last first: two queries, however many there are."""
    rows = latest_backfills(community, now - LINGER, SHOWN)
    counts = backfill_counts([row.backfill_id for row in rows])
    return [_row(row, backfill_document(row, counts[row.backfill_id]), now) for row in rows]


def _row(row: Backfill, told: dict[str, Any], now: datetime) -> BackfillRow:
    state = BackfillState(row.status)
    sign, tone = _SIGNS[state]
    ended = sum(told[name] for name in ("succeeded", "failed", "cancelled", "skipped"))
    by = f" by {row.asked_by}" if row.asked_by else ""
    counts = [f"{told[name]:,} {name}" for name in _COUNTED if told[name]]
    counts += [f"{row.existing:,} had run before"] if row.existing else []
    return BackfillRow(
        name=str(row.schedule),
        start=utc_time(row.range_from),
        end=utc_time(row.range_to),
        asked=f"asked for {relative(row.created_at, now)}{by}",
        status=state.value,
        reason=(row.reason or "").replace("_", " "),
        sign=sign,
        tone=tone,
        done=min(row.total, ended + row.existing),
        total=row.total,
        counts=", ".join(counts) or "nothing yet",
    )
