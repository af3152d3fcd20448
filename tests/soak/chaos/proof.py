"""All that a run of the chaos has to show: one verdict, and the figures."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.chaos import effects as deeds_of
from tests.soak.chaos import history
from tests.soak.chaos.drama import Death, Diary
from tests.soak.chaos.ledger import account
from tests.soak.chaos.observer import Books
from tests.soak.chaos.plan import Planned, Size

TAKEOVER_SECONDS = 20.0
SHOWN = 10


@dataclass(slots=True, kw_only=True)
class Delay:
    """Seconds from the death of a node until a run of its was claimed anew.

    `alone`: those of them in which the database was away or no node was there that could have done it.
    """

    seconds: float
    alone: float


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What one fleet lived through and what came of it."""

    nodes: int
    database: str
    seed: int
    schedules: int
    fires: int
    rows: int
    seconds: float
    faults: dict[str, int]
    lost: int
    doubled: int
    unfinished: int
    states: dict[str, int]
    called: int
    called_again: int
    once: int
    once_doubled: int
    late: int
    late_recorded: int
    takeovers: int
    takeovers_of_others: int
    takeover_p50: float
    takeover_p99: float
    takeover_longest: float
    false_starts: int
    complaints: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every promise was kept."""
        return not self.complaints

    def as_json(self) -> dict[str, Any]:
        """Of a fixed shape."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the verdict is made of. `up`: when each worker was there, as far as could be told."""

    size: Size
    database: str
    planned: Sequence[Planned]
    books: Books
    diary: Diary
    up: Sequence[tuple[float, float]]
    folder: Path


def judge(evidence: Evidence) -> Verdict:
    """Compare everything with everything."""
    books, diary, size = evidence.books, evidence.diary, evidence.size
    ledger, known = account(evidence.planned, books), history.histories(books)
    taken = list(history.takeovers(known))
    deeds = deeds_of.compare(books.rows, known, taken, deeds_of.read(evidence.folder))
    verdict = Verdict(
        nodes=size.nodes,
        database=evidence.database,
        seed=size.seed,
        schedules=len(evidence.planned),
        fires=ledger.fire_times,
        rows=ledger.rows,
        seconds=round(diary.finished_at - evidence.planned[0].start.timestamp(), 1),
        faults=dict(Counter(str(fault) for _, fault, _ in diary.struck)),
        lost=ledger.lost,
        doubled=ledger.doubled,
        unfinished=ledger.unfinished,
        states=dict(ledger.states.most_common()),
        called=deeds.begun,
        called_again=deeds.repeated,
        once=deeds.once,
        once_doubled=deeds.once_doubled,
        late=deeds.late,
        late_recorded=deeds.late_recorded,
        **_times([_delay(one, diary, evidence.up) for one in taken]),
        false_starts=diary.false_starts,
        complaints=[
            *diary.complaints,
            *_few(ledger.complaints),
            *_few(history.complaints(books, known)),
            *_few(deeds.complaints),
        ],
    )
    verdict.complaints += _broken_promises(verdict)
    return verdict


def _times(delays: Sequence[Delay | None]) -> dict[str, Any]:
    """The figures of the takeovers; None is one of a node to which nothing had been done."""
    known = [delay for delay in delays if delay is not None]
    net = sorted(delay.seconds - delay.alone for delay in known)
    return {
        "takeovers": len(delays),
        "takeovers_of_others": len(delays) - len(known),
        "takeover_p50": _quantile(net, 0.5),
        "takeover_p99": _quantile(net, 0.99),
        "takeover_longest": round(max((delay.seconds for delay in known), default=0.0), 2),
    }


def _broken_promises(verdict: Verdict) -> list[str]:
    must_be_none = ("lost", "doubled", "unfinished", "once_doubled", "late_recorded")
    broken = [f"{name}: {getattr(verdict, name)}" for name in must_be_none if getattr(verdict, name)]  # fmt: skip
    if verdict.takeover_p99 > TAKEOVER_SECONDS:
        broken.append(f"of 100 takeovers one takes longer than {TAKEOVER_SECONDS} s")
    return broken


def _delay(
    taken: history.Takeover, diary: Diary, up: Iterable[tuple[float, float]]
) -> Delay | None:
    """How long that took; None where nothing had been done to the node."""
    pid, at = deeds_of.process_of(taken.node), taken.at.timestamp()
    died = _latest(diary.deaths, lambda death: death.pid == pid and death.at <= at)
    if died is None:
        return None
    # one that stood still may claim something when it wakes, before it learns that it was declared dead
    since, until = max(died.at, taken.since.timestamp()), taken.claimed_at.timestamp()
    return Delay(seconds=until - since, alone=_alone(since, until, diary.away, up))


def _latest(deaths: Iterable[Death], suits: Callable[[Death], bool]) -> Death | None:
    return max(filter(suits, deaths), key=lambda death: death.at, default=None)


def _alone(
    since: float,
    until: float,
    away: Iterable[tuple[float, float]],
    up: Iterable[tuple[float, float]],
) -> float:
    """Of a stretch of time, how much of it nobody could do anything in."""
    ends = {since, until}
    clipped = [(max(a, since), min(b, until)) for a, b in up if a < until and b > since]
    gone = [(max(a, since), min(b, until)) for a, b in away if a < until and b > since]
    ends.update(end for span in (*clipped, *gone) for end in span)
    marks = sorted(ends)
    total = 0.0
    for left, right in itertools.pairwise(marks):
        middle = (left + right) / 2
        is_there = any(a <= middle < b for a, b in clipped)
        is_away = any(a <= middle < b for a, b in gone)
        total += right - left if is_away or not is_there else 0.0
    return total


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The value that so many of them do not exceed; 0 where there is none."""
    if not ordered:
        return 0.0
    place = max(0, -(-len(ordered) * share // 1) - 1)
    return round(ordered[int(place)], 2)


def _few(complaints: Iterable[str]) -> list[str]:
    every = list(complaints)
    rest = len(every) - SHOWN
    return every[:SHOWN] + ([f"… and {rest} more like these"] if rest > 0 else [])
