"""The vocabulary of sentences about time, and the reader that walks their words from left to right, once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clockwright.recurrence.errors import RecurrenceError, shown
from clockwright.recurrence.field import MAX_TEXT
from clockwright.recurrence.phrases import ENGLISH

WEEKDAY_NAMES: Final = (*ENGLISH.weekdays[1:], ENGLISH.weekdays[0])
MONTH_NAMES: Final = ENGLISH.months
# Weekdays count from Monday = 0.
_SINGULARS: Final = {
    form: number
    for number, name in enumerate(name.lower() for name in WEEKDAY_NAMES)
    for form in (name, name[:3])
} | {"tues": 1, "thur": 3, "thurs": 3}
PLURAL_WEEKDAYS: Final = {f"{name.lower()}s": n for n, name in enumerate(WEEKDAY_NAMES)}
WEEKDAYS: Final = {**_SINGULARS, **PLURAL_WEEKDAYS}
WEEKDAY_SETS: Final = {
    "weekday": frozenset(range(5)),
    "weekdays": frozenset(range(5)),
    "weekend": frozenset({5, 6}),
    "weekends": frozenset({5, 6}),
}
WORKING: Final = ("working", "business")
MONTHS: Final = {
    form: number
    for number, name in enumerate((name.lower() for name in MONTH_NAMES), start=1)
    for form in (name, name[:3])
} | {"sept": 9}
UNITS: Final = {
    form: unit
    for unit in ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
    for form in (unit, f"{unit}s")
}
ADVERBS: Final = {
    "hourly": (1, "hour"),
    "daily": (1, "day"),
    "weekly": (1, "week"),
    "fortnightly": (2, "week"),
    "monthly": (1, "month"),
    "quarterly": (1, "quarter"),
    "yearly": (1, "year"),
    "annually": (1, "year"),
}
COUNTS: Final = {
    word: number
    for number, word in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ],
        start=1,
    )
} | {"fifteen": 15, "twenty": 20, "thirty": 30}
LAST: Final = -1
ORDINALS: Final = {
    word: number
    for number, word in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
        ],
        start=1,
    )
} | {"last": LAST}
ENDINGS: Final = ("st", "nd", "rd", "th")
NAMED_TIMES: Final = {"noon": 12, "midday": 12, "midnight": 0}
TO: Final = ("to", "until", "through", "-")

_NO_CLOCK: Final = (
    "is told from now, and a rule has no clock",
    "write the date: once on 2026-12-24",
)
_TWO_WAYS: Final = "can be read in two ways"
REFUSED: Final = {
    **dict.fromkeys(("today", "tonight", "tomorrow", "yesterday", "now", "next"), _NO_CLOCK),
    "biweekly": (_TWO_WAYS, "write every 2 weeks, or name two weekdays"),
    "bimonthly": (_TWO_WAYS, "write every 2 months, or name two days"),
    "biannually": (_TWO_WAYS, "write every 2 years, or name two months"),
    "twice": ("does not say at which times", "write both times: every day at 9:00 and 17:00"),
    **dict.fromkeys(
        ("morning", "mornings", "afternoon", "evening", "evenings", "night", "nights"),
        ("is no exact time", "write it out: every day at 9:00"),
    ),
    "except": ("cannot be said in a sentence", "exclude instants of the rule, or name the days"),
}
_KEYWORDS: Final = (
    *("every", "each", "other", "once", "on", "at", "in", "of", "the", "and", "from", "between"),
    *("to", "until", "through", "starting", "am", "pm", *WORKING),
)
_KNOWN: Final = sorted(
    {*_KEYWORDS, *WEEKDAYS, *WEEKDAY_SETS, *MONTHS, *UNITS, *ADVERBS, *COUNTS, *ORDINALS}
    | {*NAMED_TIMES}
)
_PIECE: Final = re.compile(r"[a-z]+|[0-9]+|[:,-]")
_ALIKE: Final = 0.7  # of 1: below it a suggestion misleads (seven for jeden)
_LONGEST_WORD: Final = 30  # longer ones resemble none; comparing them would only cost time


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number or a sign, in lower case. ``at``: its index; ``is_glued``: no space before it."""

    text: str
    at: int
    is_glued: bool = False

    @property
    def is_number(self) -> bool:
        return self.text.isdigit()


class Reader:
    """The words of a sentence, taken one after another. Raises RecurrenceError for what cannot be one."""

    def __init__(self, text: object) -> None:
        if not isinstance(text, str):
            raise RecurrenceError(f"a rule is text, not {shown(text)}", token=shown(text))
        if len(text) > MAX_TEXT:
            raise RecurrenceError(f"more than {MAX_TEXT} characters", expression=text)
        self.text = text
        self._tokens = self._cut()
        self._next = 0
        if not self._tokens:
            raise self.refuse(self.peek(), "nothing is said", "such as every weekday at 9")

    def _cut(self) -> list[Token]:
        lower, tokens, end = self.text.lower(), list[Token](), 0
        while end < len(lower):
            if lower[end] in " \t":
                end += 1
                continue
            match = _PIECE.match(lower, end)
            if match is None:
                token = Token(self.text[end], end)
                raise self.refuse(
                    token, f"{token.text!a} is no part of a sentence", "letters, digits, : , -"
                )
            tokens.append(Token(match[0], end, bool(tokens) and lower[end - 1] not in " \t"))
            end = match.end()
        return tokens

    @property
    def is_done(self) -> bool:
        return self._next == len(self._tokens)

    def peek(self, ahead: int = 0) -> Token:
        """The next word but ``ahead``; an empty one after the end."""
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else Token("", len(self.text))

    def take(self) -> Token:
        """The next word, which is then behind."""
        token = self.peek()
        self._next += not self.is_done
        return token

    def skip(self, *words: str) -> bool:
        """Whether the next word was one of these; it is then behind."""
        if self.is_done or self.peek().text not in words:
            return False
        self._next += 1
        return True

    def skip_joint(self, starts: Callable[[Token], bool]) -> bool:
        """Past a comma, ``and`` or both, if then something follows that ``starts`` knows; else stay."""
        ahead = int(self.peek().text == ",")
        ahead += self.peek(ahead).text == "and"
        article = self.peek(ahead).text == "the"
        if not ahead or not starts(self.peek(ahead + article)):
            return False
        self._next += ahead
        return True

    def refuse(self, token: Token, reason: str, hint: str = "") -> RecurrenceError:
        """An error about ``token``, at its column."""
        written = self.text[token.at : token.at + len(token.text)]
        return RecurrenceError(
            reason,
            expression=self.text,
            field="words",
            column=token.at + 1,
            token=written,
            hint=hint,
        )

    def unknown(self, token: Token, wanted: str) -> RecurrenceError:
        """The error for a word that is not understood where it stands."""
        if not token.text:
            return self.refuse(token, "the sentence ends too soon", f"expected {wanted}")
        if token.text in REFUSED:
            why, hint = REFUSED[token.text]
            return self.refuse(token, f"{token.text} {why}", hint)
        near: list[str] = []
        if token.text not in _KNOWN and len(token.text) <= _LONGEST_WORD:
            near = difflib.get_close_matches(token.text, _KNOWN, n=1, cutoff=_ALIKE)
        hint = f"did you mean {near[0]}?" if near else f"expected {wanted}"
        return self.refuse(token, f"{shown(token.text)} is not understood here", hint)
