"""Everything that `make bench` measures, by the name with which its figures begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import beside, burst, casts, figures, forecasts, rules, standing, steady
from bench.databases import PostgreSQL, SQLite

NODES = (2, 4)
CELERY_SHARE = 10
"""Through a queue each run is a message and transactions of its own: a tenth of the burst takes as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of each."""

    schedules: int
    large: int
    standing: int
    huge: int
    rounds: int
    rate: int
    window: float
    idle: float
    forecast: int
    cap: float
    with_slow_peers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The databases that are measured on, and the folder of results."""

    server: PostgreSQL
    lite: SQLite
    results: Path


Measurement = Callable[[Places], list[figures.Figure]]
Named = dict[str, Measurement]


def quick(sizes: Sizes) -> Named:
    """One of each kind, and no peers."""
    count, rounds = sizes.schedules, sizes.rounds
    return {
        f"w1_burst_postgresql_{count}": lambda at: burst.measure(at.server, count, rounds),
        f"w1_burst_sqlite_{count}": lambda at: burst.measure(at.lite, count, rounds),
        f"w2_steady_postgresql_{sizes.rate}": partial(_steady, sizes, steady.EVEN),
        f"w3_standing_{sizes.standing}": partial(_standing, sizes, sizes.standing),
        "recurrence": lambda _: rules.measure(2 * rounds + 1),
        f"forecast_{sizes.forecast}": lambda _: forecasts.measure(sizes.forecast),
    }


def everything(sizes: Sizes) -> Named:
    """The quick ones first, so that a run cut short still has the main figures."""
    count, large = sizes.schedules, sizes.large
    fewer = max(1, count // CELERY_SHARE)
    several = max(1, sizes.rounds - 1)
    return quick(sizes) | {
        f"w1_burst_postgresql_{large}": lambda at: burst.measure(at.server, large, 1),
        f"w1_burst_sqlite_{large}": lambda at: burst.measure(at.lite, large, 1),
        f"w1_nodes_postgresql_{count}": lambda at: burst.measure_nodes(
            at.server, count, several, NODES
        ),
        f"w1_burst_celery_{fewer}": lambda at: burst.measure(at.server, fewer, 1, casts.CELERY),
        f"w2_seconds_postgresql_{sizes.rate}": partial(_steady, sizes, steady.SECONDS),
        f"w3_standing_{sizes.huge}": partial(_standing, sizes, sizes.huge),
        **_peers(sizes),
    }


def _peers(sizes: Sizes) -> Named:
    found: Named = {}
    for peer in beside.PEERS:
        for count in (sizes.schedules, sizes.large):
            is_slow = count > max(peer.largest, sizes.schedules)
            if not is_slow or sizes.with_slow_peers:
                cap = sizes.cap * (count / sizes.schedules if is_slow else 1)
                found[f"w1_burst_{peer.name}_{count}"] = partial(_burst, peer, count, cap)
    for peer in beside.PEERS:
        if peer.is_steady:
            found[f"w2_steady_{peer.name}_{sizes.rate}"] = partial(_peer_steady, sizes, peer)
    return found


def _burst(peer: beside.Peer, count: int, cap: float, at: Places) -> list[figures.Figure]:
    return beside.measure_burst(at.server, peer, count, cap)


def _peer_steady(sizes: Sizes, peer: beside.Peer, at: Places) -> list[figures.Figure]:
    return beside.measure_steady(at.server, peer, sizes.rate, sizes.window)


def _steady(sizes: Sizes, spread: str, at: Places) -> list[figures.Figure]:
    rounds = max(1, sizes.rounds - 1)  # each has thousands of runs to take percentiles of
    return steady.measure(at.server, sizes.rate, sizes.window, rounds, spread)


def _standing(sizes: Sizes, count: int, at: Places) -> list[figures.Figure]:
    rounds = max(1, sizes.rounds - 1) if count == sizes.standing else 1
    return standing.measure(at.server, count, rounds, sizes.idle, at.results)
