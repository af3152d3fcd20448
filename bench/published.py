"""The figures that the documentation shows: kept as JSON, and the tables and the picture that are made of them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import beside
from bench.figures import Figure, rounded, short

_OURS = {
    "postgresql": "**Clockwright, PostgreSQL**",
    "sqlite": "**Clockwright, SQLite**",
    "celery": "**Clockwright, Celery, 2 worker processes**",
}
_TITLES = _OURS | {peer.name: peer.title for peer in beside.PEERS}
_LIMITS = {"limit_pg2": "limit, PostgreSQL", "limit_sqlite2": "limit, SQLite"}
_FORGETFUL = frozenset(peer.name for peer in beside.PEERS if not peer.is_durable)
_BURST = re.compile(r"w1_burst_(?P<system>[a-z_0-9]+)_(?P<count>\d+)")
_STEADY = re.compile(
    r"w2_(?P<kind>steady|seconds)_(?P<system>[a-z_0-9]+)_(?P<rate>\d+)_lateness_p50"
)
_NODES = re.compile(r"w1_nodes_(?P<store>[a-z]+)_(?P<count>\d+)_(?P<nodes>\d+)")
_STANDING = re.compile(r"w3_standing_(?P<count>\d+)_first_fire")
_MARK = "<!-- figures: {} -->"
_END = "<!-- end of figures -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """When and where figures were measured. `load`: how many processes wanted a CPU, on average of a minute."""

    at: str
    cpus: int
    python: str
    database: str
    load: float


def merge(path: Path, measured: Mapping[str, tuple[Taken, Sequence[Figure]]]) -> None:
    """Put measurements into the file; those of the same name are replaced, others stay."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    for name, (taken, figures) in measured.items():
        kept[name] = {"taken": asdict(taken), "figures": [rounded(figure) for figure in figures]}
    half = path.with_suffix(".part")
    half.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    half.replace(path)


class Published:
    """The file, read."""

    def __init__(self, path: Path) -> None:
        self._data: dict[str, Any] = json.loads(path.read_text())
        self.figures = {
            figure["name"]: Figure(**figure)
            for measurement in self._data.values()
            for figure in measurement["figures"]
        }

    def tables(self) -> dict[str, str]:
        """Markdown tables by the name of their place on the page."""
        return {
            "taken": self._taken(),
            "bursts": _table(_BURST_HEAD, self._bursts()),
            "nodes": _table(("nodes", "due at once", "runs/s", "of one node"), self._nodes()),
            "steady": _table(("", "due", "lateness p50", "p99", "missed"), self._steady()),
            "standing": _table(_STANDING_HEAD, self._standing()),
            "peers": _table(("", "what it keeps"), ((p.title, p.keeps) for p in beside.PEERS)),
        }

    def pictured(self) -> dict[str, list[dict[str, Any]]]:
        """What the picture shows: bars of runs a second at the most common size, and ranges of lateness."""
        bursts = [
            {"title": _plain(title), "value": value, "kind": kind}
            for title, value, kind in self._bars()
        ]
        steady = [
            {"title": _plain(row[0]), "p50": row[1], "p99": row[2]}
            for row in self._lateness("steady")
        ]
        return {"bursts": bursts, "steady": steady}

    def value(self, name: str) -> float | None:
        """A figure's value, or None where it was not measured."""
        figure = self.figures.get(name)
        return None if figure is None else figure.value

    def _taken(self) -> str:
        times = [Taken(**measurement["taken"]) for measurement in self._data.values()]
        loads = sorted(taken.load for taken in times)
        last = max(times, key=lambda taken: taken.at)
        busy = (
            " The machine had much else to do, and not the same all the time: compare a row with its limit, not with "
            "another row."
        )
        return (
            f"Taken {min(taken.at for taken in times)[:10]} to {last.at[:10]} on {last.cpus} CPUs with {last.database} "
            f"and Python {last.python}; when a measurement began, the load of the last minute was between {loads[0]:.1f} "
            f"and {loads[-1]:.1f}." + (busy if loads[-1] > 2 * last.cpus else "")
        )

    def _matching(self, pattern: re.Pattern[str]) -> Iterator[tuple[re.Match[str], Figure]]:
        for name, figure in self.figures.items():
            match = pattern.fullmatch(name)
            if match:
                yield match, figure

    def _bursts(self) -> Iterator[Sequence[str]]:
        found = [
            (int(match["count"]), match["system"], figure)
            for match, figure in self._matching(_BURST)
            if match["system"] in _TITLES
        ]
        for count, system, figure in sorted(found, key=lambda row: (row[0], -row[2].value)):
            yield (
                _TITLES[system],
                f"{count:,}",
                "no" if system in _FORGETFUL else "yes",
                short(figure.value),
                "" if figure.ratio is None else f"{100 * figure.ratio:.2g} %",
                _seconds(self.value(f"{figure.name}_lateness_p50")),
                _seconds(self.value(f"{figure.name}_lateness_p99")),
                self._left(figure.name, count),
            )

    def _left(self, name: str, count: int) -> str:
        """What never ran, and what had not run yet when the time was up."""
        missed, waiting = (self.value(f"{name}_{what}") or 0 for what in ("missed", "waiting"))
        if waiting:
            return f"{waiting / count:.0%} waited still"
        return f"{missed / count:.1%}" if missed else "none"

    def _bars(self) -> Iterator[tuple[str, float, str]]:
        counts = [int(match["count"]) for match, _ in self._matching(_BURST)]
        common = max(set(counts), key=counts.count, default=0)
        for match, figure in self._matching(_BURST):
            system = match["system"]
            if int(match["count"]) != common or system not in _TITLES:
                continue
            kind = "ours" if system in _OURS else "memory" if system in _FORGETFUL else "durable"
            is_cut = self.value(f"{figure.name}_missed")
            left = self._left(figure.name, int(match["count"]))
            title = _TITLES[system] if left == "none" else f"{_TITLES[system]} ({left})"
            yield (
                (f"{title[:-1]} dropped)", figure.value, "drops")
                if is_cut
                else (
                    title,
                    figure.value,
                    kind,
                )
            )
            limit = self.value(f"{figure.name}_{figure.against}")
            if system in ("postgresql", "sqlite") and figure.against in _LIMITS and limit:
                yield _LIMITS[figure.against], limit, "limit"

    def _nodes(self) -> Iterator[Sequence[str]]:
        for match, figure in self._matching(_NODES):
            share = "" if figure.ratio is None else f"{figure.ratio:.0%}"
            yield match["nodes"], f"{int(match['count']):,}", short(figure.value), share

    def _steady(self) -> Iterator[Sequence[str]]:
        for kind, due in (("steady", "spread"), ("seconds", "on whole seconds")):
            for title, p50, p99, left in self._lateness(kind):
                yield title, due, _seconds(p50), _seconds(p99), left

    def _lateness(self, kind: str) -> Iterator[tuple[str, float, float, str]]:
        for match, figure in self._matching(_STEADY):
            if match["kind"] != kind or match["system"] not in _TITLES:
                continue
            start = figure.name.removesuffix("_lateness_p50")
            p99 = self.figures[f"{start}_lateness_p99"]
            left = sum(self.value(f"{start}_{what}") or 0 for what in ("missed", "waiting"))
            yield (
                _TITLES[match["system"]],
                figure.value,
                p99.value,
                f"{left:,.0f}" if left else "none",
            )
            if figure.against in _LIMITS:
                p50, p99_limit = (
                    self.figures[f"{one.name}_{one.against}"].value for one in (figure, p99)
                )
                yield _LIMITS[figure.against], p50, p99_limit, "none"

    def _standing(self) -> Iterator[Sequence[str]]:
        counts = sorted(int(match["count"]) for match, _ in self._matching(_STANDING))
        for count in counts:
            yield (
                f"{count:,}",
                *(
                    self._beside_none(f"w3_standing_{count}_{what}", unit)
                    for what, unit in (
                        ("first_fire", "s"),
                        ("memory", "MB"),
                        ("idle_cpu", "%"),
                        ("due_query", ""),
                    )
                ),
            )

    def _beside_none(self, name: str, unit: str) -> str:
        values = (self.value(name), self.value(f"{name}_without"))
        return " / ".join(
            "" if value is None else f"{short(value)} {unit}".strip() for value in values
        )


_BURST_HEAD = (
    "",
    "due at once",
    "durable",
    "runs/s",
    "of the limit",
    "lateness p50",
    "p99",
    "missed",
)
_STANDING_HEAD = (
    "schedules",
    "start to first fire, with / without",
    "peak memory",
    "idle CPU of a core",
    "blocks touched to find what is due",
)


def rewrite(page: str, tables: Mapping[str, str]) -> str:
    """The page with the tables between their marks. Raises ValueError where a mark is absent."""
    for name, table in tables.items():
        mark = _MARK.format(name)
        before, found, rest = page.partition(mark)
        _, ended, after = rest.partition(_END)
        if not found or not ended:
            raise ValueError(f"the page has no {mark} … {_END}")
        page = f"{before}{mark}\n{table}\n{_END}{after}"
    return page


def draw(python: Path, published: Published, root: Path, target: Path) -> None:
    """Write the picture as PNG and SVG, by the interpreter of the peers' environment, which has matplotlib."""
    subprocess.run(
        [python, "-m", "bench.plot", target],
        input=json.dumps(published.pictured()),
        cwd=root,
        text=True,
        check=True,
    )


def _plain(title: str) -> str:
    return title.replace("*", "")


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{short(value)} s" if value >= 1 else f"{short(1_000 * value)} ms"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
