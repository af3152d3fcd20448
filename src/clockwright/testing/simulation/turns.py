"""Whose turn it is: of runs that are ready, none starts while one of a higher priority is left waiting."""

from __future__ import annotations

from uuid import UUID

from clockwright.engine.model import CLAIMABLE_STATES, Run, RunState
from clockwright.testing.simulation.server import Call


class Turns:
    """Knows what waits for a node, and looks at every call that gives runs to one."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, Run] = {}

    def look(self, call: Call) -> list[str]:
        """What is wrong with a call. A node that settles chooses among what it settles, and knows of nothing else."""
        begun: list[Run] = []
        made: set[UUID] = set()
        for old, new in call.runs:
            if new is None:
                continue
            if old is None:
                made.add(new.run_id)
            if new.state is RunState.RUNNING and (old is None or old.state is not new.state):
                begun.append(new)
            if new.state in CLAIMABLE_STATES:
                self._waiting[new.run_id] = new
            else:
                self._waiting.pop(new.run_id, None)
        if not begun:
            return []
        lowest = min(run.priority for run in begun)
        return [
            f"{run.run_id} of priority {run.priority} waits, and one of {lowest} begins"
            for run in self._waiting.values()
            if run.priority > lowest
            and run.ready_at is not None
            and run.ready_at <= call.now
            and (call.method != "settle_due" or run.run_id in made)
        ]
