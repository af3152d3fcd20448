"""How commands speak: results on stdout, messages on stderr, JSON where it was asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_WIDTH = 10_000
"""Wide enough that a piped table is never folded: a line is a row."""


def say(message: str) -> None:
    """A message for the person at the terminal: stderr, so that it never mixes with a result."""
    typer.echo(message, err=True)


def result(text: str) -> None:
    """A line of the result, at once, piped or not."""
    typer.echo(text)


def result_json(value: Any) -> None:
    """The result as JSON; instants become ISO 8601 in UTC."""
    result(json.dumps(value, indent=2, ensure_ascii=False, default=plain))


def result_json_line(value: Any) -> None:
    """One value of a stream, as one line of JSON."""
    result(json.dumps(value, ensure_ascii=False, default=plain))


def plain(value: object) -> str:
    """What JSON does not know, as text."""
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"not JSON: {value!r}")


def iso_utc(instant: datetime) -> str:
    """An instant as offset-aware ISO 8601 in UTC."""
    return instant.astimezone(UTC).isoformat()


def in_zone(instant: datetime | None, tz: str = "UTC") -> str:
    """An instant as people read it: wall time in `tz` with the offset's name; a dash for none."""
    if instant is None:
        return "-"
    local = instant.astimezone(ZoneInfo(tz))
    return f"{local:%a %Y-%m-%d %H:%M:%S} {local.tzname()}"


def result_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """A table on stdout; nothing is cut off when piped."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, show_edge=False
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, so that brackets in somebody's key or error are never read as markup
        table.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    _stdout().print(table)


def result_facts(facts: Mapping[str, object]) -> None:
    """Names and values, one pair a line."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        result(f"{name:<{width}}  {'-' if value is None else value}")


def _stdout() -> Console:
    from rich.console import Console

    return Console(
        file=sys.stdout,
        highlight=False,
        soft_wrap=False,
        width=None if sys.stdout.isatty() else _PIPED_WIDTH,
    )
