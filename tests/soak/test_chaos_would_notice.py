"""The proof of the chaos, given books in which one thing is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.soak.chaos.drama import Death, Diary
from tests.soak.chaos.observer import Books, Row, Step
from tests.soak.chaos.plan import Fault, Planned, Size, schedules, strikes
from tests.soak.chaos.proof import Evidence, judge

START = datetime(2026, 3, 1, tzinfo=UTC)
SIZE = Size(seed=1, nodes=1, fires=40, faults=1, seconds=10)
NODE, OTHER = "host:100:aa", "host:200:bb"
SECOND = timedelta(seconds=1)


def planned(name) -> Planned:
    return next(one for one in schedules(SIZE, START) if one.sort.name == name)


def step(row, at, was, state, **changed):
    facts = {"run_id": row.run_id, "attempt": row.attempt, "takeovers": 0, "node": row.node}
    return Step(**facts | {"at": at, "was": was, "state": state} | changed)


class World:
    """One schedule whose runs have all succeeded, each with one call; tests spoil it."""

    def __init__(self, folder, name="instant"):
        self.folder = folder
        self.one = planned(name)
        self.rows = [self._row(number, at) for number, at in enumerate(self.one.fire_times())]
        self.steps = [each for row in self.rows for each in self._life(row)]
        self.effects = [
            (what, row.run_id, 1, 100, row.scheduled_for.timestamp())
            for row in self.rows
            for what in ("begin", "end")
        ]
        self.deaths = []

    def _row(self, number, at):
        return Row(
            run_id=f"{number:032x}",
            key=self.one.key,
            scheduled_for=at,
            covers_until=None,
            covers_count=1,
            status="succeeded",
            reason=None,
            attempt=1,
            takeovers=0,
            node=NODE,
            started_at=at,
        )

    @staticmethod
    def _life(row):
        at = row.scheduled_for
        yield step(row, at, None, "queued", attempt=0, node=None)
        yield step(row, at, "queued", "running")
        yield step(row, at, "running", "succeeded")

    def taken_over(self, claimed_after=17 * SECOND):
        """The first run's node dies; another node does it again, and is heard."""
        row = self.rows[0] = replace(self.rows[0], attempt=2, takeovers=1, node=OTHER)
        at = row.scheduled_for
        self.deaths.append(Death(pid=100, at=at.timestamp(), fault=Fault.KILL))
        claimed = at + claimed_after
        self.steps[2:3] = [
            step(row, at + 16 * SECOND, "running", "queued", attempt=1, takeovers=1, node=NODE),
            step(row, claimed, "queued", "running", takeovers=1),
            step(row, claimed, "running", "succeeded", takeovers=1),
        ]
        self.effects += [
            (what, row.run_id, 2, 200, claimed.timestamp()) for what in ("begin", "end")
        ]

    def verdict(self):
        lines = [" ".join(map(str, effect)) for effect in self.effects]
        (self.folder / "all.effects").write_text("".join(f"{line}\n" for line in lines))
        return judge(
            Evidence(
                size=SIZE,
                database="none",
                planned=[self.one],
                books=Books(rows=self.rows, steps=self.steps),
                diary=Diary(deaths=self.deaths),
                up=[(START.timestamp() - 100, START.timestamp() + 100)],
                folder=self.folder,
            )
        )


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_where_nothing_is_wrong_nothing_is_found(world):
    assert world.verdict().complaints == []


def test_a_takeover_is_timed_from_the_death_to_the_next_claim(world):
    world.taken_over()
    verdict = world.verdict()
    assert verdict.complaints == []
    assert (verdict.takeovers, verdict.takeover_p99, verdict.called_again) == (1, 17.0, 1)


def test_a_takeover_that_takes_too_long_is_found(world):
    world.taken_over(claimed_after=21 * SECOND)
    assert world.verdict().complaints == ["of 100 takeovers one takes longer than 20.0 s"]


def test_a_fire_time_without_a_row_is_lost(world):
    gone = world.rows.pop()
    world.steps = [each for each in world.steps if each.run_id != gone.run_id]
    assert world.verdict().lost == 1


def test_a_fire_time_with_two_rows_is_doubled(world):
    twin = replace(world.rows[0], run_id="f" * 32)
    world.rows.append(twin)
    assert world.verdict().doubled == 1


def test_a_row_of_no_fire_time_is_found(world):
    world.rows[0] = replace(world.rows[0], scheduled_for=START - SECOND)
    assert world.verdict().lost == 1
    assert "no fire times" in world.verdict().complaints[0]


def test_a_run_that_is_still_on_its_way_is_found(world):
    world.rows[0] = replace(world.rows[0], status="running")
    assert world.verdict().unfinished == 1


def test_what_had_to_run_and_was_skipped_is_found(world):
    world.rows[0] = replace(world.rows[0], status="skipped", reason="coalesced", attempt=0)
    assert not world.verdict().is_clean


def test_an_outcome_of_a_node_that_no_longer_held_the_run_is_found(world):
    world.taken_over()
    late = world.steps[4]
    world.steps[4] = replace(late, attempt=1, node=NODE)
    assert any("did not hold it" in each for each in world.verdict().complaints)


def test_a_second_outcome_is_found(world):
    world.steps.append(replace(world.steps[2], was="succeeded", state="failed"))
    assert any("from succeeded to failed" in each for each in world.verdict().complaints)


def test_an_attempt_that_was_called_twice_is_found(world):
    world.effects.append(world.effects[0])
    assert any("begun twice" in each for each in world.verdict().complaints)


def test_a_call_that_nobody_had_claimed_is_found(world):
    world.effects.append(("begin", world.rows[0].run_id, 7, 100, 0.0))
    assert any("nobody had claimed it" in each for each in world.verdict().complaints)


def test_what_succeeded_without_having_been_done_is_found(world):
    del world.effects[:2]
    assert any("without having been done" in each for each in world.verdict().complaints)


def test_what_may_run_at_most_once_and_was_called_again_is_found(tmp_path):
    world = World(tmp_path, "once")
    world.taken_over()
    assert world.verdict().once_doubled == 1


def test_a_seed_gives_the_same_plan_and_another_one_another():
    size = replace(SIZE, faults=20, seconds=100)
    assert (schedules(size, START), strikes(size)) == (schedules(size, START), strikes(size))
    assert strikes(size) != strikes(replace(size, seed=2))
    assert {strike.fault for strike in strikes(size)} == set(Fault)
