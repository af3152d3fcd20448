"""`make bench`: measure Clockwright beside what the machine allows and what people use today, and write it all down.

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
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # started as a file, from wherever

from bench import figures, published  # noqa: E402
from bench.databases import PostgreSQL, SQLite  # noqa: E402
from bench.measurements import Named, Places, Sizes, everything, quick  # noqa: E402
from tools import environment, postgres, processes  # noqa: E402

LATEST = ROOT / "bench" / "results" / "latest.json"
PUBLISHED = ROOT / "bench" / "results" / "published.json"
PAGE = ROOT / "docs" / "explanation" / "benchmarks.md"
PICTURE = ROOT / "docs" / "images" / "benchmarks"


def main(arguments: Sequence[str]) -> int:
    """0: measured. 1: something would have been untrue. 2: cannot be measured as asked."""
    asked = _asked(arguments)
    if asked.redraw:
        complaints = _redraw()
        _say("\n".join(complaints) or f"{PAGE} shows what {PUBLISHED} says")
        return 1 if complaints else 0
    offered = everything(_sizes(asked))
    chosen = _chosen(asked, offered)
    if not chosen:
        _say(f"--only {' '.join(asked.only)} names nothing; there are: {', '.join(offered)}")
        return 2
    with processes.stopping_cleanly(), _places(asked.output.parent) as places:
        weak = places.server.undurable()
        if weak and not asked.forgetful:
            _say(
                f"This PostgreSQL forgets commits that it answered ({', '.join(weak)}), so nothing durable can be "
                "measured on it. Leave BENCH_DATABASE_URL and TEST_DATABASE_URL out to have one started, or add "
                "--forgetful to try the programs themselves."
            )
            return 2
        version = places.server.version()
        _say(f"{version}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
        complaints = _measure(chosen, places, asked, version)
    for complaint in complaints:
        _say(f"NOT MEASURED {complaint}")
    return 1 if complaints else 0


def _measure(chosen: Named, places: Places, asked: argparse.Namespace, version: str) -> list[str]:
    """Each in its turn, written down at once: a run that is cut short keeps what it has. Complaints."""
    is_public = asked.publish or not (asked.only or asked.quick or asked.forgetful)
    found: list[figures.Figure] = []
    complaints = []
    for name, measurement in chosen.items():
        since, taken = time.monotonic(), _taken(version)
        try:
            measured = measurement(places)
        except figures.Unmeasurable as problem:
            complaints.append(f"{name}: {problem}")
            continue
        finally:
            _say(f"{name}: {time.monotonic() - since:.0f} s")
        found += measured
        figures.write(found, asked.output)
        if is_public:
            published.merge(PUBLISHED, {name: (taken, measured)})
    figures.show(found)
    return complaints + (_redraw() if is_public else [])


def _sizes(asked: argparse.Namespace) -> Sizes:
    return Sizes(
        schedules=asked.schedules,
        large=asked.large,
        standing=asked.standing,
        huge=asked.huge,
        rounds=asked.rounds or (1 if asked.quick else 2),
        rate=asked.rate,
        window=asked.window or (2.0 if asked.quick else 20.0),
        idle=2.0 if asked.quick else 8.0,
        forecast=asked.forecast or (100_000 if asked.quick else 1_000_000),
        cap=asked.cap,
        with_slow_peers=asked.slow_peers,
    )


def _chosen(asked: argparse.Namespace, offered: Named) -> Named:
    if not asked.only:
        return quick(_sizes(asked)) if asked.quick else offered
    return {
        name: measurement
        for name, measurement in offered.items()
        if any(
            name == start or (start not in offered and _overlap(name, start))
            for start in asked.only
        )
    }


def _overlap(one: str, other: str) -> bool:
    """Whether one is the beginning of the other: a measurement and the start of a figure's name."""
    return one.startswith(other) or other.startswith(f"{one}_")


def _taken(version: str) -> published.Taken:
    return published.Taken(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        cpus=os.cpu_count() or 1,
        python=platform.python_version(),
        database=version,
        load=round(os.getloadavg()[0], 1),
    )


def _redraw() -> list[str]:
    """Bring the page and its picture up to what was measured; complaints."""
    now = published.Published(PUBLISHED)
    PAGE.write_text(published.rewrite(PAGE.read_text(), now.tables()))
    try:
        python = environment.ensure_peers() / "bin" / "python"
    except environment.SetupError as problem:
        return [f"the picture: {problem}"]
    published.draw(python, now, ROOT, PICTURE)
    return []


@contextlib.contextmanager
def _places(results: Path) -> Iterator[Places]:
    """The server that the environment names, or one of our own; a folder for the rest. All gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cw-bench-")))
        url = os.environ.get("BENCH_DATABASE_URL")
        if not url:
            url = stack.enter_context(postgres.running(postgres.DURABLE)).url
        server = PostgreSQL(folder, url)
        stack.callback(server.close)
        results.mkdir(parents=True, exist_ok=True)
        yield Places(server=server, lite=SQLite(folder), results=results)


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    flag, number = partial(parser.add_argument, action="store_true"), parser.add_argument
    flag("--quick", help="one round of the main ones without peers, in about two minutes")
    parser.add_argument(
        "--only", action="append", default=[], metavar="START", help="figures whose names start so"
    )
    number("--schedules", type=int, default=10_000, help="due at once (w1)")
    number("--large", type=int, default=100_000, help="due at once, the second size (w1)")
    number("--standing", type=int, default=100_000, help="that wait (w3)")
    number("--huge", type=int, default=1_000_000, help="that wait, the second size (w3)")
    number("--rate", type=int, default=1_000, help="fires a second (w2)")
    number("--window", type=float, default=0, metavar="SECONDS", help="how long (w2)")
    number("--forecast", type=int, default=0, help="counted for a day (forecast)")
    number("--rounds", type=int, default=0, help="how often each is repeated")
    number("--cap", type=float, default=60, metavar="SECONDS", help="how long a peer may take (w1)")
    flag(
        "--slow-peers",
        help="the second size for all peers; those that commit each run for itself take up to ten minutes each",
    )
    flag("--publish", help="also put what --only measures into the documentation")
    parser.add_argument("--output", type=Path, default=LATEST)
    flag(
        "--redraw",
        help="measure nothing; the page and its picture from bench/results/published.json",
    )
    flag("--forgetful", help="accept a PostgreSQL that forgets commits")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    """Progress goes to stderr; stdout belongs to results."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (KeyboardInterrupt, processes.Interrupted):
        sys.exit(130)
