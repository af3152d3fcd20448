"""Without one of its guards the store breaks a promise, and the simulation notices: so it would notice it in ours."""

from __future__ import annotations

import pytest

from clockwright.testing.simulation import Guard, Report, simulate

BOUND = 400


def first_violation_without(guard: Guard) -> Report:
    for seed in range(BOUND):
        report = simulate(seed, removed=[guard])
        if not report.is_clean:
            return report
    pytest.fail(f"{BOUND} worlds without the {guard}, and nobody noticed")


def test_without_the_fence_a_superseded_attempt_is_heard_and_that_is_noticed():
    report = first_violation_without(Guard.FENCE)
    assert "by the word of" in report.violations[0]


def test_without_the_unique_constraint_a_fire_time_has_two_rows_and_that_is_noticed():
    report = first_violation_without(Guard.UNIQUE)
    assert "a second row" in report.violations[0]


def test_without_the_version_condition_an_edit_is_lost_and_that_is_noticed():
    report = first_violation_without(Guard.VERSION)
    assert "edit" in report.violations[0] or "reference" in report.violations[0]
