"""The ledger as it must be, reckoned from nothing but the rules and the history of what was asked for.

It knows nothing of `settle`: it lists the fire times between two watermarks and compares them with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from clockwright.engine.model import (
    CatchUp,
    Policy,
    Reason,
    Run,
    RunState,
    Schedule,
    ScheduleStatus,
    Trigger,
)
from clockwright.engine.ports import Amendment
from clockwright.testing.simulation.server import Call

_TICK = timedelta(microseconds=1)
_RUNS = frozenset({RunState.QUEUED, RunState.BUFFERED, RunState.RUNNING, RunState.CANCELLED})
"""What a fire time that runs may have come to within one call."""

_LIVING = frozenset({ScheduleStatus.ACTIVE, ScheduleStatus.PAUSED})
_ENDED = frozenset({ScheduleStatus.COMPLETED, ScheduleStatus.FAILED})
_ASKED_FOR = ("recurrence", "policy", "start_at", "end_at", "args", "context", "workflow_id")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Fire times of one rule that must be in the ledger: those in `(after, until]`."""

    asked: Schedule
    after: datetime
    until: datetime

    def fire_times(self) -> list[datetime]:
        """All of them, in UTC."""
        asked, after, until = self.asked, self.after, self.until
        if asked.start_at is not None:
            after = max(after, asked.start_at - _TICK)
        if asked.end_at is not None:
            until = min(until, asked.end_at)
        if until <= after:
            return []
        return [at.astimezone(UTC) for at in asked.recurrence.between(after, until)]


@dataclass(slots=True)
class Account:
    """One schedule: what it was asked to be, how far it is settled, and what must be in its ledger."""

    asked: Schedule
    settled_until: datetime
    executions: int = 0
    failures: int = 0
    history: list[Stretch] = field(default_factory=list)

    @property
    def next_fire(self) -> datetime | None:
        """The first fire time after the watermark; None when there is none or the limit is reached."""
        asked, after = self.asked, self.settled_until
        limit = asked.policy.max_executions
        if limit is not None and self.executions >= limit:
            return None
        if asked.start_at is not None:
            after = max(after, asked.start_at - _TICK)
        at = asked.recurrence.next_after(after)
        if at is None or (asked.end_at is not None and at > asked.end_at):
            return None
        return at.astimezone(UTC)

    def ended(self, state: RunState) -> bool:
        """Count the end of one of its runs; whether it must pause for it."""
        limit = self.asked.policy.pause_after_failures
        if self.asked.status is not ScheduleStatus.ACTIVE or limit is None:
            return False
        if state is RunState.SUCCEEDED:
            self.failures = 0
        elif state in (RunState.FAILED, RunState.TIMED_OUT):
            self.failures += 1
        if self.failures < limit:
            return False
        self.failures = 0
        version = self.asked.version + 1
        self.asked = replace(self.asked, status=ScheduleStatus.PAUSED, version=version)
        return True


class Reference:
    """Every schedule's account. `check` says what is wrong with a call, a sentence each."""

    def __init__(self) -> None:
        self.accounts: dict[UUID, Account] = {}

    def check(self, call: Call) -> list[str]:
        """Compare what a call wrote with what it had to write."""
        changed = {}
        for old, new in call.schedules:
            if new is None:
                return [f"schedule {old and old.schedule_id} vanished"]
            changed[new.schedule_id] = new
        rows: dict[UUID, list[Run]] = {}
        for before, run in call.runs:
            if run is not None and before is None and run.trigger is Trigger.SCHEDULE:
                rows.setdefault(run.schedule_id or UUID(int=0), []).append(run)
        problems = [f"rows for schedule {who}, which did not move" for who in rows.keys() - changed]
        problems += [
            f"schedule {who} fails again and again, and is not paused"
            for who in self._must_pause(call)
            if who not in changed
        ]
        for who, schedule in changed.items():
            problems += self._check_one(call, schedule, rows.get(who, []))
        return problems

    def _must_pause(self, call: Call) -> list[UUID]:
        """The schedules that had one failure too many with this call."""
        if call.method != "record_outcomes":
            return []
        return [
            new.schedule_id
            for _, new in call.runs
            if new is not None
            and new.trigger is Trigger.SCHEDULE
            and new.schedule_id in self.accounts
            and self.accounts[new.schedule_id].ended(new.state)
        ]

    def check_ledger(self, who: UUID, runs: Iterable[Run]) -> list[str]:
        """Compare a schedule's whole ledger with its whole history."""
        expected = [at for stretch in self.accounts[who].history for at in stretch.fire_times()]
        return _covered([run for run in runs if run.trigger is Trigger.SCHEDULE], expected)

    def _check_one(self, call: Call, schedule: Schedule, rows: list[Run]) -> list[str]:
        account = self.accounts.get(schedule.schedule_id)
        if account is None:
            self.accounts[schedule.schedule_id] = account = Account(schedule, call.now)
            problems = [] if call.method == "add_schedule" else ["a schedule nobody added"]
        else:
            problems = _settled(account, call, schedule, rows)
            problems += _as_asked(account, call, schedule)
        problems += _status(account, schedule)
        return [f"{problem} [schedule {schedule.key}]" for problem in problems]


def _settled(account: Account, call: Call, schedule: Schedule, rows: list[Run]) -> list[str]:
    """The rows are exactly the fire times over which the watermark moved, and their verdicts are allowed."""
    stretch = Stretch(account.asked, account.settled_until, schedule.settled_until)
    if stretch.until < stretch.after:
        return [f"the watermark went back from {stretch.after} to {stretch.until}"]
    if stretch.until > max(call.now, stretch.after):
        return [f"settled until {stretch.until}, which has not come yet"]
    expected = stretch.fire_times() if account.asked.status in _LIVING else []
    problems = _covered(rows, expected)
    if not problems and rows:
        problems = _verdicts(account, rows, call.now)
    if expected:
        _remember(account, stretch)
    account.executions += sum(run.state in _RUNS for run in rows)
    account.settled_until = stretch.until
    if account.asked.status is ScheduleStatus.ACTIVE and account.next_fire is None:
        account.asked = replace(account.asked, status=ScheduleStatus.COMPLETED)
    return problems


def _remember(account: Account, stretch: Stretch) -> None:
    last = account.history[-1] if account.history else None
    if last is not None and last.asked is stretch.asked and last.until == stretch.after:
        account.history[-1] = replace(last, until=stretch.until)
    else:
        account.history.append(stretch)


def _covered(rows: Sequence[Run], expected: Sequence[datetime]) -> list[str]:
    place = 0
    for row in sorted(rows, key=lambda run: run.scheduled_for):
        covered = expected[place : place + row.covers_count]
        if not covered or covered[0] != row.scheduled_for:
            due = expected[place] if place < len(expected) else "nothing"
            return [f"a row for {row.scheduled_for} where the reference has {due}"]
        if len(covered) < row.covers_count or covered[-1] != (row.covers_until or covered[0]):
            return [
                f"a row for {row.covers_count} fire times until {row.covers_until}, which are not"
            ]
        place += row.covers_count
    if place < len(expected):
        return [f"{len(expected) - place} fire times without a row, the first {expected[place]}"]
    return []


def _verdicts(account: Account, rows: Sequence[Run], now: datetime) -> list[str]:
    """What pause, grace, catch-up and limit allow; the rest is a matter of overlap."""
    policy = account.asked.policy
    if account.asked.status is ScheduleStatus.PAUSED:
        stray = [run for run in rows if run.reason is not Reason.PAUSED]
        return [f"{stray[0].scheduled_for} is {stray[0].state} although paused"] if stray else []
    running = [run for run in rows if run.state in _RUNS]
    problems = [
        f"{run.scheduled_for} is {run.state} at {now} with a grace of {policy.grace}"
        for run in rows
        if _is_misjudged(run, policy, now)
    ]
    most = {CatchUp.LATEST: 1, CatchUp.NONE: 1, CatchUp.ALL: policy.catch_up_limit}
    if len(running) > most[policy.catch_up]:
        problems.append(f"{len(running)} runs at once under catch-up {policy.catch_up}")
    limit = policy.max_executions
    if limit is not None and running and account.executions + len(running) > limit:
        problems.append(f"{account.executions + len(running)} executions of at most {limit}")
    return problems


def _is_misjudged(run: Run, policy: Policy, now: datetime) -> bool:
    is_late = policy.grace is not None and now - run.scheduled_for > policy.grace
    if run.state in _RUNS:
        return is_late
    return run.state is RunState.MISSED and not is_late


def _as_asked(account: Account, call: Call, schedule: Schedule) -> list[str]:
    """Nobody but an amendment changes what a schedule was asked to be, and only as it says."""
    problems = []
    if call.method == "amend_schedule":
        amendment: Amendment = call.args[1]
        if amendment.expected_version not in (None, account.asked.version):
            problems.append(
                f"an edit of version {amendment.expected_version} was let in at {account.asked.version}"
            )
        if amendment.fields:
            account.asked = replace(account.asked, **_applied(account.asked, amendment.fields))
            account.failures = 0
    for name in (*_ASKED_FOR, "version"):
        have, want = getattr(schedule, name), getattr(account.asked, name)
        if have is not want and have != want:
            problems.append(f"{name} is {have}, not {want}: an edit was lost")
    if schedule.execution_count != account.executions:
        problems.append(f"execution_count {schedule.execution_count}, not {account.executions}")
    return problems


def _applied(asked: Schedule, fields: Any) -> dict[str, Any]:
    return {**fields, "version": asked.version + 1}


def _status(account: Account, schedule: Schedule) -> list[str]:
    """Active with a fire time to come, or not active; and nothing stops by itself before its end."""
    upcoming, asked = account.next_fire, account.asked.status
    is_active = schedule.status is ScheduleStatus.ACTIVE
    if asked is ScheduleStatus.ACTIVE and upcoming is None:
        asked = ScheduleStatus.COMPLETED
    allowed = _ENDED if asked in _ENDED else {asked}
    if schedule.status not in allowed:
        return [f"it is {schedule.status}, not {asked}"]
    account.asked = replace(account.asked, status=schedule.status)
    expected = upcoming if is_active else None
    if schedule.next_execution_at != expected:
        return [f"the next fire time is {schedule.next_execution_at}, not {expected}"]
    return []
