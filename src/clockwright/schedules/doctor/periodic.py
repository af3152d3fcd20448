"""The examination once in a while, by one node of all: whoever finds it due, holds it until it is done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from clockwright.audit.actions import Action, Category, Result
from clockwright.audit.trail import log_event
from clockwright.engine.ports import WorkflowResolver
from clockwright.schedules.doctor.examination import Examination
from clockwright.schedules.doctor.findings import Report, Summary
from clockwright.schedules.store.symptoms import Symptoms

NAME: Final = "doctor"

HOLD: Final = timedelta(minutes=10)
"""A node that has not ended an examination by then is taken for dead, and another begins anew."""

SAMPLE: Final = 5_000
"""Schedules read one by one in an examination; it takes their turn to all of them."""

_SOONEST = 1.0
_LATEST = 600.0


class PeriodicExamination:
    """A chore of every engine; one of them has it at a time. A step is a statement, or a page of schedules."""

    name = "examination"

    def __init__(self, store: Symptoms, resolver: WorkflowResolver, every: timedelta) -> None:
        self._store = store
        self._resolver = resolver
        self._every = every
        self._examination: Examination | None = None
        self._steps: Iterator[None] = iter(())

    def step(self, node_id: str) -> float:
        """Take it up where it is due, go on with it, or say when to ask again."""
        if self._examination is None:
            return self._take_up(node_id)
        examination = self._examination
        try:
            for _ in self._steps:
                return 0.0
        except BaseException:
            self._examination = None  # the hold runs out, and somebody tries again
            raise
        self._examination = None
        report = examination.report
        self._store.finish(NAME, node_id, examination.place, report.to_json(), self._every)
        _log(report, node_id)
        return self._within(self._every.total_seconds())

    def _take_up(self, node_id: str) -> float:
        turn = self._store.take_turn(NAME, node_id, HOLD)
        if not turn.is_taken:
            return self._within((turn.ask_again_at - turn.now).total_seconds())
        self._examination = Examination(self._store, self._resolver, turn.place, SAMPLE)
        self._steps = self._examination.steps()
        return 0.0

    @staticmethod
    def _within(seconds: float) -> float:
        """Not at once, and not so late that a shorter interval set elsewhere would go unseen."""
        return min(_LATEST, max(_SOONEST, seconds))


def last_summary(store: Symptoms) -> Summary | None:
    """What the last examination found; None before the first."""
    last = store.last(NAME)
    return None if last is None else Summary.of(last.finished_at, last.report)


def _log(report: Report, node_id: str) -> None:
    counts = {code: count for code, count in report.counts().items() if count}
    log_event(
        Category.SYSTEM,
        Action.EXAMINATION,
        result=Result.SUCCESS if report.is_well else Result.FAILURE,
        message="examined; `clockwright doctor` says more" if counts else "examined: all is well",
        schedules=report.schedules,
        examined=report.examined,
        findings=counts,
        node=node_id,
    )
