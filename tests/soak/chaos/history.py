"""The steps of every run, as the database's trigger saw them: only allowed ones, only by who held the run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clockwright.engine.model import FINAL_STATES, TRANSITIONS, RunState
from tests.soak.chaos.observer import Books, Step

Histories = Mapping[str, Sequence[Step]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """An attempt that was taken from its node, which had it since then, and when the run was claimed anew or ended."""

    run_id: str
    attempt: int
    node: str
    since: datetime
    at: datetime
    claimed_at: datetime


def histories(books: Books) -> Histories:
    """The steps of each run in their order."""
    by_run: dict[str, list[Step]] = defaultdict(list)
    for step in books.steps:
        by_run[step.run_id].append(step)
    return by_run


def complaints(books: Books, known: Histories) -> Iterator[str]:
    """What should not have happened."""
    for row in books.rows:
        steps = known.get(row.run_id, ())
        if not steps or steps[0].was is not None:
            yield f"run {row.run_id} has no beginning"
            continue
        problem = _problem(steps)
        if problem:
            yield f"run {row.run_id} {problem}: {steps}"
        last = steps[-1]
        if (last.state, last.attempt) != (row.status, row.attempt):
            yield f"run {row.run_id} is {row.status} after {last}"
    strangers = known.keys() - {row.run_id for row in books.rows}
    yield from (f"run {run_id} is in no ledger" for run_id in strangers)


def _problem(steps: Sequence[Step]) -> str | None:
    """The first rule that was broken, if any."""
    holder: Step | None = None
    before: Step | None = None
    for step in steps:
        if before is not None and not _is_allowed(before, step):
            return f"went from {before.state} to {step.state}"
        if step.state == RunState.RUNNING:
            if step.attempt != (before.attempt if before else 0) + 1:
                return "was claimed without a new attempt"
            holder = step
        elif step.was == RunState.RUNNING and (
            holder is None or (holder.attempt, holder.node) != (step.attempt, step.node)
        ):
            return "was ended by somebody who did not hold it"
        before = step
    ends = sum(RunState(step.state) in FINAL_STATES for step in steps)
    return None if ends == 1 else f"has {ends} ends"


def _is_allowed(before: Step, step: Step) -> bool:
    return step.was == before.state and RunState(step.state) in TRANSITIONS[RunState(before.state)]


def takeovers(known: Histories) -> Iterator[Takeover]:
    """Each attempt whose node was declared dead."""
    for run_id, steps in known.items():
        for place, step in enumerate(steps):
            if step.was != RunState.RUNNING or not _is_takeover(steps[place - 1], step):
                continue
            claim = next((s for s in steps[place + 1 :] if s.state == RunState.RUNNING), step)
            yield Takeover(
                run_id=run_id,
                attempt=step.attempt,
                node=step.node or "",
                since=steps[place - 1].at,
                at=step.at,
                claimed_at=claim.at,
            )


def _is_takeover(before: Step, step: Step) -> bool:
    return step.state == RunState.LOST or step.takeovers > before.takeovers
