"""What a seed's people do: random schedules, the functions they start, and what operators change meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from clockwright.engine.model import (
    CatchUp,
    Overlap,
    Policy,
    RunState,
    Schedule,
    ScheduleStatus,
)
from clockwright.engine.ports import Amendment, ManualRun, StoreError
from clockwright.recurrence import (
    CalendarInterval,
    Cron,
    CronFields,
    Interval,
    Once,
    Recurrence,
    RRule,
)
from clockwright.testing.simulation.nodes import Post
from clockwright.testing.simulation.server import ConnectionLost, Server
from clockwright.testing.simulation.world import World

_PATIENCE = 1.5
"""Seconds after which an operator whose call failed tries again."""


def some_rule(dice: Random, now: datetime) -> Recurrence:
    """A rule of any kind that fires within a minute or two, mostly more than once."""
    soon = now + dice.randint(1, 30) * timedelta(seconds=1)
    return dice.choice(
        (
            lambda: Interval(seconds=dice.randint(1, 12), anchor=now),
            lambda: Interval(seconds=dice.randint(1, 12), anchor=now),
            lambda: Interval(seconds=dice.randint(20, 60), anchor=now),
            lambda: Once(soon),
            lambda: CalendarInterval(days=1, anchor=soon, tz="Asia/Kolkata"),
            lambda: Cron(dice.choice(("* * * * *", "*/2 * * * *")), "Europe/Berlin"),
            lambda: CronFields(second=f"*/{dice.choice((5, 7, 15))}", minute="*", hour="*"),
            lambda: RRule(f"FREQ=MINUTELY;BYSECOND=5,{dice.choice((20, 40))};COUNT=6", start=now),
            lambda: RRule(f"FREQ=MINUTELY;COUNT={dice.randint(1, 3)}", start=soon),
        )
    )()


def some_policy(dice: Random) -> Policy:
    """Any combination of policies; every attempt ends in time."""
    return Policy(
        grace=dice.choice((None, *(timedelta(seconds=s) for s in (0, 5, 20, 900)))),
        catch_up=dice.choice(tuple(CatchUp)),
        catch_up_limit=dice.choice((1, 3, 1_000)),
        overlap=dice.choice(tuple(Overlap)),
        max_instances=dice.choice((1, 1, 2, 3)),
        max_executions=dice.choice((None, None, None, None, 1, 3, 8)),
        jitter=timedelta(seconds=dice.choice((0, 0, 3))),
        max_retries=dice.choice((0, 1, 2)),
        retry_backoff=timedelta(seconds=dice.choice((0, 1, 4))),
        retry_backoff_max=timedelta(seconds=5),
        retry_jitter=dice.choice((0.0, 0.5)),
        no_retry_on=dice.choice(((), ("RuntimeError",))),
        pause_after_failures=dice.choice((None, None, 1, 2, 3)),
        timeout=dice.choice((None, timedelta(seconds=2), timedelta(seconds=10))),
        priority=dice.choice((0, 0, -3, 7)),
    )


@dataclass(slots=True)
class Wish:
    """Something an operator wants: tried until the store has answered, or refused."""

    method: str
    args: tuple[Any, ...]


@dataclass(slots=True, kw_only=True)
class Operators:
    """People with a link of their own to the store, who try again when they get no answer."""

    world: World
    server: Server
    post: Post
    dice: Random
    workflows: list[UUID]
    given: tuple[Schedule, ...] = ()
    name: str = "operator"
    _seen: dict[UUID, int] = field(default_factory=dict)
    _made: int = 0

    def crash(self) -> None:
        """An operator does not die; the connection does."""

    def busy(self, schedules: int, actions: int, seconds: float) -> None:
        """Add so many schedules, mostly early, and do so many other things until a virtual second."""
        for place in range(len(self.given) or schedules):
            given = self.given[place] if self.given else None
            self.world.at(seconds * self.dice.random() ** 3, partial(self._add, given))
        for _ in range(actions):
            self.world.at(seconds * self.dice.random(), self._act)

    def pause_everything(self) -> None:
        """No fire times from now on."""
        for schedule in list(self.server.store.all_schedules):
            if schedule.status is ScheduleStatus.ACTIVE:
                self._amend(schedule.schedule_id, status=ScheduleStatus.PAUSED)

    def _add(self, given: Schedule | None) -> None:
        self._wish(Wish("add_schedule", (given or self._some_schedule(),)))

    def _some_schedule(self) -> Schedule:
        now = self.world.clock.now()
        self._made += 1
        start, end = self._bounds(now)
        return Schedule(
            schedule_id=UUID(int=self.dice.getrandbits(128)),
            workflow_id=self.dice.choice(self.workflows),
            recurrence=some_rule(self.dice, now),
            settled_until=now,
            policy=some_policy(self.dice),
            start_at=start,
            end_at=end,
            key=f"s{self._made}",
        )

    def _bounds(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        start = end = None
        if self.dice.random() < 0.15:
            start = now + timedelta(seconds=self.dice.uniform(-10, 30))
        if self.dice.random() < 0.15:
            end = now + timedelta(seconds=self.dice.uniform(30, 120))
        return start, end

    def _act(self) -> None:
        known = [schedule.schedule_id for schedule in self.server.store.all_schedules]
        if not known:
            return
        who = self.dice.choice(known)
        action: Callable[[UUID], None] = self.dice.choice(
            (
                *(() if self.given else (self._edit, self._edit)),
                self._pause,
                self._resume,
                self._resume,
                self._remove,
                self._trigger,
                self._trigger,
                self._cancel,
                self._read,
            )
        )
        action(who)

    def _read(self, who: UUID) -> None:
        """Look at a version, to edit it later, whoever edits it meanwhile."""
        self._seen[who] = self.server.store.get_schedule(who).version

    def _edit(self, who: UUID) -> None:
        fields: dict[str, Any] = {}
        if self.dice.random() < 0.5:
            fields["recurrence"] = some_rule(self.dice, self.world.clock.now())
        if self.dice.random() < 0.5:
            fields["policy"] = some_policy(self.dice)
        if self.dice.random() < 0.2:
            fields["start_at"], fields["end_at"] = self._bounds(self.world.clock.now())
        if who not in self._seen:
            self._read(who)
        amendment = Amendment(fields=fields, expected_version=self._seen.pop(who))
        self._wish(Wish("amend_schedule", (who, amendment)))

    def _pause(self, who: UUID) -> None:
        self._amend(who, status=ScheduleStatus.PAUSED, status_reason="an operator")

    def _resume(self, who: UUID) -> None:
        self._amend(who, status=ScheduleStatus.ACTIVE)

    def _remove(self, who: UUID) -> None:
        if self.dice.random() < 0.3:
            self._amend(who, status=ScheduleStatus.REMOVED)

    def _trigger(self, who: UUID) -> None:
        self._made += 1
        run = ManualRun(request_id=f"r{self._made}", priority=self.dice.choice((None, None, 9)))
        self._wish(Wish("trigger_run", (who, run)))

    def _cancel(self, who: UUID) -> None:
        unfinished = [r for r in self.server.store.runs_of(who) if not r.state.is_final]
        running = [run for run in unfinished if run.state is RunState.RUNNING]
        if unfinished:
            self._wish(Wish("cancel_run", (self.dice.choice(running or unfinished).run_id,)))

    def _is_removed(self, who: object) -> bool:
        """What is removed is gone for people; only the ledger still knows it."""
        return any(
            schedule.schedule_id == who and schedule.status is ScheduleStatus.REMOVED
            for schedule in self.server.store.all_schedules
        )

    def _amend(self, who: UUID, **fields: Any) -> None:
        self._wish(Wish("amend_schedule", (who, Amendment(fields=fields))))

    def _wish(self, wish: Wish) -> None:
        if self._is_removed(wish.args[0]):
            return
        try:
            self.server.perform(self, wish.method, wish.args, {})
        except ConnectionLost:
            self.world.after(_PATIENCE * self.dice.random(), lambda: self._wish(wish))
        except StoreError:
            pass  # refused: a duplicate, a version of yesterday, or nothing to run
        else:
            self.post.send()
