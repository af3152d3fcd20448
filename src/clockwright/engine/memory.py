"""A store in memory: the meaning of a store in the fewest lines, and the one to test against.

One lock makes every call a transaction. Nothing survives the process.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from clockwright.engine.lifecycle import amended, begun
from clockwright.engine.memory_ledger import PENDING, MemoryLedger, in_transaction
from clockwright.engine.model import (
    ACTIVE_STATES,
    MAX_TAKEOVERS,
    Node,
    Reason,
    Run,
    RunState,
    Schedule,
    ScheduleStatus,
    Settlement,
    Situation,
    Takeover,
    Trigger,
    Verdict,
)
from clockwright.engine.ports import (
    Amendment,
    DuplicateKey,
    Settled,
    Share,
)
from clockwright.engine.settle import settle


class MemoryStore(MemoryLedger):
    """Every method is documented at `clockwright.engine.ports.Store`."""

    settles_side_by_side = False

    @in_transaction
    def add_schedule(self, schedule: Schedule) -> Schedule:
        taken = {(s.community, s.key) for s in self._schedules.values() if s.key is not None}
        if (schedule.community, schedule.key) in taken:
            raise DuplicateKey(schedule.key)
        stored = begun(schedule, self.now())
        self._schedules[stored.schedule_id] = stored
        return stored

    @in_transaction
    def amend_schedule(self, schedule_id: UUID, amendment: Amendment) -> Schedule:
        now = self.now()
        schedule = self.get_schedule(schedule_id)
        settlement = self._settlement(schedule, now)
        changed = amended(
            settlement.schedule, amendment, now
        )  # may refuse: nothing is written before it
        self._write(settlement, now)
        changed = replace(changed, last_execution_id=self._schedules[schedule_id].last_execution_id)
        self._schedules[schedule_id] = changed
        if changed.status is ScheduleStatus.REMOVED:
            for run in self._unfinished_of(schedule_id):
                if run.state in PENDING:
                    self._end(run, RunState.CANCELLED, Reason.SCHEDULE_REMOVED)
        return changed

    @in_transaction
    def settle_due(self, limit: int, share: Share | None = None) -> Settled:
        now = self.now()
        due = sorted(
            (at, s.schedule_id)
            for s in self._schedules.values()
            if (at := s.next_execution_at) and at <= now
        )
        settlements = [
            self._settlement(self._schedules[schedule_id], now) for _, schedule_id in due[:limit]
        ]
        queued = [
            run
            for settlement in settlements
            for run in self._write(settlement, now)
            if run.state is RunState.QUEUED and run.ready_at == now
        ]
        queued.sort(key=lambda run: -run.priority)
        taken = [] if share is None else queued[: share.room]
        upcoming = (at for s in self._schedules.values() if (at := s.next_execution_at))
        return Settled(
            now=now,
            settlements=settlements,
            claims=[self._claim(run, share.node_id, now) for run in taken if share],
            next_due_at=min(upcoming, default=None),
            is_backlogged=len(due) > limit,
        )

    def _settlement(self, schedule: Schedule, now: datetime) -> Settlement:
        unfinished = self._unfinished_of(schedule.schedule_id)
        active = sum(run.state in ACTIVE_STATES for run in unfinished)
        return settle(
            Situation(schedule=schedule, active=active, buffered=len(unfinished) - active), now
        )

    def _write(self, settlement: Settlement, now: datetime) -> Sequence[Run]:
        schedule, runs = settlement.schedule, []
        replaced = self._unfinished_of(schedule.schedule_id)[: settlement.cancel_running]
        for run in replaced:
            self._stop(run, Reason.REPLACED, now)
        for verdict in settlement.verdicts:
            run = self._account(schedule, verdict, now)
            runs.append(run)
            if run.state in PENDING:
                schedule = replace(schedule, last_execution_id=run.run_id)
        self._schedules[schedule.schedule_id] = schedule
        return runs

    def _account(self, schedule: Schedule, verdict: Verdict, now: datetime) -> Run:
        run = Run(
            run_id=self._next_id(now),
            schedule_id=schedule.schedule_id,
            workflow_id=schedule.workflow_id,
            scheduled_for=verdict.scheduled_for,
            covers_until=verdict.covers_until,
            covers_count=verdict.covers_count,
            priority=schedule.policy.priority,
            state=verdict.state,
            reason=verdict.reason,
            created_at=now,
            ready_at=(verdict.ready_at or now) if verdict.state is RunState.QUEUED else None,
            finished_at=now if verdict.state.is_final else None,
            community=schedule.community,
        )
        accounted = (self._runs[other] for other in self._by_schedule.get(schedule.schedule_id, ()))
        if any(
            o.scheduled_for == run.scheduled_for and o.trigger is Trigger.SCHEDULE
            for o in accounted
        ):
            raise AssertionError(
                f"{run.scheduled_for} of {schedule.schedule_id} is accounted for twice"
            )
        return self._put(run)

    @in_transaction
    def register_node(self, node: Node, lease: timedelta) -> None:
        now = self.now()
        self._nodes[node.node_id] = replace(
            node, started_at=now, heartbeat_at=now, lease_until=now + lease
        )

    @in_transaction
    def beat(self, node_id: str, lease: timedelta) -> bool:
        node, now = self._nodes[node_id], self.now()
        if node.is_alive:
            self._nodes[node_id] = replace(node, heartbeat_at=now, lease_until=now + lease)
        return node.is_alive

    @in_transaction
    def take_over(self) -> Sequence[Takeover]:
        now = self.now()
        dead = [
            n.node_id
            for n in self._nodes.values()
            if n.is_alive and n.lease_until is not None and n.lease_until < now
        ]
        for node_id in dead:
            self._nodes[node_id] = replace(self._nodes[node_id], is_alive=False)
        held: dict[str, list[Run]] = {node_id: [] for node_id in dead}
        # also what a node claimed that did not know yet that it is dead
        for run in sorted(self._all_unfinished(), key=lambda run: run.run_id):
            if run.state is RunState.RUNNING and not self._is_alive(run.node_id or ""):
                held.setdefault(run.node_id or "", []).append(run)
        return [
            Takeover(node_id=node_id, runs=[(r.run_id, self._rescue(r, now)) for r in runs])
            for node_id, runs in held.items()
        ]

    def _is_alive(self, node_id: str) -> bool:
        node = self._nodes.get(node_id)
        return node is not None and node.is_alive

    def _rescue(self, run: Run, now: datetime) -> RunState:
        """What promise 2 says of a run whose node died."""
        self._attempts.append(
            replace(run, state=RunState.LOST, reason=Reason.CRASHED_NODE, finished_at=now)
        )
        if run.cancel_requested:
            return self._end(run, RunState.CANCELLED, Reason.REQUESTED)
        if run.at_most_once and run.started_at is not None:
            return self._end(run, RunState.LOST, Reason.AT_MOST_ONCE)
        if self._is_removed(run):
            return self._end(run, RunState.CANCELLED, Reason.SCHEDULE_REMOVED)
        if run.takeovers >= MAX_TAKEOVERS:
            return self._end(run, RunState.LOST, Reason.CRASHED_NODE)
        # in its old place, before all that came later: it has waited for a lease already
        return self._requeue(replace(run, takeovers=run.takeovers + 1), run.ready_at)

    @in_transaction
    def hand_back(self, node_id: str, run_ids: Collection[UUID]) -> int:
        held = [run for run in self._held_by(node_id) if run.run_id in run_ids]
        for run in held:
            if run.cancel_requested:
                self._end(run, RunState.CANCELLED, Reason.REQUESTED)
            elif run.at_most_once and run.started_at is not None:
                self._end(run, RunState.LOST, Reason.AT_MOST_ONCE)
            elif self._is_removed(run):
                self._end(run, RunState.CANCELLED, Reason.SCHEDULE_REMOVED)
            else:
                self._requeue(run)
        return len(held)

    @in_transaction
    def retire_node(self, node_id: str) -> None:
        self.hand_back(node_id, {run.run_id for run in self._held_by(node_id)})
        self._nodes[node_id] = replace(self._nodes[node_id], is_alive=False)

    @in_transaction
    def nodes(self) -> Sequence[Node]:
        return sorted(
            self._nodes.values(), key=lambda node: (node.started_at, node.node_id), reverse=True
        )

    @in_transaction
    def prune(self, before: datetime, limit: int) -> int:
        old = [
            r
            for r in self._runs.values()
            if r.state.is_final and r.finished_at is not None and r.finished_at < before
        ]
        for run in old[:limit]:
            del self._runs[run.run_id]
            if run.schedule_id is not None:
                self._by_schedule[run.schedule_id].remove(run.run_id)
        return len(old[:limit])
