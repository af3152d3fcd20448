"""What holds of `settle` whatever happens: the ledger is complete, without repetition or invention (promise 1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from clockwright.engine.lifecycle import amended, begun
from clockwright.engine.model import (
    CatchUp,
    Overlap,
    Policy,
    RunState,
    Schedule,
    ScheduleStatus,
    Settlement,
    Situation,
    Verdict,
)
from clockwright.engine.ports import Amendment, NothingToRun
from clockwright.engine.settle import settle
from clockwright.recurrence import Cron, Interval, Once, Recurrence
from tests.engine.situations import T0, schedule

ran = (RunState.QUEUED, RunState.BUFFERED)

recurrences: st.SearchStrategy[Recurrence] = st.one_of(
    st.sampled_from(
        [
            Cron("* * * * *", "UTC"),
            Cron("*/7 1-3 * * *", "Europe/Berlin"),
            Cron("30 2 * * *", "America/New_York"),
            Cron("0 0 * * 1-5", "Australia/Lord_Howe"),
            Cron("0 0 29 2 *", "UTC"),
        ]
    ),
    st.integers(1, 100_000).map(lambda seconds: Interval(seconds=seconds, anchor=T0)),
    st.integers(1, 500_000).map(lambda seconds: Once(T0 + timedelta(seconds=seconds))),
)
policies = st.builds(
    Policy,
    grace=st.one_of(
        st.none(), st.integers(0, 20_000).map(lambda seconds: timedelta(seconds=seconds))
    ),
    catch_up=st.sampled_from(CatchUp),
    catch_up_limit=st.integers(1, 30),
    overlap=st.sampled_from(Overlap),
    max_instances=st.integers(1, 4),
    max_executions=st.one_of(st.none(), st.integers(1, 6)),
)
# mostly forward, sometimes standing still, sometimes back
steps = st.lists(
    st.integers(-50_000, 200_000).map(lambda seconds: timedelta(seconds=seconds)),
    min_size=1,
    max_size=12,
)


@dataclass
class Life:
    """A schedule that is settled again and again, and everything it was told."""

    schedule: Schedule
    verdicts: list[Verdict]

    def settle(self, now: datetime, active: int = 0, buffered: int = 0) -> Settlement:
        settlement = settle(
            Situation(schedule=self.schedule, active=active, buffered=buffered), now
        )
        self.schedule = settlement.schedule
        self.verdicts += settlement.verdicts
        return settlement


def born(recurrence: Recurrence, policy: Policy) -> Life | None:
    """A life from T0 on; None for a rule without any fire time."""
    settings = {name: getattr(policy, name) for name in Policy.__dataclass_fields__}
    try:
        return Life(begun(schedule(recurrence, **settings), T0), [])
    except NothingToRun:
        return None


def accounted(verdicts: list[Verdict], rule: Recurrence) -> list[datetime]:
    """Every fire time the verdicts stand for, range rows unfolded."""
    fire_times: list[datetime] = []
    for verdict in verdicts:
        fire_times.append(verdict.scheduled_for)
        if verdict.covers_until is not None:
            rest = list(rule.between(verdict.scheduled_for, verdict.covers_until))
            assert len(rest) + 1 == verdict.covers_count
            fire_times += rest
    return fire_times


@given(recurrences, policies, steps, st.integers(0, 5), st.integers(0, 2))
def test_every_fire_time_is_accounted_for_once_until_the_schedule_ends(
    recurrence: Recurrence, policy: Policy, moves: list[timedelta], active: int, buffered: int
) -> None:
    life = born(recurrence, policy)
    if life is None:
        return
    now = latest = T0
    for move in moves:
        now += move
        latest = max(latest, now)
        life.settle(now, active, buffered)
    told = accounted(life.verdicts, recurrence)
    assert told == sorted(set(told)), "in the order of time, none twice"
    expected = list(recurrence.between(T0, latest))
    if life.schedule.status is ScheduleStatus.ACTIVE:
        assert told == expected
    else:
        assert told == expected[: len(told)], (
            "it ended: what came before is accounted for without a hole"
        )


@given(recurrences, policies, steps)
def test_looking_twice_changes_nothing(
    recurrence: Recurrence, policy: Policy, moves: list[timedelta]
) -> None:
    life = born(recurrence, policy)
    if life is None:
        return
    now = T0
    for move in moves:
        now += move
        life.settle(now)
        before = life.schedule
        assert life.settle(now).verdicts == ()
        assert life.schedule == before


@given(recurrences, policies, steps)
def test_limits_hold(recurrence: Recurrence, policy: Policy, moves: list[timedelta]) -> None:
    life = born(recurrence, policy)
    if life is None:
        return
    now = T0
    for move in moves:
        now += move
        settlement = life.settle(now)
        if policy.overlap is Overlap.SKIP:
            assert settlement.queued <= policy.max_instances
        for verdict in settlement.verdicts:
            if policy.grace is not None and verdict.state in ran:
                assert now - verdict.scheduled_for <= policy.grace
    runs = [verdict for verdict in life.verdicts if verdict.state in ran]
    assert life.schedule.execution_count == len(runs)
    if policy.max_executions is not None:
        assert len(runs) <= policy.max_executions
        assert (life.schedule.next_execution_at is None) or len(runs) < policy.max_executions


@given(recurrences, recurrences, policies, steps, st.integers(0, 300_000))
def test_an_edit_repeats_and_invents_nothing(
    old: Recurrence, new: Recurrence, policy: Policy, moves: list[timedelta], edit_at: int
) -> None:
    life = born(old, policy)
    if life is None:
        return
    edit = T0 + timedelta(seconds=edit_at)
    life.settle(edit)
    before = list(life.verdicts)
    life.schedule = amended(life.schedule, Amendment(fields={"policy": policy}), edit)
    try:
        life.schedule = amended(life.schedule, Amendment(fields={"recurrence": new}), edit)
    except NothingToRun:
        return
    now = edit
    for move in moves:
        now += move
        life.settle(now)
    since = life.verdicts[len(before) :]
    assert all(verdict.scheduled_for > edit for verdict in since), "nothing of the past is repeated"
    assert all(verdict.scheduled_for <= edit for verdict in before)
    told = accounted(since, new)
    assert told == list(new.between(edit, told[-1] if told else edit)), (
        "nothing is invented, nothing left out"
    )


@given(recurrences, policies, st.integers(1, 500_000), st.integers(1, 500_000))
def test_times_that_pass_while_paused_are_recorded_and_do_not_run(
    recurrence: Recurrence, policy: Policy, pause: int, resume: int
) -> None:
    life = born(recurrence, policy)
    if life is None:
        return
    paused_at = T0 + timedelta(seconds=pause)
    life.settle(paused_at)
    if life.schedule.status is not ScheduleStatus.ACTIVE:
        return
    life.schedule = amended(
        life.schedule, Amendment(fields={"status": ScheduleStatus.PAUSED}), paused_at
    )
    resumed_at = paused_at + timedelta(seconds=resume)
    settlement = life.settle(resumed_at)
    assert {verdict.state for verdict in settlement.verdicts} <= {RunState.SKIPPED}
    assert accounted(list(settlement.verdicts), recurrence) == list(
        recurrence.between(paused_at, resumed_at)
    )
    life.schedule = amended(
        life.schedule, Amendment(fields={"status": ScheduleStatus.ACTIVE}), resumed_at
    )
    upcoming = life.schedule.next_execution_at
    assert upcoming is None or upcoming > resumed_at


@given(recurrences, policies, st.lists(st.integers(1, 100_000), min_size=1, max_size=8))
def test_what_was_planned_is_what_fires_when_somebody_is_always_there(
    recurrence: Recurrence, policy: Policy, waits: list[int]
) -> None:
    """The next fire time a schedule shows is the one that is accounted for next."""
    life = born(recurrence, policy)
    if life is None:
        return
    for _ in waits:
        planned = life.schedule.next_execution_at
        if planned is None:
            return
        settlement = life.settle(planned)
        assert [verdict.scheduled_for for verdict in settlement.verdicts] == [planned]
        assert settlement.verdicts[0].state in ran or policy.overlap is not Overlap.ALLOW
