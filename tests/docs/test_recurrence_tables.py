"""The tables about rules are true (R28): each row is asked of croniter and of us."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import croniter
import pytest

from clockwright.recurrence import (
    CalendarInterval,
    Cron,
    Interval,
    Once,
    RecurrenceError,
    Union,
    from_words,
    to_words,
)
from tests.docs.markdown import code_in, page

RECURRENCES = page("docs/reference/recurrences.md")
SINCE = datetime(2026, 10, 24, 12, tzinfo=UTC)
DIFFERENCES = RECURRENCES.rows("Differences from croniter")


def shown(instants: list[datetime], like: list[str]) -> list[str]:
    """In the manner of the table: with the zone's name where the row has it."""
    has_zone = like and like[0].count(" ") == 3
    return [f"{at:%d %b %H:%M %Z}" if has_zone else f"{at:%d %b %H:%M}" for at in instants]


def theirs(line: str, zone: str, count: int) -> list[datetime]:
    rule = croniter.croniter(line, SINCE.astimezone(ZoneInfo(zone)))
    return [rule.get_next(datetime).astimezone(ZoneInfo(zone)) for _ in range(count)]


def agrees(cell: str, answer, refusal) -> bool:
    told = code_in(cell)
    try:
        instants = answer(max(1, len(told)))
    except croniter.CroniterBadDateError:
        return cell == "never"
    except refusal:
        return cell == "refused"
    if not instants:
        return cell == "never"
    return cell == "accepted" if not told else shown(instants, told) == told


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row[0])
def test_a_difference_from_croniter_is_as_told(row):
    line, zone = code_in(row[0])[0], row[1]
    assert agrees(row[2], lambda n: theirs(line, zone, n), croniter.CroniterBadCronError)
    assert agrees(row[3], lambda n: Cron(line, zone).upcoming(SINCE, n), RecurrenceError)


@pytest.mark.parametrize("row", RECURRENCES.rows("Said in words"), ids=lambda row: row[0])
def test_a_sentence_becomes_the_rule_of_its_row_and_has_its_canonical_form(row):
    sentence, rule, canonical = (code_in(cell)[0] for cell in row)
    names = {kind.__name__: kind for kind in (Cron, Union, Interval, CalendarInterval, Once)}
    told = eval(rule, names | {"date": date, "time": time})
    assert from_words(sentence) == told
    assert to_words(told) == canonical
    assert from_words(canonical) == told


OCPS = [row for row in RECURRENCES.rows("The dialect ocps") if len(row) == 4]


@pytest.mark.parametrize("row", OCPS, ids=lambda row: row[2])
def test_the_open_cron_pattern_specification_is_covered_as_told(row):
    line, new_year = code_in(row[2])[0], datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    answer = lambda n: Cron(line, dialect="ocps").upcoming(new_year, n)  # noqa: E731
    assert agrees(row[3], answer, RecurrenceError)


def test_the_examples_of_cron_lines_are_accepted():
    lines = [
        row
        for row in RECURRENCES.rows("Cron lines")
        if row[1].startswith(("at", "on", "every", "daily"))
    ]
    tried = [code_in(row[0])[0] for row in lines if code_in(row[0])[0].count(" ") == 4]
    assert len(tried) == 8
    for line in tried:
        assert Cron(line).is_possible()


def test_every_rule_is_in_the_first_table():
    import clockwright.recurrence as rules

    kinds = {
        name
        for name in rules.__all__
        if isinstance(kind := getattr(rules, name), type) and issubclass(kind, rules.Recurrence)
    } - {"Recurrence", "Reboot"}
    told = {
        code_in(row[0].replace("[", "").split("]")[0])[0]
        for row in RECURRENCES.rows("Recurrences")[: len(kinds)]
    }
    assert told == kinds
