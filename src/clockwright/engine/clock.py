"""The only `now()` in the package."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present instant by this machine's clock, aware, in UTC."""
    return datetime.now(UTC)


class SystemClock:
    """The `Clock` of real life."""

    def now(self) -> datetime:
        """The present instant by this machine's clock."""
        return utc_now()
