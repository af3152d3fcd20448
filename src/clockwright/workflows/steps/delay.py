"""`delay`: wait for so long, or until an instant. A long one gives its node's place to others meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from clockwright.workflows.definitions import Done, Plan, Visit
from clockwright.workflows.expressions import Expression, ExpressionError
from clockwright.workflows.steps.fields import Fields
from clockwright.workflows.steps.kinds import Kind
from clockwright.workflows.templates import Template

LONGEST: Final = 366 * 86_400
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Plan):
    """Wait; the output is null. `field` is "seconds" or "until"."""

    field: str
    value: Template

    @property
    def expressions(self) -> Sequence[tuple[str, Expression]]:
        """The one that says how long."""
        return [(f"/{self.field}{place}", one) for place, one in self.value.expressions]

    async def perform(self, visit: Visit) -> Done:
        """Wait from the first beginning on; an instant that is past is not waited for."""
        value = visit.value(self.value)
        if self.field == "seconds":
            await visit.wait(seconds=_seconds(value))
        else:
            await visit.wait(until=_instant(value))
        return Done(next=visit.step.next)


def read(fields: Fields) -> Wait | None:
    """`seconds`, or `until`: ISO 8601 with an offset."""
    name = fields.one_of("seconds", "until")
    if name is None:
        return None
    value = fields.template(name)
    if not value.expressions and not isinstance(value.value, dict | list):
        try:
            (_seconds if name == "seconds" else _instant)(value.value)
        except ExpressionError as error:
            fields.refuse(name, error.message)
    return Wait(field=name, value=value)


def _seconds(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= LONGEST:
        raise ExpressionError(f"{value!r} is no number of seconds from 0 to {LONGEST}")
    return float(value)


def _instant(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ExpressionError(f"{value!r} is no instant; write 2027-03-01T09:00:00Z") from None
    if instant.tzinfo is None:
        raise ExpressionError(f"{value} has no offset; add Z or +10:00")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ExpressionError(f"{value} is before the year 1 or after 9999 in UTC") from None


KIND = Kind(name="delay", summary="Waits for so long, or until an instant.", read=read)
