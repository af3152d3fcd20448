"""The words of descriptions: one catalogue a language.

Code chooses phrases and fills their placeholders; order, endings and joints are the catalogue's. A translator makes
another ``Phrases`` and hands it to ``describe(phrases=...)``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Final

Text = str | tuple[str, ...]


def english_ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th..."""
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"


def one_or_many(number: int) -> int:
    """The plural form of English and its kin: the first for 1, the second for all else."""
    return int(number != 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """A language: names, phrases with ``{placeholders}``, and two rules of grammar.

    ``weekdays`` begin with Sunday. ``texts`` has the keys of ``ENGLISH.texts``, each with placeholders out of those
    there; where that is a tuple it holds the plural forms (as many as the language has), of which ``plural(n)`` gives
    the index. ``ordinal(n)`` names a place. Raises ValueError for a key too many or too few, and for a placeholder
    that nothing fills.
    """

    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    texts: Mapping[str, Text]
    plural: Callable[[int], int] = one_or_many
    ordinal: Callable[[int], str] = english_ordinal

    def __post_init__(self) -> None:
        if (len(self.weekdays), len(self.months)) != (7, 12):
            raise ValueError("weekdays must be 7 names from Sunday on, months 12")
        if wrong := sorted(set(self.texts) ^ set(_ENGLISH)):
            raise ValueError(f"texts: missing or unknown: {', '.join(wrong)}")
        for key, text in self.texts.items():
            if isinstance(text, str) != isinstance(_ENGLISH[key], str):
                raise ValueError(f"texts[{key!r}]: plural forms are a tuple, all else is a string")
            if unfilled := _placeholders(text) - _placeholders(_ENGLISH[key]):
                raise ValueError(f"texts[{key!r}]: nothing fills {', '.join(sorted(unfilled))}")

    def say(self, key: str, **values: object) -> str:
        """A phrase with its placeholders filled."""
        text = self.texts[key]
        return (text if isinstance(text, str) else text[0]).format(**values)

    def many(self, key: str, number: int, **values: object) -> str:
        """A phrase in the plural form of ``number``, its placeholder ``{n}``."""
        text = self.texts[key]
        form = text if isinstance(text, str) else text[min(self.plural(number), len(text) - 1)]
        return form.format(n=number, **values)

    def all_of(self, words: Sequence[str]) -> str:
        """A list whose members count together: a, b and c."""
        return self._listed(words, "all_of")

    def any_of(self, words: Sequence[str]) -> str:
        """A list of which one is enough: a, b or c."""
        return self._listed(words, "any_of")

    def joined(self, clauses: Sequence[str]) -> str:
        """The clauses of a sentence, without its end."""
        text = clauses[0]
        for clause in clauses[1:]:
            text = self.say("then", first=text, second=clause)
        return text

    def sentence(self, clauses: Sequence[str]) -> str:
        """The clauses as a sentence."""
        text = self.say("sentence", words=self.joined(clauses))
        return f"{text[:1].upper()}{text[1:]}"

    def place(self, number: int) -> str:
        """A place counted from the start, or (negative) from the end: 2nd, last, 2nd last."""
        if number > 0:
            return self.ordinal(number)
        if number == -1:
            return self.say("last")
        return self.say("from_last", place=self.ordinal(-number))

    def weekday(self, number: int) -> str:
        """The name of a weekday, Sunday = 0."""
        return self.weekdays[number]

    def month(self, number: int) -> str:
        """The name of a month, January = 1."""
        return self.months[number - 1]

    def clock(self, hour: int, minute: int, second: int = 0) -> str:
        """A time of day: 03:00, or 03:00:15."""
        key = "clock_with_seconds" if second else "clock"
        return self.say(key, hour=f"{hour:02}", minute=f"{minute:02}", second=f"{second:02}")

    def day(self, when: dt.date) -> str:
        """A date: Sunday 30 March 2025."""
        return self.say(
            "date",
            weekday=self.weekday(when.isoweekday() % 7),
            day=when.day,
            month=self.month(when.month),
            year=when.year,
        )

    def moment(self, when: datetime) -> str:
        """A date and time, with its pass where the clock of its zone shows it twice."""
        time = self.clock(when.hour, when.minute, when.second)
        text = self.say("moment", date=self.day(when), time=time)
        if when.fold and when.replace(fold=0).utcoffset() != when.utcoffset():
            return self.say("second_pass", moment=text)
        return text

    def runs(
        self, values: Sequence[int], name: Callable[[int], str], *, alternatives: bool = False
    ) -> str:
        """Numbers by their names, neighbours as a range: 1 to 3 and 7."""
        words: list[str] = []
        first = 0
        for i, value in enumerate(values):
            if i + 1 < len(values) and values[i + 1] == value + 1:
                continue
            if i - first > 1:
                words.append(self.say("range", first=name(values[first]), last=name(value)))
            else:
                words += [name(v) for v in values[first : i + 1]]
            first = i + 1
        return self.any_of(words) if alternatives else self.all_of(words)

    def _listed(self, words: Sequence[str], key: str) -> str:
        if len(words) == 1:
            return words[0]
        start = words[0]
        for word in words[1:-1]:
            start = self.say("list", first=start, second=word)
        return self.say(key, first=start, last=words[-1])


def _placeholders(text: Text) -> set[str]:
    forms = (text,) if isinstance(text, str) else text
    return {name for form in forms for _, name, _, _ in Formatter().parse(form) if name}


_ENGLISH: Final[dict[str, Text]] = {
    # Joints.
    "sentence": "{words}.",
    "then": "{first}, {second}",
    "list": "{first}, {second}",
    "all_of": "{first} and {last}",
    "any_of": "{first} or {last}",
    "range": "{first} to {last}",
    # Places, times and dates.
    "last": "last",
    "from_last": "{place} last",
    "clock": "{hour}:{minute}",
    "clock_with_seconds": "{hour}:{minute}:{second}",
    "date": "{weekday} {day} {month} {year}",
    "moment": "{date} at {time}",
    "moment_utc": "{moment} UTC",
    "second_pass": "{moment} (the second time the clock shows it)",
    # What every rule may have.
    "zone": "in the zone {zone}",
    "start": "from {moment}",
    "end": "until {moment}",
    "except": "except from {start} to before {end}",
    "except_many": ("except in {n} range", "except in {n} ranges from {start} to before {end}"),
    "gap_run_at_gap_end": "times that the clock leaps over run when it has leapt",
    "gap_skip": "times that the clock leaps over do not run",
    "gap_shift": "times that the clock leaps over run later by the leap",
    "fold_first": "times that it shows twice run the first time",
    "fold_last": "times that it shows twice run the second time",
    "fold_both": "times that it shows twice run both times",
    # Times of the day.
    "at_times": "at {times}",
    "daily": "every day",
    "every_second": ("every second", "every {n} seconds"),
    "every_minute": ("every minute", "every {n} minutes"),
    "at_second": "at second {values}",
    "at_minute": "at minute {values}",
    "of_minute": "{seconds} in minute {minutes}",
    "of_every_hour": "{rhythm} of every hour",
    "of_every_nth_hour": "{rhythm} of every {place} hour from 00:00 on",
    "of_hours": "{rhythm} in the hours {hours}",
    "from_to": "{rhythm} from {first} to {last}",
    # Days.
    "on_days": "on {days}",
    "either_day": "on {left} or on {right} (either is enough)",
    "both_days": "on {left}, but only if it is {right}",
    "in_months": "in {months}",
    "in_weeks": "in ISO week {weeks}",
    "in_years": "in {years}",
    "of_month": "{days} of the month",
    "days": "the {days}",
    "last_day": "the last day",
    "nth_last_day": "the {place} last day",
    "nearest_working_day": "the working day nearest the {day}",
    "last_working_day": "the last working day",
    "nth_weekday": "the {place} {weekday}",
    "last_weekday": "the last {weekday}",
    # Periods.
    "every_year": ("every year", "every {n} years"),
    "every_month": ("every month", "every {n} months"),
    "every_week": ("every week", "every {n} weeks"),
    "every_day": ("every day", "every {n} days"),
    "every_hour": ("every hour", "every {n} hours"),
    "every_sum": "every {amounts}",
    "years": ("{n} year", "{n} years"),
    "months": ("{n} month", "{n} months"),
    "weeks": ("{n} week", "{n} weeks"),
    "hours": ("{n} hour", "{n} hours"),
    "minutes": ("{n} minute", "{n} minutes"),
    "seconds": ("{n} second", "{n} seconds"),
    "amount_days": ("{n} day", "{n} days"),
    "elapsed": "{period} of elapsed time",
    "at": "{period} at {time}",
    "counted_from": "counted from {moment}",
    "month_end_clamp": "shorter months use their last day",
    "month_end_skip": "shorter months are skipped",
    # One time.
    "once": "once",
    "on": "on {moment}",
    "reboot": "when a node starts",
    # RFC 5545.
    "in_week_of_year": "in the {places} week of the year",
    "weeks_begin": "weeks beginning on {weekday}",
    "on_day_of_year": "on the {places} day of the year",
    "on_day_of_month": "on the {places} day of the month",
    "nth_weekday_of_month": "the {place} {weekday} of the month",
    "nth_weekday_of_year": "the {place} {weekday} of the year",
    "in_hour": "in hour {values}",
    "position_year": "of these only the {places} of each year",
    "position_month": "of these only the {places} of each month",
    "position_week": "of these only the {places} of each week",
    "position_day": "of these only the {places} of each day",
    "position_hour": "of these only the {places} of each hour",
    "position_minute": "of these only the {places} of each minute",
    "position_second": "of these only the {places} of each second",
    "count": ("once", "{n} times"),
    "with_start": "and at the start itself",
    "added": "also on {moments}",
    "added_many": ("also on {n} day", "also at {n} times from {first} to {last}"),
    "not_on": "not on {moments}",
    "not_on_many": ("not on {n} day", "not at {n} times from {first} to {last}"),
    "but_not": "but not {rule}",
    # Combinations and calendars.
    "enclosed": "({rule})",
    "union": ("{rules}", "whenever one of {n} rules fires: {rules}"),
    "not_on_weekdays": "but not on {weekdays}",
    "not_when_closed": "but not on the closed days of the calendar {calendar}",
    "otherwise_skip": "but only on business days of the calendar {calendar}",
    "otherwise_next": "moved to the next business day of the calendar {calendar} at the same time",
    "otherwise_previous": "moved to the previous business day of the calendar {calendar} at the same time",
    "closed_days": "whose closed days are {days}",
    "no_closed_days": "which has no closed days",
    "yearly_day": "{day} {month}",
    "yearly_days": ("{n} day of every year", "{n} days of every year"),
    "holidays": ("{n} date", "{n} dates from {first} to {last}"),
    "easter": "Easter Sunday",
    "before_easter": ("{n} day before Easter Sunday", "{n} days before Easter Sunday"),
    "after_easter": ("{n} day after Easter Sunday", "{n} days after Easter Sunday"),
    "weekday_of_month": "the {place} {weekday} of {month}",
}

ENGLISH: Final = Phrases(
    weekdays=("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    texts=_ENGLISH,
)
