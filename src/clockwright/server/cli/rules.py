"""A rule as it is typed, by `preview` and `explain`, or as JSON by `schedule add` too: read in one way, without Django."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clockwright.server.errors import UsageProblem

if TYPE_CHECKING:
    from clockwright.recurrence import Recurrence

RuleJson = Annotated[
    str | None,
    typer.Option(
        "--rule", metavar="JSON", help="A rule as JSON; or @ and the name of a file that holds it."
    ),
]
_UTC = "UTC"


class Dialect(StrEnum):
    """How many fields a cron line has."""

    UNIX = "unix"
    SECONDS = "seconds"
    SECONDS_YEAR = "seconds_year"
    OCPS = "ocps"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOptions:
    """The argument and the options that say a rule."""

    expression: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXPR]",
            help='A cron line, such as "0 5 * * mon-fri", or "every weekday at 5".',
        ),
    ] = None
    rule: RuleJson = None
    tz: Annotated[
        str | None,
        typer.Option("--tz", metavar="ZONE", help="The IANA zone it is read in; default: UTC."),
    ] = None
    dialect: Annotated[
        Dialect,
        typer.Option(
            "--dialect", help="5 fields, 6 with seconds first, 7 with the year last, or OCPS."
        ),
    ] = Dialect.UNIX
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="TEXT", help="What chooses the values of H.")
    ] = None

    @property
    def of_line(self) -> list[str]:
        """The options given that only a cron line takes."""
        given = {"--dialect": self.dialect is not Dialect.UNIX, "--seed": self.seed is not None}
        return [name for name, is_given in given.items() if is_given]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRule:
    """A rule, what to call it, and if it was said in words the sentence that it is understood as."""

    rule: Recurrence
    name: str
    sentence: str | None = None


def read_rule(options: RuleOptions, anchor: datetime) -> ReadRule:
    """The rule of EXPR or `--rule`; what is counted, is from `anchor`. Raises UsageProblem."""
    if (options.expression is None) == (options.rule is None):
        raise UsageProblem(
            "EXPR: give a cron line or a sentence, or a rule as JSON with --rule; not both"
        )
    from clockwright.recurrence import RecurrenceError

    if options.expression is None:
        return _of_json(rule_data(options.rule or ""), options)
    try:
        return _of_text(options.expression, options, anchor)
    except RecurrenceError as error:
        raise UsageProblem(str(error)) from error


def rule_data(text: str) -> dict[str, Any]:
    """The JSON object of `--rule`, or of the file named after an @; raises UsageProblem."""
    from clockwright.schedules.strict_json import BadJSON, parse_text

    where = text if text.startswith("@") else "the text"
    try:
        data = parse_text(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    except BadJSON as error:
        why = error.message.removeprefix("the body ")
        raise UsageProblem(
            f"""--rule: {where} {why}; write for example '{{"type": "cron", "expression": "0 5 * * *"}}'"""
        ) from None
    except (OSError, ValueError) as error:
        raise UsageProblem(f"--rule: {where} cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise UsageProblem(f"--rule: {where} is not a JSON object; a rule has at least a type")
    return data


def _of_text(expression: str, options: RuleOptions, anchor: datetime) -> ReadRule:
    from clockwright.recurrence import Cron, from_words, looks_like_words, to_words

    tz = options.tz or _UTC
    if not options.of_line and looks_like_words(expression):
        rule = from_words(expression, tz, anchor=anchor)
        return ReadRule(rule=rule, name=expression, sentence=to_words(rule))
    line = Cron(expression, tz, dialect=options.dialect.value, seed=options.seed)
    return ReadRule(rule=line, name=expression)


def _of_json(data: dict[str, Any], options: RuleOptions) -> ReadRule:
    from clockwright.recurrence import RecurrenceError, from_json

    if options.of_line:
        raise UsageProblem(f"{options.of_line[0]}: goes with a cron line; a rule as JSON says it")
    if options.tz is not None and data.get("tz", options.tz) != options.tz:
        raise UsageProblem(f"--tz: {options.tz!r} contradicts the rule's tz; leave one of them out")
    try:
        rule = from_json({"tz": options.tz or _UTC, **data})
    except RecurrenceError as error:
        if error.field == "calendar" and _is_by_name(data, error.token):
            raise UsageProblem(_without_name(error.token)) from error
        raise UsageProblem(f"--rule: {error}") from error
    return ReadRule(rule=rule, name=str(data["type"]))


def _is_by_name(rule: object, calendar: str) -> bool:
    if not isinstance(rule, dict):
        return False
    members = [rule.get("rule"), *(rule["rules"] if isinstance(rule.get("rules"), list) else ())]
    return rule.get("calendar") == calendar or any(_is_by_name(m, calendar) for m in members)


def _without_name(calendar: str) -> str:
    return (
        f"--rule: the calendar {calendar!r} is given by its name, and no database is asked here: give its days, "
        'such as {"name": "plain", "yearly": ["12-25"]}; by name `clockwright schedule add` takes it'
    )
