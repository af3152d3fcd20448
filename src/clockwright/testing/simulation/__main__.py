"""`python -m clockwright.testing.simulation SEED` or `FIRST-LAST`: exit code 1 when an invariant was violated.

`--without GUARD` (fence, unique or version) removes a guard from the store, to see what it is good for.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from time import perf_counter

from clockwright.testing.simulation.guards import Guard
from clockwright.testing.simulation.many import simulate_many
from clockwright.testing.simulation.simulation import simulate


def main(arguments: Sequence[str]) -> int:
    """Replay one seed, or go through a range of them."""
    parser = ArgumentParser(prog="python -m clockwright.testing.simulation")
    parser.add_argument("seeds", type=_seeds, help="a number, or two with a dash between them")
    parser.add_argument("--without", type=Guard, action="append", default=[], help="a guard")
    try:
        asked = parser.parse_args(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    if isinstance(asked.seeds, int):
        report = simulate(asked.seeds, removed=asked.without)
        sys.stdout.write(f"{report}\n")
        return 0 if report.is_clean else 1
    began = perf_counter()
    summary = simulate_many(asked.seeds, removed=asked.without)
    for failed in summary.failed:
        sys.stdout.write(f"{failed}\n\n")
    rate = summary.seeds / (perf_counter() - began)
    sys.stdout.write(f"{summary}; {rate:.0f} seeds a second\n")
    return 0 if summary.is_clean else 1


def _seeds(text: str) -> int | range:
    """One seed, or a range with both ends in it."""
    first, dash, last = text.partition("-")
    return range(int(first), int(last) + 1) if dash else int(first)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
