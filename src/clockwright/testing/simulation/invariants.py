"""What must hold after every call to the store, and whenever a handler begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from clockwright.engine.model import (
    ACTIVE_STATES,
    MAX_TAKEOVERS,
    TRANSITIONS,
    Overlap,
    Policy,
    Run,
    RunState,
    Schedule,
    ScheduleStatus,
    Trigger,
)
from clockwright.engine.ports import RunContext
from clockwright.testing.simulation.reference import Reference
from clockwright.testing.simulation.server import Call
from clockwright.testing.simulation.turns import Turns

_WAITING = frozenset({RunState.QUEUED, RunState.BUFFERED, RunState.RETRYING})
_BEGINNINGS = frozenset(
    {RunState.QUEUED, RunState.BUFFERED, RunState.RUNNING, RunState.MISSED, RunState.SKIPPED}
)
_IDENTITY = ("schedule_id", "workflow_id", "scheduled_for", "trigger", "covers_count", "request_id")


class Inspector:
    """Looks at every call. `violations` are sentences; the first is what matters, the world stops at it."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.reference = Reference()
        self._turns = Turns()
        self.started: Counter[UUID] = Counter()
        self.ended = 0
        self._attempts_begun: set[tuple[UUID, int]] = set()
        self._schedules: dict[UUID, Schedule] = {}
        self._active: Counter[UUID] = Counter()
        self._waiting: Counter[UUID] = Counter()
        self._held: dict[UUID, str] = {}
        self._leases: dict[str, datetime] = {}
        self._dead: set[str] = set()
        self._requests: set[tuple[UUID | None, str]] = set()
        self._fire_times: set[tuple[UUID | None, datetime]] = set()
        self._by_method: dict[str, Callable[[Call], Sequence[str]]] = {
            "register_node": self._node_registered,
            "beat": self._beaten,
            "take_over": self._taken_over,
            "retire_node": self._retired,
            "record_starts": self._reported,
            "record_outcomes": self._reported,
        }

    def look(self, call: Call) -> None:
        """Note what is wrong with a call."""
        if not (call.runs or call.schedules or call.error or call.method in self._by_method):
            return
        problems: list[str] = []
        if isinstance(call.error, AssertionError):
            problems.append(f"the store says: {call.error}")
        if call.error is not None and (call.runs or call.schedules):
            problems.append(f"refused ({call.error!r}), and yet it wrote")
        for old, new in call.runs:
            problems += self._run_changed(call, old, new)
            problems += self._ready_when_it_may(call, old, new) if new is not None else []
        problems += self._turns.look(call)
        if call.method in self._by_method:
            problems += self._by_method[call.method](call)
        for _, schedule in call.schedules:
            if schedule is not None:
                self._schedules[schedule.schedule_id] = schedule
        if call.schedules or call.runs:
            problems += self.reference.check(call)
            problems += self._limits(call)
        self.violations += [f"{call.method} by {call.caller}: {problem}" for problem in problems]

    def begins(self, run: RunContext, *, at_most_once: bool, executing: int, capacity: int) -> None:
        """Note that a handler is called, as one of `executing` in its process."""
        self.started[run.run_id] += 1
        attempt = (run.run_id, run.attempt)
        if attempt in self._attempts_begun:
            self.violations.append(f"attempt {run.attempt} of {run.run_id} began twice")
        self._attempts_begun.add(attempt)
        if at_most_once and self.started[run.run_id] > 1:
            self.violations.append(f"{run.run_id} starts at most once, and began again")
        if executing > capacity:
            self.violations.append(f"{executing} handlers at a time, with a capacity of {capacity}")

    def at_the_end(self, runs: Iterable[Run]) -> None:
        """Everything due is settled, every run is final, and the ledger as a whole is complete."""
        runs = list(runs)
        self.violations += [
            f"{run.run_id} for {run.scheduled_for} is {run.state} for ever (node {run.node_id},"
            f" attempt {run.attempt})"
            for run in runs
            if not run.state.is_final
        ]
        by_schedule: dict[UUID, list[Run]] = {who: [] for who in self.reference.accounts}
        for run in runs:
            if run.schedule_id in by_schedule:
                by_schedule[run.schedule_id].append(run)
        for who, ledger in by_schedule.items():
            self.violations += self.reference.check_ledger(who, ledger)

    def overdue(self, now: datetime, patience: timedelta) -> list[str]:
        """Active schedules that were due longer ago than that."""
        return [
            f"schedule {schedule.key} was due at {schedule.next_execution_at}, and it is {now}"
            for schedule in self._schedules.values()
            if schedule.next_execution_at and schedule.next_execution_at < now - patience
        ]

    def _run_changed(self, call: Call, old: Run | None, new: Run | None) -> list[str]:
        if new is None:
            return [] if call.method == "prune" else [f"{old and old.run_id} vanished"]
        self._count(old, new)
        if old is None:
            return self._made(call, new)
        problems = []
        if old.state.is_final:
            problems.append(f"{new.run_id} was {old.state} and is changed")
        elif new.state is not old.state and new.state not in TRANSITIONS[old.state]:
            problems.append(f"{new.run_id} went from {old.state} to {new.state}")
        if any(getattr(old, name) != getattr(new, name) for name in _IDENTITY):
            problems.append(f"{new.run_id} became another run")
        begins = new.state is RunState.RUNNING and old.state is not RunState.RUNNING
        if new.attempt != old.attempt + begins:
            problems.append(f"{new.run_id} went from attempt {old.attempt} to {new.attempt}")
        if old.at_most_once and not new.at_most_once:
            problems.append(f"{new.run_id} forgot that it starts at most once")
        if new.state in _WAITING and old.state is RunState.RUNNING and self._is_removed(new):
            problems.append(f"{new.run_id} waits again, and its schedule is removed")
        if new.takeovers > MAX_TAKEOVERS:
            problems.append(f"{new.run_id} was taken over {new.takeovers} times")
        return problems

    def _made(self, call: Call, run: Run) -> list[str]:
        if run.trigger is Trigger.MANUAL:
            key = (run.schedule_id, run.request_id or "")
            if key in self._requests:
                return [f"a second run for the request {run.request_id}"]
            self._requests.add(key)
            return []
        if run.state is RunState.RUNNING and run.attempt != 1:
            return [f"{run.run_id} is made with attempt {run.attempt}"]
        is_queued_and_cancelled = (
            run.state is RunState.CANCELLED and call.method == "amend_schedule"
        )
        if run.state not in _BEGINNINGS and not is_queued_and_cancelled:
            return [f"{run.run_id} is made as {run.state}"]
        fire_time = (run.schedule_id, run.scheduled_for)
        if fire_time in self._fire_times:
            return [f"a second row for {run.scheduled_for}"]
        self._fire_times.add(fire_time)
        return []

    def _ready_when_it_may(self, call: Call, old: Run | None, run: Run) -> list[str]:
        """A new run is ready at once, or within the jitter after its fire time; none is claimed before it is ready."""
        begins = run.state is RunState.RUNNING and (old is None or old.state is not run.state)
        ready_at = run.ready_at if old is None else old.ready_at
        if ready_at is None:
            return []
        if begins and ready_at > call.now:
            return [f"{run.run_id} is claimed before it is ready at {ready_at}"]
        if old is not None or run.schedule_id is None or run.trigger is Trigger.MANUAL:
            return []
        jitter = self._policy_before(call, run.schedule_id).jitter
        if call.now <= ready_at <= max(call.now, run.scheduled_for + jitter):
            return []
        return [f"{run.run_id} for {run.scheduled_for} is ready at {ready_at}"]

    def _is_removed(self, run: Run) -> bool:
        schedule = self._schedules.get(run.schedule_id) if run.schedule_id else None
        return schedule is not None and schedule.status is ScheduleStatus.REMOVED

    def _count(self, old: Run | None, new: Run) -> None:
        who = new.schedule_id
        if who is not None:
            before = old.state if old else None
            self._active[who] += (new.state in ACTIVE_STATES) - (before in ACTIVE_STATES)
            self._waiting[who] += (new.state in _WAITING) - (before in _WAITING)
        if new.state is RunState.RUNNING:
            self._held[new.run_id] = new.node_id or ""
        else:
            self._held.pop(new.run_id, None)
        self.ended += new.state.is_final

    def _limits(self, call: Call) -> list[str]:
        """Nothing is admitted beyond `max_instances`; a removed schedule has nothing that waits."""
        problems = []
        admitted = {
            new.schedule_id
            for old, new in call.runs
            if new is not None
            and new.schedule_id is not None
            and new.trigger is Trigger.SCHEDULE
            and new.state in (RunState.QUEUED, RunState.RUNNING)
            and (old is None or old.state is RunState.BUFFERED)
        }
        for who in admitted:
            policy = self._policy_before(call, who)
            if policy.overlap is not Overlap.ALLOW and self._active[who] > policy.max_instances:
                problems.append(f"{self._active[who]} active of at most {policy.max_instances}")
        for old, schedule in call.schedules:
            is_removed = schedule is not None and schedule.status is ScheduleStatus.REMOVED
            if is_removed and old is not None and self._waiting[old.schedule_id]:
                problems.append(f"{old.key} is removed, and runs of it still wait")
        return problems

    def _policy_before(self, call: Call, who: UUID) -> Policy:
        """The policy by which a call admitted runs: an edit settles by the old one."""
        for old, _ in call.schedules:
            if old is not None and old.schedule_id == who:
                return old.policy
        return self._schedules[who].policy

    def _reported(self, call: Call) -> list[str]:
        """Only the present attempt's word is written down, and all that is said to be written is."""
        problems = []
        fences = {(r.run_id, r.attempt, r.node_id) for r in call.args[0]}
        changed = [(old, new) for old, new in call.runs if old is not None and new is not None]
        for old, new in changed:
            if (
                old.state is not RunState.RUNNING
                or (old.run_id, old.attempt, old.node_id) not in fences
            ):
                problems.append(
                    f"{old.run_id} is {old.state} (attempt {old.attempt}, node {old.node_id}), and became"
                    f" {new.state} by the word of {[f for f in fences if f[0] == old.run_id]}"
                )
        unsaid = {new.run_id for _, new in changed} - set(call.result or ())
        if unsaid:
            problems.append(f"wrote {unsaid}, and did not say so")
        return problems

    def _node_registered(self, call: Call) -> list[str]:
        node, lease = call.args[:2]
        self._leases[node.node_id] = call.now + lease
        return []

    def _beaten(self, call: Call) -> list[str]:
        node_id, lease = call.args[:2]
        if call.error is not None:
            return []
        if call.result and node_id in self._dead:
            return [f"{node_id} beats, and is declared dead"]
        if call.result:
            self._leases[node_id] = call.now + lease
        return []

    def _taken_over(self, call: Call) -> list[str]:
        problems = []
        for takeover in call.result or ():
            lease = self._leases.get(takeover.node_id, call.now)
            if lease >= call.now and takeover.node_id not in self._dead:
                problems.append(
                    f"{takeover.node_id} has a lease until {lease}, and is declared dead"
                )
            problems += self._buried(takeover.node_id)
        return problems

    def _retired(self, call: Call) -> list[str]:
        return self._buried(call.args[0]) if call.error is None else []

    def _buried(self, node_id: str) -> list[str]:
        self._dead.add(node_id)
        left = [run_id for run_id, holder in self._held.items() if holder == node_id]
        return [f"{node_id} is dead and still holds {left}"] if left else []
