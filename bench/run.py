"""`make bench`: measure Clockwright beside what the machine allows, and write the figures down.

Ratios of one run say something; absolute figures of two runs or two machines do not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # started as a file, from wherever

from bench import burst, figures, forecasts, rules, standing  # noqa: E402
from bench.databases import PostgreSQL, SQLite  # noqa: E402
from tools import postgres, processes  # noqa: E402

LATEST = ROOT / "bench" / "results" / "latest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of each."""

    schedules: int
    standing: int
    rounds: int
    idle: float
    forecast: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The databases that are measured on."""

    server: PostgreSQL
    lite: SQLite


Measurement = Callable[[Places], list[figures.Figure]]


def main(arguments: Sequence[str]) -> int:
    """0: measured. 1: something would have been untrue. 2: cannot be measured as asked."""
    asked = _asked(arguments)
    sizes = Sizes(
        schedules=asked.schedules,
        standing=asked.standing,
        rounds=asked.rounds or (1 if asked.quick else 3),
        idle=2.0 if asked.quick else 8.0,
        forecast=asked.forecast or (100_000 if asked.quick else 1_000_000),
    )
    measurements = _measurements(sizes)
    chosen = {
        name: measurement
        for name, measurement in measurements.items()
        if not asked.only or any(_overlap(name, start) for start in asked.only)
    }
    if not chosen:
        _say(f"--only {' '.join(asked.only)} names nothing; there are: {', '.join(measurements)}")
        return 2
    with processes.stopping_cleanly(), _places() as places:
        weak = places.server.undurable()
        if weak and not asked.forgetful:
            _say(
                f"This PostgreSQL forgets commits that it answered ({', '.join(weak)}), so nothing durable can be "
                "measured on it. Leave BENCH_DATABASE_URL and TEST_DATABASE_URL out to have one started, or add "
                "--forgetful to try the programs themselves."
            )
            return 2
        _say(
            f"{places.server.version()}, Python {platform.python_version()}, {os.cpu_count()} CPUs"
        )
        return _measure(chosen, places, asked.output)


def _measurements(sizes: Sizes) -> dict[str, Measurement]:
    """By the name with which its figures begin."""
    count, rounds = sizes.schedules, sizes.rounds
    return {
        f"w1_burst_postgresql_{count}": lambda at: burst.measure(at.server, count, rounds),
        f"w1_burst_sqlite_{count}": lambda at: burst.measure(at.lite, count, rounds),
        f"w3_standing_{sizes.standing}": lambda at: standing.measure(
            at.server, sizes.standing, max(1, rounds - 1), sizes.idle
        ),
        "recurrence": lambda _: rules.measure(2 * rounds + 1),
        f"forecast_{sizes.forecast}": lambda _: forecasts.measure(sizes.forecast),
    }


def _overlap(one: str, other: str) -> bool:
    """Whether one is the beginning of the other: a measurement and the start of a figure's name."""
    return one.startswith(other) or other.startswith(one)


def _measure(chosen: dict[str, Measurement], places: Places, output: Path) -> int:
    found: list[figures.Figure] = []
    complaints = []
    for name, measurement in chosen.items():
        since = time.monotonic()
        try:
            found += measurement(places)
        except figures.Unmeasurable as problem:
            complaints.append(f"{name}: {problem}")
        _say(f"{name}: {time.monotonic() - since:.0f} s")
    figures.show(found)
    figures.write(found, output)
    for complaint in complaints:
        _say(f"NOT MEASURED {complaint}")
    return 1 if complaints else 0


@contextlib.contextmanager
def _places() -> Iterator[Places]:
    """The server that the environment names, or one of our own; a folder for the rest. All gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cw-bench-")))
        url = os.environ.get("BENCH_DATABASE_URL")
        if not url:
            url = stack.enter_context(postgres.running(postgres.DURABLE)).url
        server = PostgreSQL(folder, url)
        stack.callback(server.close)
        yield Places(server=server, lite=SQLite(folder))


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of each, in about a minute")
    parser.add_argument(
        "--only", action="append", default=[], metavar="START", help="figures whose names start so"
    )
    parser.add_argument("--schedules", type=int, default=10_000, help="due at once (w1)")
    parser.add_argument("--standing", type=int, default=100_000, help="that wait (w3)")
    parser.add_argument("--forecast", type=int, default=0, help="counted for a day (forecast)")
    parser.add_argument("--rounds", type=int, default=0, help="how often each is repeated")
    parser.add_argument("--output", type=Path, default=LATEST)
    parser.add_argument(
        "--forgetful", action="store_true", help="accept a PostgreSQL that forgets commits"
    )
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    """Progress goes to stderr; stdout belongs to results."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (KeyboardInterrupt, processes.Interrupted):
        sys.exit(130)
