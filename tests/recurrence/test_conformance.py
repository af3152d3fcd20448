"""Every case file, in chunks: one test reports all its failures."""

import pytest

from clockwright.recurrence import Cron, RecurrenceError
from tests.recurrence.conformance import CASES, DIALECTS, cases, failures, report, verdict

CHUNKS = 4
# Wrong in two fields; the case names the field of the line that it was made from.
TWICE_WRONG = {"41 21 * 8-12 MON TUE FRI"}
PRESETS = {"debian": "vixie", "wall": "wall", "skip": "skip", "shift": "rfc5545"}


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize(
    "name",
    [
        "bounds",
        "clock_changes",
        "clock_changes_hard",
        "cron",
        "keyword",
        "keyword_midnight",
        "rrule",
    ],
)
def test_each_case_of_a_file_has_the_expected_fire_times(name, chunk):
    lines = cases(name)[chunk::CHUNKS]
    failed = failures(lines)
    assert lines
    assert not failed, report(failed, len(lines))


def test_the_bare_star_rule_differs_where_the_cases_say_so():
    lines = [case for case in cases("cron") if "expect_bare_star_rule" in case]
    verdicts = (verdict(c, c["expect_bare_star_rule"], day_rule="bare_star") for c in lines)
    failed = [text for text in verdicts if text is not None]
    assert len(lines) > 300
    assert not failed, report(failed, len(lines))


@pytest.mark.parametrize("policy", PRESETS)
def test_each_clock_policy_has_the_expected_fire_times(policy):
    lines = cases("policies")
    verdicts = (verdict(case, case["expect"][policy], clock=PRESETS[policy]) for case in lines)
    failed = [text for text in verdicts if text is not None]
    assert not failed, report(failed, len(lines))


def test_invalid_lines_are_refused_in_the_right_field_and_valid_ones_taken():
    failed = []
    for case in cases("invalid"):
        dialects = (
            ["unix", "seconds", "seconds_year"]
            if case["dialect"] == "any"
            else [DIALECTS[case["dialect"]]]
        )
        for dialect in dialects:
            try:
                Cron(case["expr"], dialect=dialect)
            except RecurrenceError as error:
                named = case.get("field") in {None, error.field} or case["expr"] in TWICE_WRONG
                if case["valid"] or not named:
                    failed.append(f"{case} refused: {error}")
                if not case["valid"] and not (error.hint or error.token):
                    failed.append(f"{case} says too little: {error}")
            else:
                if not case["valid"]:
                    failed.append(f"{case} taken")
    assert not failed, report(failed, len(cases("invalid")))


def test_no_case_file_is_forgotten():
    assert {path.name.split(".")[0] for path in CASES.glob("*.gz")} == {
        "bounds",
        "clock_changes",
        "clock_changes_hard",
        "cron",
        "invalid",
        "keyword",
        "keyword_midnight",
        "policies",
        "rrule",
    }
