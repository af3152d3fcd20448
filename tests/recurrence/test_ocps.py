"""The dialect `ocps`, by the sections of the Open Cron Pattern Specification."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clockwright.recurrence import Cron, Reboot, RecurrenceError, from_json, parse

BEFORE = datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)


def dates(line: str, count: int) -> list[str]:
    rule = Cron(line, dialect="ocps")
    return [f"{at:%d %b %H:%M}" for at in rule.upcoming(BEFORE, count)]


def refused(line: str) -> RecurrenceError:
    with pytest.raises(RecurrenceError) as caught:
        Cron(line, dialect="ocps")
    return caught.value


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("20 7 * * *", ["01 Jan 07:20", "02 Jan 07:20"]),
        ("\t20  7 * * * ", ["01 Jan 07:20", "02 Jan 07:20"]),
        ("0 6 * feb,JUN tUe", ["03 Feb 06:00", "10 Feb 06:00"]),
        ("0 6 * * 7", ["04 Jan 06:00", "11 Jan 06:00"]),
        ("10-40/15 6 * * *", ["01 Jan 06:10", "01 Jan 06:25", "01 Jan 06:40"]),
        ("0 6 10 * WED", ["07 Jan 06:00", "10 Jan 06:00", "14 Jan 06:00"]),
        ("0 0 30 2 *", []),
    ],
)
def test_1_0_five_fields_are_those_of_vixie_cron(line, found):
    assert dates(line, 3)[: len(found)] == found


@pytest.mark.parametrize(
    ("line", "field", "column"),
    [
        ("72 0 * * *", "minute", 1),
        ("0 0 20-8 * *", "day-of-month", 5),
        ("0 0 */0 * *", "day-of-month", 7),
        ("*,*,77 0 * * *", "minute", 5),
        ("/20 0 * * *", "minute", 1),
        ("4/20 0 * * *", "minute", 1),
        ("7,mon/3 0 * * *", "minute", 3),
        ("0 0 * * mon/2", "day-of-week", 9),
    ],
)
def test_1_1_6_2_what_is_no_value_range_or_step_is_refused(line, field, column):
    error = refused(line)
    assert (error.field, error.column) == (field, column)


def test_1_1_6_2_a_step_from_a_single_value_names_the_range_to_write():
    assert "write 4-59/20" in refused("4/20 0 * * *").hint
    assert Cron("4/20 0 * * *").is_possible(), "the other dialects have it"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0 6 * * WED", ["07 Jan 06:00", "14 Jan 06:00"]),
        ("0 6 *,10 * WED", ["07 Jan 06:00", "14 Jan 06:00"]),
        ("0 6 10 * *,WED", ["10 Jan 06:00", "10 Feb 06:00"]),
        ("0 6 */9 * WED", ["01 Jan 06:00", "07 Jan 06:00", "10 Jan 06:00"]),
        ("0 6 1-31 * WED", ["01 Jan 06:00", "02 Jan 06:00"]),
    ],
)
def test_1_1_6_1_only_a_first_item_of_one_star_leaves_a_day_field_open(line, found):
    """Where `vixie` looks at the first character, so that `*/9` would ask for both."""
    assert dates(line, len(found)) == found


def test_1_1_7_nicknames_tell_capitals_apart_and_stand_alone():
    assert dates("@weekly", 2) == ["04 Jan 00:00", "11 Jan 00:00"]
    assert dates(" @hourly ", 2) == ["01 Jan 00:00", "01 Jan 01:00"]
    for pair in ("yearly annually", "daily midnight"):
        assert len({tuple(dates(f"@{name}", 3)) for name in pair.split()}) == 1
    assert "unknown alias" in refused("@Weekly").reason
    assert refused("@weekly 0 0 * * *")
    assert Cron("@Weekly") == Cron("@Weekly"), "the other dialects do not tell them apart"


def test_1_1_7_2_reboot_is_read_as_the_rule_that_it_is():
    assert parse(" @reboot ", dialect="ocps") == Reboot()
    assert "parse()" in refused("@reboot").hint
    for text in ("@Reboot", "@every 5m"):
        with pytest.raises(RecurrenceError):
            parse(text, dialect="ocps")
    assert parse("20 7 * * *", dialect="ocps") == Cron("20 7 * * *", dialect="ocps")


@pytest.mark.parametrize(
    ("line", "second", "years"),
    [
        ("20 7 * * *", 0, {2026}),
        ("40 20 7 * * *", 40, {2026}),
        ("0 20 7 5 6 * 2031", 0, {2031}),
        ("0 0 0 1 1 * 2027-2033/3", 0, {2027, 2030, 2033}),
        ("0 0 0 1 1 * 2028,2044", 0, {2028, 2044}),
        ("0 0 0 1 1 * */50", 0, {2070, 2120, 2170}),
    ],
)
def test_1_2_the_number_of_fields_says_which_they_are(line, second, years):
    found = Cron(line, dialect="ocps").upcoming(BEFORE, 3)
    assert {at.second for at in found} == {second}
    assert {at.year for at in found} == years


def test_1_2_years_are_those_of_the_portable_range():
    assert refused("0 0 0 1 1 * 1969").field == "year"
    assert refused("0 0 0 1 1 * 2200").field == "year"


@pytest.mark.parametrize("line", ["0 0 * *", "0 0 0 1 1 * 2030 5", ""])
def test_1_2_other_numbers_of_fields_are_refused(line):
    assert "instead of 5 or 6 or 7" in refused(line).reason


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0 6 L * *", ["31 Jan 06:00", "28 Feb 06:00"]),
        ("0 6 * * 2L", ["27 Jan 06:00", "24 Feb 06:00"]),
        ("0 6 * * TUE#L", ["27 Jan 06:00", "24 Feb 06:00"]),
        ("0 6 * * 2#2", ["13 Jan 06:00", "10 Feb 06:00"]),
        ("0 6 11W * *", ["12 Jan 06:00", "11 Feb 06:00"]),
        ("0 6 1W 8 *", ["03 Aug 06:00", "02 Aug 06:00"]),
    ],
)
def test_1_3_last_nth_and_nearest_days(line, found):
    assert dates(line, 2) == found


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("0 6 3-11W * *", 7),
        ("0 6 11W,20 * *", 5),
        ("0 6 3,11W * *", 7),
        ("0 6 LW * *", 5),
        ("0 6 1,L-3 * *", 7),
        ("0 6 * * 2#6", 9),
        ("0 6 * L *", 7),
    ],
)
def test_1_3_w_stands_alone_and_what_the_specification_lacks_is_refused(line, column):
    assert refused(line).column == column


def test_1_4_a_plus_before_the_day_of_week_asks_for_both():
    assert dates("0 6 10 * WED", 2) == ["07 Jan 06:00", "10 Jan 06:00"]
    assert dates("0 6 10 * +WED", 2) == ["10 Jun 06:00", "10 Feb 06:00"]
    assert dates("0 6 10 * +WED,sun", 2) == ["10 May 06:00", "10 Jun 06:00"]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("0 6 +10 * WED", 5),
        ("0 6 10 * WED,+SUN", 10),
        ("0 6 10 * ++WED", 11),
        ("+0 6 10 * WED", 1),
        ("0 6 10 * +", 10),
        ("0 6 10 * +WED,9", 15),
        ("0 6 10 * mon,+9", 10),
    ],
)
def test_1_4_a_plus_elsewhere_is_refused_and_shifts_no_column(line, column):
    assert refused(line).column == column


def test_1_4_a_question_mark_is_a_star_in_the_day_fields_alone():
    for line in ("0 6 ? * WED", "0 6 10 * ?", "0 6 ? * ?"):
        assert dates(line, 3) == dates(line.replace("?", "*"), 3)
    assert refused("? 6 * * *").field == "minute"
    assert refused("0 6 * ? *").field == "month"


def test_1_4_4_3_1_the_recommended_clock_changes_are_the_preset_skip():
    spring = datetime(2026, 3, 28, 12, tzinfo=UTC)
    asked = Cron("30 2 * * *", "Europe/Berlin", dialect="ocps", clock="skip")
    assert f"{asked.next_after(spring):%d %H:%M}" == "30 02:30"
    default = Cron("30 2 * * *", "Europe/Berlin", dialect="ocps")
    assert f"{default.next_after(spring):%d %H:%M}" == "29 03:00"


@pytest.mark.parametrize("options", [{"seed": "a"}, {"day_rule": "and"}, {"day_rule": "bare_star"}])
def test_options_that_the_specification_settles_are_refused(options):
    with pytest.raises(RecurrenceError, match="dialect ocps") as caught:
        Cron("0 6 10 * WED", dialect="ocps", **options)
    assert caught.value.field in options


def test_the_dialect_is_kept_in_the_json():
    rule = Cron("0 6  10 * +WED", dialect="ocps")
    assert rule.to_json()["dialect"] == "ocps"
    assert rule.to_json()["expression"] == "0 6 10 * +WED"
    assert from_json(rule.to_json()) == rule


_item = st.one_of(
    st.integers(1, 12).map(str),
    st.tuples(st.integers(1, 6), st.integers(6, 12)).map(lambda ends: f"{ends[0]}-{ends[1]}"),
    st.tuples(st.integers(1, 6), st.integers(1, 9)).map(lambda pair: f"{pair[0]}-12/{pair[1]}"),
    st.sampled_from(["*", "*/2", "*/5"]),
)
_field = st.lists(_item, min_size=1, max_size=3).map(",".join)


@given(st.lists(_field, min_size=3, max_size=3), st.sampled_from(["*", "0-3", "2,4"]))
def test_with_one_open_day_field_it_means_what_unix_means(fields, weekday):
    minute, hour, month = fields
    line = f"{minute} {hour} * {month} {weekday}"
    assert Cron(line, dialect="ocps").upcoming(BEFORE, 5) == Cron(line).upcoming(BEFORE, 5)


@given(st.text(st.sampled_from("0123456789*,-/+?LW#H@ \tadeimnortuy"), max_size=40))
def test_any_text_is_a_rule_or_a_refusal_with_a_place(text):
    try:
        found, error = Cron(text, dialect="ocps").upcoming(BEFORE, 3), None
    except RecurrenceError as refusal:
        found, error = [], refusal
    assert all(a < b for a, b in pairwise(found))
    assert error is None or error.column is None or 1 <= error.column <= len(text) + 1
