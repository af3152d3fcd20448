"""What a seed says: which schedules there are, and which faults happen when. Pure."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from clockwright.engine.model import CatchUp, Overlap, Policy
from clockwright.recurrence import CronFields, Interval, Recurrence

LEASE = timedelta(seconds=15)
"""The product's default."""

PERIODS = (1, 2, 3, 5)
_TICK = timedelta(microseconds=1)


class Fault(StrEnum):
    """What is done to a worker, or to the database."""

    KILL = "SIGKILL of a worker"
    FREEZE = "SIGSTOP longer than the lease"
    DRAIN = "SIGTERM to a worker"
    CUT = "connections terminated"
    FAST = "database: fast shutdown"
    IMMEDIATE = "database: immediate shutdown"
    POSTMASTER = "database: SIGKILL of its parent process"


OF_WORKERS = (Fault.KILL, Fault.FREEZE, Fault.DRAIN)
OF_DATABASES = (Fault.FAST, Fault.IMMEDIATE, Fault.POSTMASTER)
_WEIGHTS = {
    Fault.KILL: 40,
    Fault.FREEZE: 20,
    Fault.DRAIN: 12,
    Fault.CUT: 10,
    Fault.FAST: 6,
    Fault.IMMEDIATE: 6,
    Fault.POSTMASTER: 6,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything; with the same one the plan is the same."""

    seed: int
    nodes: int
    fires: int
    faults: int
    seconds: int
    lease: timedelta = LEASE
    has_server: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One fault: so long after the start, on whom (a share of those there are), for how long."""

    at: timedelta
    fault: Fault
    choice: float
    lasts: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Schedules of one sort. `must_run`: not one of its fire times may be skipped or missed."""

    name: str
    function: str
    policy: Policy
    must_run: bool = True
    seconds: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A schedule: `key` names it in the database, too. Its fire times lie in `[start, end]`."""

    key: str
    sort: Sort
    recurrence: Recurrence
    policy: Policy
    start: datetime
    end: datetime
    context: dict[str, float] = field(default_factory=dict)

    def fire_times(self) -> list[datetime]:
        """All of them, by the rule alone."""
        return list(self.recurrence.between(self.start - _TICK, self.end))


def _all(**policy: object) -> Policy:
    """Every fire time runs, however late."""
    every: dict[str, object] = {
        "grace": None,
        "catch_up": CatchUp.ALL,
        "overlap": Overlap.ALLOW,
        "retry_backoff": timedelta(seconds=1),
    }
    return Policy(**(every | policy))  # type: ignore[arg-type]


_CROWDS = {
    Sort(name="instant", function="chaos.instant", policy=_all()): 52,
    Sort(name="plain", function="chaos.plain", policy=_all()): 14,
    Sort(name="once", function="chaos.once", policy=_all()): 10,
    Sort(name="moody", function="chaos.moody", policy=_all()): 4,
    Sort(name="jitter", function="chaos.instant", policy=_all(jitter=timedelta(seconds=3))): 5,
    Sort(name="grace", function="chaos.instant", policy=_all(grace=timedelta(seconds=4)), must_run=False): 5,
    Sort(name="latest", function="chaos.instant", policy=_all(catch_up=CatchUp.LATEST), must_run=False): 5,
    Sort(name="none", function="chaos.plain", policy=_all(catch_up=CatchUp.NONE), must_run=False): 3,
    Sort(name="limited", function="chaos.instant", policy=_all(), must_run=False): 2,
}  # fmt: skip
"""Sorts by their share of the fire times, in percent."""


def _slow(overlap: Overlap, function: str, seconds: tuple[float, float]) -> Sort:
    return Sort(
        name=f"{function.removeprefix('chaos.')}-{overlap.value}",
        function=function,
        policy=_all(overlap=overlap, max_instances=1),
        must_run=overlap in {Overlap.ALLOW, Overlap.BUFFER_ALL},
        seconds=seconds,
    )


_LONG = (
    _slow(Overlap.SKIP, "chaos.slow", (2, 5)),
    _slow(Overlap.BUFFER_ONE, "chaos.slow_plain", (2, 5)),
    _slow(Overlap.CANCEL_RUNNING, "chaos.slow", (4, 6)),
    _slow(Overlap.ALLOW, "chaos.slow_once", (1, 3)),
    _slow(Overlap.BUFFER_ALL, "chaos.slow", (1, 3)),
    _slow(Overlap.ALLOW, "chaos.process", (1, 2)),
)
"""Sorts of which there is one schedule for each pair of nodes: a node that is left alone has slots for all of them."""

LONG_PERIOD = 5


def schedules(size: Size, start: datetime) -> list[Planned]:
    """At least `size.fires` fire times, spread evenly over `size.seconds` from `start` on."""
    source = random.Random(f"{size.seed} schedules")
    end = start + timedelta(seconds=size.seconds - 1)
    planned = list(_long_ones(size, start, end, source))
    left = size.fires - sum(len(one.fire_times()) for one in planned)
    for sort, share in _CROWDS.items():
        wanted = left * share // 100 + 1
        while wanted > 0:
            one = _crowd_member(sort, len(planned), start, end, source)
            planned.append(one)
            wanted -= min(len(one.fire_times()), one.policy.max_executions or size.fires)
    return planned


def _long_ones(
    size: Size, start: datetime, end: datetime, source: random.Random
) -> Iterator[Planned]:
    for number, sort in itertools.product(range((size.nodes + 1) // 2), _LONG):
        low, high = sort.seconds or (0, 0)
        offset = timedelta(seconds=source.randrange(LONG_PERIOD))
        yield Planned(
            key=f"{sort.name}-{number}",
            sort=sort,
            recurrence=Interval(seconds=LONG_PERIOD, anchor=start + offset),
            policy=sort.policy,
            start=start,
            end=end,
            context={"seconds": round(source.uniform(low, high), 2)},
        )


def _crowd_member(
    sort: Sort, number: int, start: datetime, end: datetime, source: random.Random
) -> Planned:
    period, policy = source.choice(PERIODS), sort.policy
    rule: Recurrence = Interval(
        seconds=period, anchor=start + timedelta(seconds=source.randrange(period))
    )
    if source.random() < 0.3:  # a minute has 60 seconds: these are as frequent
        rule = CronFields("Europe/Berlin", second=f"{source.randrange(period)}/{period}")
    if sort.name == "limited":
        policy = _all(max_executions=max(1, int((end - start).total_seconds()) // period // 2))
    return Planned(
        key=f"{sort.name}-{number}",
        sort=sort,
        recurrence=rule,
        policy=policy,
        start=start,
        end=end,
    )


def strikes(size: Size) -> list[Strike]:
    """In the order of time, spread over what has fire times; each kind of fault there is room for occurs."""
    source = random.Random(f"{size.seed} faults")
    possible = [
        fault for fault in Fault if size.has_server or fault in {Fault.KILL, Fault.DRAIN, Fault.FREEZE}
    ]  # fmt: skip
    chosen = _chosen(possible, size.faults, source)
    first, last = min(3.0, 0.2 * size.seconds), 0.95 * size.seconds
    step = (last - first) / max(1, size.faults)
    return [
        Strike(
            at=timedelta(seconds=first + (place + source.random()) * step),
            fault=fault,
            choice=source.random(),
            lasts=_lasts(fault, size, source),
        )
        for place, fault in enumerate(chosen)
    ]


def _chosen(possible: Sequence[Fault], count: int, source: random.Random) -> list[Fault]:
    weights = [_WEIGHTS[fault] for fault in possible]
    chosen = list(possible[:count])
    chosen += source.choices(possible, weights, k=count - len(chosen))
    source.shuffle(chosen)
    return chosen


def _lasts(fault: Fault, size: Size, source: random.Random) -> timedelta:
    """How long until a worker is started again or continued, or the database is back."""
    if fault is Fault.FREEZE:
        return size.lease + timedelta(seconds=source.uniform(1, 4) * size.lease / LEASE)
    if fault in OF_DATABASES:
        return timedelta(seconds=source.uniform(0, 3))
    return timedelta(seconds=source.uniform(0.2, 2))
