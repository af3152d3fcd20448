"""Whatever the rule: its answers agree with each other, and it survives being written down."""

import copy
import json
import pickle
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clockwright.recurrence import Cron, Recurrence, RecurrenceError, from_json
from tests.recurrence.strategies import instants, lines, rules, zones

steady = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
brief = settings(steady, max_examples=40)


def utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


@steady
@given(rules, instants)
def test_the_ways_of_asking_agree(rule, after):
    times = [t.astimezone(UTC) for t in rule.upcoming(after, 6)]
    walked, moment = [], after
    while len(walked) < 6 and (moment := utc(rule.next_after(moment))) is not None:
        walked.append(moment)
    assert times == walked
    assert all(a < b for a, b in pairwise([after, *times]))
    assert all(t.microsecond == 0 for t in times)
    if times:
        assert [t.astimezone(UTC) for t in rule.between(after, times[-1])] == times
        assert rule.count_between(after, times[-1]) == len(times)
        just_before = times[-1] - timedelta(microseconds=1)
        assert rule.count_between(after, just_before) == len(times) - 1
        assert utc(rule.next_after(just_before)) == times[-1]
        backwards = [times[-1] + timedelta(microseconds=1)]
        for _ in times:
            backwards.append(utc(rule.prev_before(backwards[-1])))
        assert backwards[1:] == times[::-1]
        before = rule.prev_before(times[0])
        assert before is None or before.astimezone(UTC) <= after
        explained = rule.explain(times[-1])
        assert explained.fires
        assert utc(explained.previous) == utc(rule.prev_before(times[-1]))
        assert utc(explained.following) == utc(rule.next_after(times[-1]))
        around = rule.explain(just_before)
        assert not around.fires
        assert utc(around.following) == times[-1]
        assert rule.is_possible()


@brief
@given(rules, instants, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_counting_is_walking(rule, start, length):
    end = start + length
    walked = sum(1 for _ in islice(rule.between(start, end), 5_000))
    counted = rule.count_between(start, end)
    assert counted == walked or (walked == 5_000 and counted > walked)
    middle = start + length / 3
    assert counted == rule.count_between(start, middle) + rule.count_between(middle, end)
    assert rule.count_between(end, start) == 0 or length == timedelta(0)


@brief
@given(rules)
def test_a_rule_survives_json(rule):
    written = json.loads(json.dumps(rule.to_json()))
    again = from_json(written)
    assert again == rule
    assert hash(again) == hash(rule)
    assert again.to_json() == written
    assert repr(again) == repr(rule)
    assert isinstance(again, Recurrence)
    sentence = rule.describe()
    assert sentence.endswith(".")
    assert "\n" not in sentence


@brief
@given(rules, instants)
def test_a_copy_of_a_rule_is_the_same_rule(rule, after):
    for copied in (pickle.loads(pickle.dumps(rule)), copy.deepcopy(rule), copy.copy(rule)):
        assert copied == rule
        assert hash(copied) == hash(rule)
        assert copied.upcoming(after, 3) == rule.upcoming(after, 3)
        assert copied.next_after(after) == rule.next_after(after)


@brief
@given(rules)
def test_a_rule_cannot_be_changed(rule):
    with pytest.raises(AttributeError):
        rule.tz = "UTC"
    with pytest.raises((AttributeError, TypeError)):
        rule.anything = 1


@brief
@given(rules, st.datetimes())
def test_a_naive_instant_is_refused(rule, naive):
    for ask in (rule.next_after, rule.prev_before, lambda t: rule.upcoming(t, 1)):
        with pytest.raises(RecurrenceError, match="naive"):
            ask(naive)
    for ends in ((naive, datetime.now(UTC)), (datetime.now(UTC), naive)):
        with pytest.raises(RecurrenceError, match="naive"):
            rule.count_between(*ends)
        with pytest.raises(RecurrenceError, match="naive"):
            rule.between(*ends)


@pytest.mark.parametrize("asked", [None, 0, "2026-01-01T00:00:00Z", date(2026, 1, 1)])
def test_what_is_no_instant_is_refused(asked):
    rule = Cron("0 5 * * *")
    for ask in (rule.next_after, rule.prev_before, lambda t: rule.upcoming(t, 1)):
        with pytest.raises(RecurrenceError, match="must be a datetime"):
            ask(asked)


@steady
@given(lines, zones, instants, instants)
def test_bounds_are_included_and_cut_nothing_else(line, zone, first, second):
    free = Cron(line, zone)
    start, end = sorted((first, second))
    times = [t.astimezone(UTC) for t in free.upcoming(start, 3)]
    if not times or times[-1] > end:
        return
    bounded = Cron(line, zone, start=times[0], end=times[-1])
    assert [t.astimezone(UTC) for t in bounded.upcoming(start, 9)] == times
    assert bounded.count_between(start, end) == len(times)
    assert utc(bounded.prev_before(end)) == utc(times[-1]) or times[-1] == end
    hole = Cron(line, zone, exclude=[(times[0], times[-1])])
    assert utc(hole.next_after(start)) == times[-1]
    assert hole.count_between(start, times[-1]) == 1


def refusal(text: str, dialect: str = "unix") -> RecurrenceError | None:
    try:
        Cron(text, dialect=dialect)
    except RecurrenceError as error:
        return error
    return None


@steady
@given(st.text(max_size=40))
def test_text_is_taken_or_refused_with_a_recurrence_error(text):
    for dialect in ("unix", "seconds", "seconds_year"):
        error = refusal(text, dialect)
        assert error is None or (str(error) and "\n" not in str(error))


cron_like = st.lists(
    st.text("0123456789*/,-#LWH?@ JANMOFRI~", min_size=1, max_size=8), min_size=5, max_size=5
).map(" ".join)


@steady
@given(cron_like)
def test_near_misses_are_taken_or_refused_with_their_place(text):
    error = refusal(text)
    if error is None:
        assert Cron(text).is_possible() in {True, False}
    else:
        assert error.expression == text
        assert error.column is None or 1 <= error.column <= len(text) + 1
