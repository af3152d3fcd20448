"""Unions, exceptions and business days as rules of schedules, from the configuration to the ledger."""

from __future__ import annotations

import pytest

from clockwright.recurrence import BusinessDays, Calendar, Cron, Except, Interval, Union, from_json
from clockwright.schedules import foresight
from clockwright.schedules.errors import InvalidScheduleException
from tests.support.scheduling import again, at, ledger

MORNING = {"type": "cron", "expression": "0 9 * * *"}
EASTER = {"name": "uk", "easter": [-2, 1], "nth_weekdays": ["1st mon may"]}
MOVED = {
    "type": "business_days",
    "rule": {"type": "cron", "expression": "0 9 1,5 * *"},
    "calendar": EASTER,
    "otherwise": "next",
}


def test_a_moved_fire_time_is_previewed_stored_and_run_when_it_was_said(life):
    """From Monday 2 March 2026: the 5th is a Thursday, 1 April a Wednesday, 5 April Easter, the 6th closed too."""
    row = life.add(schedule_type="rule", recurrence=MOVED, timezone="Europe/London")
    said = from_json(row.recurrence).upcoming(life.clock.now(), 3)
    assert [f"{moment:%a %d %b %H:%M}" for moment in said] == [
        "Thu 05 Mar 09:00",
        "Wed 01 Apr 09:00",
        "Tue 07 Apr 09:00",
    ]
    assert row.next_execution_at == said[0]
    life.advance(days=40)
    assert ledger(row) == [(moment, "succeeded") for moment in said]


def test_settling_a_long_sleep_accounts_for_each_fire_time_of_a_union_once(life):
    union = {"type": "union", "rules": [MORNING, {**MORNING, "expression": "0 */3 * * *"}]}
    row = life.add(
        schedule_type="rule",
        recurrence=union,
        catch_up="all",
        catch_up_limit=3,
        grace_period_seconds=None,
    )
    life.sleep(days=2)
    life.advance(seconds=1)
    told = ledger(row)
    assert len({moment for moment, _ in told}) == len(told) == 16
    assert [status for _, status in told].count("succeeded") == 3


def test_a_combination_keeps_its_rule_when_another_key_changes(life):
    row = life.add(schedule_type="rule", recurrence=MOVED, timezone="Europe/London")
    life.update(row, max_instances=2)
    assert again(row).recurrence == row.recurrence
    assert again(row).schedule_type == "rule"


def test_another_zone_moves_the_rules_inside_that_were_in_the_old_one(life):
    rules = [MORNING, {**MORNING, "tz": "Asia/Tokyo"}]
    union = {"type": "except", "rule": {"type": "union", "rules": rules}, "weekdays": ["sun"]}
    row = life.add(schedule_type="rule", recurrence=union, timezone="Europe/London")
    life.update(row, timezone="America/New_York")
    rule = from_json(again(row).recurrence)
    assert rule == Except(
        Union(
            [Cron("0 9 * * *", "America/New_York"), Cron("0 9 * * *", "Asia/Tokyo")],
            "America/New_York",
        ),
        weekdays=("sun",),
    )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {
                "type": "except",
                "rule": {**MORNING, "expression": "0 9 * * sun"},
                "weekdays": ["sun"],
            },
            "never fires",
        ),
        (
            {
                **MOVED,
                "calendar": {
                    "name": "shut",
                    "weekend": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                },
            },
            "no business day",
        ),
        ({**MOVED, "otherwise": "later"}, "otherwise"),
        ({"type": "union", "rules": []}, "0 rules"),
    ],
)
def test_a_combination_that_cannot_fire_or_is_wrong_is_refused_with_its_reason(life, rule, said):
    with pytest.raises(InvalidScheduleException, match=said):
        life.add(schedule_type="rule", recurrence=rule)


def test_the_static_question_for_the_next_execution_knows_combinations():
    found = foresight.next_execution({"schedule_type": "rule", "recurrence": MOVED})
    assert found > at("2026-03-02T09:00:00+00:00")


def test_rules_made_in_code_are_the_same_as_those_of_their_json(life):
    rule = BusinessDays(Interval(hours=5), Calendar("plain"), otherwise="previous")
    row = life.add(schedule_type="rule", recurrence=rule.to_json())
    assert from_json(row.recurrence) == rule
