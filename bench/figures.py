"""Figures: what was measured, against what, as a table and as JSON of a fixed shape."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


class Unmeasurable(Exception):
    """A measurement that would have said something untrue; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value. `ratio` is it divided by the same unit of `against`, measured in the same run.

    `against` names what the ratio compares with, and is null for a figure that stands alone.
    """

    name: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None


def compared(name: str, unit: str, value: float, against: str, other: float) -> list[Figure]:
    """A figure and the one it is compared with, which has the name of both."""
    ratio = value / other if other else None
    return [
        Figure(name=name, value=value, unit=unit, against=against, ratio=ratio),
        Figure(name=f"{name}_{against}", value=other, unit=unit),
    ]


def write(figures: Sequence[Figure], path: Path) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    half.write_text(json.dumps([rounded(figure) for figure in figures], indent=1) + "\n")
    half.replace(path)


def show(figures: Sequence[Figure]) -> None:
    """The same as a table on stdout."""
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "value", "unit", "against", "ratio", box=None, header_style="bold")
    for place in (1, 4):
        table.columns[place].justify = "right"
    for figure in figures:
        ratio = "" if figure.ratio is None else short(figure.ratio)
        table.add_row(figure.name, short(figure.value), figure.unit, figure.against or "", ratio)
    console = Console(soft_wrap=True)
    console.width = max(console.width, 120)
    console.print(table)


def rounded(figure: Figure) -> dict[str, object]:
    """Four digits say more than such a measurement knows."""
    digits = {key: float(f"{value:.4g}") for key, value in _numbers(figure).items()}
    return asdict(figure) | digits


def _numbers(figure: Figure) -> dict[str, float]:
    return {
        key: value
        for key, value in (("value", figure.value), ("ratio", figure.ratio))
        if value is not None
    }


def short(value: float) -> str:
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
