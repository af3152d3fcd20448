"""Prometheus metrics: what engines of this process did, and how the installation stands at the moment of asking."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter as Counted
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import DatabaseError
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from clockwright import __version__
from clockwright.engine.clock import utc_now
from clockwright.engine.events import (
    Event,
    Listener,
    LoopFailed,
    NodeTakenOver,
    OutcomeRefused,
    RunEnded,
    RunsClaimed,
    SchedulesSettled,
)
from clockwright.engine.model import Reason, RunState, Trigger

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()


class GroupHistogram(Histogram):
    """A histogram that takes many values at once: a node ends thousands of runs a second."""

    def observe_all(self, values: Sequence[float]) -> None:
        """The same as `observe` with each of them."""
        bounds = self._upper_bounds
        self._sum.inc(sum(values))
        for place, count in Counted([bisect_left(bounds, value) for value in values]).items():
            self._buckets[place].inc(count)


_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3_600)
_RUNS = Counter(
    "clockwright_runs",
    "Fire times and other runs by the final state they reached, and why.",
    ("state", "reason"),
    registry=REGISTRY,
)
_LATENESS = GroupHistogram(
    "clockwright_run_lateness_seconds",
    "From the fire time to the start of the first attempt.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
_DURATION = GroupHistogram(
    "clockwright_run_duration_seconds",
    "How long attempts took.",
    ("state",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
_RETRIES = Counter(
    "clockwright_retries", "Attempts that failed and are tried again.", registry=REGISTRY
)
_SETTLED = Counter("clockwright_settles", "Schedules settled.", registry=REGISTRY)
_CLAIMED = Counter("clockwright_claims", "Runs claimed by this node.", registry=REGISTRY)
_TAKEN_OVER = Counter(
    "clockwright_takeovers", "Runs taken from dead nodes.", ("outcome",), registry=REGISTRY
)
_REFUSED = Counter(
    "clockwright_outcomes_refused", "Late outcomes that met a closed fence.", registry=REGISTRY
)
_FAILED = Counter(
    "clockwright_loop_failures", "Passes of a loop that raised.", ("loop",), registry=REGISTRY
)


class EngineMetrics(Listener):
    """Counts what happens in an engine."""

    def __call__(self, event: Event) -> None:
        """One event."""
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(event)

    def hear_all(self, events: Sequence[Event]) -> None:
        """Runs that ended together and alike are counted together."""
        groups: defaultdict[tuple[RunState, Reason | None], list[RunEnded]] = defaultdict(list)
        for event in events:
            if isinstance(event, RunEnded):
                groups[event.outcome.state, event.outcome.reason].append(event)
            else:
                self(event)
        for (state, reason), group in groups.items():
            _count_ended(state, reason, group)


observe_engine_event = EngineMetrics()
"""Subscribe this to an engine's events: `engine.events.subscribe(observe_engine_event)`."""


def _settled(event: SchedulesSettled) -> None:
    _SETTLED.inc(len(event.settlements))
    for settlement in event.settlements:
        for verdict in settlement.verdicts:
            if verdict.state.is_final:
                _RUNS.labels(verdict.state, verdict.reason or "").inc(verdict.covers_count)


def _count_ended(state: RunState, reason: Reason | None, events: Sequence[RunEnded]) -> None:
    took = _DURATION.labels(state)
    took.observe_all([max(0.0, event.duration.total_seconds()) for event in events])
    timely = [e for e in events if e.claim.attempt == 1 and e.claim.trigger is not Trigger.BACKFILL]
    if timely:
        _LATENESS.observe_all([max(0.0, event.lateness.total_seconds()) for event in timely])
    if state is RunState.RETRYING:
        _RETRIES.inc(len(events))
    else:
        _RUNS.labels(state, reason or "").inc(len(events))


def _taken_over(event: NodeTakenOver) -> None:
    for _, state in event.runs:
        _TAKEN_OVER.labels(state).inc()
        if state is RunState.LOST:
            _RUNS.labels(state, "crashed_node").inc()


_HANDLERS: dict[type[Event], Callable[[Any], None]] = {
    SchedulesSettled: _settled,
    RunEnded: lambda event: _count_ended(event.outcome.state, event.outcome.reason, [event]),
    NodeTakenOver: _taken_over,
    RunsClaimed: lambda event: _CLAIMED.inc(len(event.claims)),
    OutcomeRefused: lambda _: _REFUSED.inc(),
    LoopFailed: lambda event: _FAILED.labels(event.loop).inc(),
}


class Standing(Collector):
    """What the database says now; the same from every process, and therefore asked instead of counted."""

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        info = GaugeMetricFamily("clockwright_build_info", "The version.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        try:
            found = [*_standing(), *_examined()]
        except DatabaseError:
            yield _gauge("clockwright_database_up", "Whether the database answers.", 0)
            return
        yield _gauge("clockwright_database_up", "Whether the database answers.", 1)
        yield from found


def _standing() -> list[Metric]:
    from clockwright.api import selectors  # an engine's process counts without the API
    from clockwright.schedules.selectors import count_active

    now = utc_now()
    due = selectors.longest_due(now)
    waits = 0.0 if due is None else (now - due).total_seconds()
    return [
        _gauge(
            "clockwright_active_schedules",
            "Schedules with a fire time to come.",
            count_active(),
        ),
        _gauge(
            "clockwright_nodes_alive", "Engine processes with a lease.", selectors.nodes_alive(now)
        ),
        _gauge("clockwright_runs_waiting", "Runs that wait for a node.", selectors.count_waiting()),
        _gauge(
            "clockwright_longest_due_seconds",
            "How long the longest due schedule has waited.",
            waits,
        ),
    ]


def _examined() -> list[Metric]:
    """The last examination of the schedules; no samples before the first."""
    from clockwright.schedules import stores
    from clockwright.schedules.doctor.periodic import last_summary

    found = GaugeMetricFamily(
        "clockwright_findings",
        "What the last examination of the schedules found, by code.",
        labels=["code"],
    )
    ended = GaugeMetricFamily(
        "clockwright_examined_timestamp_seconds", "When the last examination ended.", labels=[]
    )
    summary = last_summary(stores.symptoms())
    if summary is not None:
        for code, count in summary.counts.items():
            found.add_metric([code], count)
        ended.add_metric([], summary.finished_at.timestamp())
    return [found, ended]


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def exposition() -> bytes:
    """The metrics as text; with PROMETHEUS_MULTIPROC_DIR of all processes that share that folder."""
    standing = CollectorRegistry()
    standing.register(Standing())
    counted = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return generate_latest(counted) + generate_latest(standing)
