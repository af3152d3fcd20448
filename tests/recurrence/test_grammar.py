"""What a cron line may say, and what an error says about one that may not."""

from datetime import UTC, date, datetime

import pytest

from clockwright.recurrence import Cron, CronFields, RecurrenceError
from clockwright.recurrence.errors import shown
from tests.recurrence.steps import steps_of

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "field", "column", "token", "hint"),
    [
        ("61 * * * *", "minute", 1, "61", "from 0 to 59"),
        ("0 24 * * *", "hour", 3, "24", "from 0 to 23"),
        ("0 0 0 * *", "day-of-month", 5, "0", "from 1 to 31"),
        ("0 0 * 13 *", "month", 7, "13", "from 1 to 12"),
        ("0 0 * * 8", "day-of-week", 9, "8", "from 0 to 7"),
        ("  0\t24 * * *", "hour", 5, "24", "from 0 to 23"),
        ("1,2,,3 * * * *", "minute", 5, "1,2,,3", "remove a comma"),
        ("0 22-2 * * *", "hour", 3, "22-2", "write 22-23,0-2"),
        ("*/0 * * * *", "minute", 3, "*/0", "from 1"),
        ("*/-5 * * * *", "minute", 3, "*/-5", "from 1"),
        ("-1 * * * *", "minute", 1, "-1", "without a sign"),
        ("0 0 * JANUARY *", "month", 7, "JANUARY", "write JAN"),
        ("0 0 * * Monday", "day-of-week", 9, "Monday", "write MON"),
        ("MON * * * *", "minute", 1, "MON", "from 0 to 59"),
        ("0 0 L5 * *", "day-of-month", 5, "L5", "write 5L"),
        ("0 0 * * L5", "day-of-week", 9, "L5", "write 5L"),
        ("0 0 W15 * *", "day-of-month", 5, "W15", "write 15W"),
        ("0 0 * * 1#6", "day-of-week", 9, "1#6", "from 1 to 5"),
        ("0 0 L-31 * *", "day-of-month", 5, "L-31", "from 1 to 30"),
        ("0 0 1-5W * *", "day-of-month", 7, "5W", ""),
        ("0 0 L/2 * *", "day-of-month", 5, "L", ""),
        ("L * * * *", "minute", 1, "L", ""),
        ("? * * * *", "minute", 1, "?", "write *"),
        ("0 0 ?,1 * *", "day-of-month", 5, "?", "write *"),
        ("H * * * *", "minute", 1, "H", "fixed value"),
        ("R R * * *", "minute", 1, "R", "from 0 to 59"),
        ("1~5 * * * *", "minute", 1, "1~5", "from 0 to 59"),
        ("@never", None, 1, "@never", "@daily"),
        ("@reboot", None, 1, "@reboot", "parse()"),
        ("* * * *", None, None, "* * * *", "unix has 5"),
        ("*/5 * * * * *", None, None, "*/5 * * * * *", "seconds 6"),
        ("1\u20135 * * * *", None, 2, "\u2013", "anew"),
    ],
)
def test_an_error_names_field_column_token_and_hint(line, field, column, token, hint):
    with pytest.raises(RecurrenceError) as caught:
        Cron(line)
    error = caught.value
    assert (error.field, error.column, error.token) == (field, column, token)
    assert hint in error.hint
    assert error.expression == line
    assert error.reason in str(error)
    assert error.position == (None if column is None else column - 1)
    assert error.value == error.token
    assert error.as_dict()["reason"] == error.reason


def test_long_text_is_refused():
    with pytest.raises(RecurrenceError, match="255"):
        Cron("0," * 200 + "0 * * * *")


@pytest.mark.parametrize("line", [None, 5, b"* * * * *", ["*"] * 5])
def test_what_is_no_text_is_refused(line):
    with pytest.raises((RecurrenceError, TypeError)):
        Cron(line)


def test_c_07_c_64_the_number_of_fields_is_never_guessed():
    for line in ("*/5 * * * * *", "0 0 0 1 1 * 2030", "* * * *"):
        with pytest.raises(RecurrenceError, match="fields instead of 5"):
            Cron(line)
    assert Cron("*/5 * * * * *", dialect="seconds").next_after(NEW_YEAR).second == 5


def test_c_15_r7_weekdays_count_from_sunday_in_lines_and_from_monday_in_keywords():
    assert Cron("0 0 * * 0").next_after(NEW_YEAR).strftime("%a") == "Sun"
    assert Cron("0 0 * * 7").next_after(NEW_YEAR).strftime("%a") == "Sun"
    assert CronFields(day_of_week=0).next_after(NEW_YEAR).strftime("%a") == "Mon"
    assert "Sunday" in Cron("0 0 * * 0").describe()
    assert "Monday" in CronFields(day_of_week=0).describe()


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("FRI-SUN", {5, 6, 0}),
        ("SUN-TUE", {0, 1, 2}),
        ("0-7", set(range(7))),
        ("5-7", {5, 6, 0}),
        ("SUN-SUN", {0}),
        ("7-7", {0}),
        ("7/2", {0}),
        ("SUN/2", {0, 2, 4, 6}),
        ("*/2", {0, 2, 4, 6}),
        ("4/2", {4, 6}),
        ("1-7/2", {1, 3, 5, 0}),
        ("mon,Wed,FRI", {1, 3, 5}),
    ],
)
def test_sunday_is_zero_and_seven(field, days):
    times = Cron(f"0 0 * * {field}").upcoming(NEW_YEAR, 30)
    assert {t.isoweekday() % 7 for t in times if (t - times[0]).days < 7} == days


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("0 0 2,15 * FRI", "2025-01-02"),  # either
        ("0 0 */2 * FRI", "2025-01-03"),  # both: an odd day
        ("0 0 13 * *", "2025-01-13"),
        ("0 0 ? * 1", "2025-01-06"),
        ("0 0 LW * *", "2025-01-31"),
        ("0 0 1W * *", "2025-01-01"),
        ("0 0 L-2 2 *", "2025-02-26"),
        ("0 0 * * 1#5", "2025-03-31"),
        ("0 0 * * FRI#L", "2025-01-31"),
    ],
)
def test_days_are_found(line, first):
    before = datetime(2024, 12, 31, 12, tzinfo=UTC)
    assert Cron(line).next_after(before).date().isoformat() == first


def test_the_day_rule_can_be_chosen():
    day = {
        rule: Cron("0 0 */10 * FRI", day_rule=rule).next_after(NEW_YEAR).day
        for rule in ("vixie", "bare_star", "and")
    }
    assert day == {"vixie": 31, "bare_star": 3, "and": 31}
    line = "0 0 13 * FRI"
    assert Cron(line, day_rule="and").next_after(NEW_YEAR).isoformat()[:10] == "2025-06-13"
    assert Cron(line).next_after(NEW_YEAR).isoformat()[:10] == "2025-01-03"


@pytest.mark.parametrize("line", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31W 2 *"])
def test_c_63_an_impossible_rule_says_so_at_once(line):
    rule = Cron(line, "Australia/Sydney")
    assert rule.next_after(NEW_YEAR) is None
    assert rule.prev_before(NEW_YEAR) is None
    assert not rule.is_possible()
    assert rule.upcoming(NEW_YEAR, 5) == []
    assert rule.count_between(NEW_YEAR, datetime(2125, 1, 1, tzinfo=UTC)) == 0
    steps, _ = steps_of(lambda: Cron(line, "Australia/Sydney").next_after(NEW_YEAR))
    assert steps < 20_000  # 400 years have 400 Februaries to look at, or 1,600 months of 30 days


def test_rare_rules_are_possible():
    assert Cron("0 0 29 2 *").next_after(datetime(2096, 3, 1, tzinfo=UTC)).year == 2104
    rare = Cron("0 0 29 2 1", day_rule="and")
    assert rare.next_after(NEW_YEAR).isoformat()[:10] == "2044-02-29"
    assert Cron("0 0 * 2 1#5").next_after(NEW_YEAR).isoformat()[:10] == "2044-02-29"
    assert not Cron("0 0 0 29 2 * 2025-2027", dialect="seconds_year").is_possible()


def test_s1_46_around_midnight():
    rule = Cron("0 0 * * *", "Asia/Beirut")
    # Midnight of 30 March 2025 does not exist there: the day begins at 01:00.
    times = [t.isoformat() for t in rule.upcoming(datetime(2025, 3, 29, tzinfo=UTC), 2)]
    assert times == ["2025-03-30T01:00:00+03:00", "2025-03-31T00:00:00+03:00"]
    last = Cron("59 23 * * *").prev_before(NEW_YEAR)
    assert last.isoformat() == "2024-12-31T23:59:00+00:00"


def test_s1_47_month_ends():
    days = [t.isoformat()[:10] for t in Cron("0 0 31 * *").upcoming(NEW_YEAR, 3)]
    assert days == ["2025-01-31", "2025-03-31", "2025-05-31"]
    last = [t.isoformat()[:10] for t in Cron("0 0 L * *").upcoming(NEW_YEAR, 3)]
    assert last == ["2025-01-31", "2025-02-28", "2025-03-31"]


def test_c_51_a_step_of_days_begins_anew_each_month():
    days = [t.day for t in CronFields(day="*/5").upcoming(datetime(2025, 1, 20, tzinfo=UTC), 4)]
    assert days == [21, 26, 31, 1]


def test_r19_c_52_no_field_is_an_error():
    with pytest.raises(RecurrenceError, match="no field is given"):
        CronFields()
    with pytest.raises(RecurrenceError, match="no field is given"):
        CronFields("Europe/Berlin", start=NEW_YEAR)


def test_s2_34_s2_35_the_documented_keyword_forms_are_taken():
    documented = CronFields(
        year="2025",
        month="1-12",
        day="*/5",
        week="*",
        day_of_week="0-6",
        hour="0-23",
        minute="*/15",
        second="*/30",
    )
    assert documented.next_after(NEW_YEAR).isoformat() == "2025-01-01T00:00:30+00:00"
    for given in ({"month": "*/2"}, {"day_of_week": "mon,wed,fri"}, {"hour": "*/3"}, {"week": 7}):
        assert CronFields(**given).is_possible()
    assert CronFields(day=1) == CronFields(day="1")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"day_of_week": "mon-fri/2x"}, "day_of_week"),
        ({"day_of_week": "7"}, "day_of_week"),
        ({"day_of_week": "fri-mon"}, "day_of_week"),
        ({"hour": 24}, "hour"),
        ({"hour": -1}, "hour"),
        ({"hour": True}, "hour"),
        ({"hour": 1.5}, "hour"),
        ({"hour": ""}, "hour"),
        ({"minute": "*/0"}, "minute"),
        ({"year": 1969}, "year"),
        ({"week": "54"}, "week"),
        ({"day": "6th fri"}, "day"),
        ({"day": "1st funday"}, "day"),
        ({"day": "last fri x"}, "day"),
        ({"day": "L"}, "day"),
        ({"second": "é"}, "second"),
        ({"second": "1\n"}, "second"),
    ],
)
def test_wrong_keyword_fields_are_refused_by_name(given, field):
    with pytest.raises(RecurrenceError) as caught:
        CronFields(**given)
    assert caught.value.field == field


def test_a_step_over_the_range_leaves_one_value():
    times = CronFields(minute="*/60").upcoming(NEW_YEAR, 2)
    assert [t.minute for t in times] == [0, 0]
    assert Cron("*/60 * * * *").next_after(NEW_YEAR).hour == 1


def test_aliases_are_lines():
    for alias, line in (
        ("@daily", "0 0 * * *"),
        ("@WEEKLY", "0 0 * * 0"),
        ("@hourly", "0 * * * *"),
    ):
        assert Cron(alias).upcoming(NEW_YEAR, 3) == Cron(line).upcoming(NEW_YEAR, 3)


def test_a_year_of_seconds_is_counted_without_walking_them():
    rule = Cron("* * * * * *", "Australia/Sydney", dialect="seconds")
    end = datetime(2026, 1, 1, tzinfo=UTC)
    steps, counted = steps_of(lambda: rule.count_between(NEW_YEAR, end))
    assert counted == 365 * 86_400
    assert steps < 10_000


SHOWN = {
    r"'5\n'": "5\n",
    "5": 5,
    "1.5": 1.5,
    "null": None,
    "true": True,
    '{"a": [1, "ü"]}': {"a": [1, "ü"]},
    r'["\ud800"]': ["\ud800"],
    "list": [date(2026, 1, 1)],
    "int": 10**5_000,
    "'2026-01-01'": date(2026, 1, 1),
    f"[{'1, ' * 19}1…": [1] * 99,
}


@pytest.mark.parametrize("told", SHOWN)
def test_a_refused_value_is_shown_as_it_was_given(told):
    assert shown(SHOWN[told]) == told
    with pytest.raises(RecurrenceError, match="is text, not 5"):
        Cron(5)
