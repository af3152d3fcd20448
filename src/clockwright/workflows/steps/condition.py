"""`condition`: choose how it goes on, by a truth (`if`) or by a value (`switch`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clockwright.schedules.strict_json import escape
from clockwright.workflows.definitions import Done, Plan, Visit
from clockwright.workflows.expressions import Expression
from clockwright.workflows.steps.fields import Fields, is_word
from clockwright.workflows.steps.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide(Plan):
    """`then` or `otherwise`; where that is left out, `next`. The output is the truth."""

    test: Expression
    then: str | None = None
    otherwise: str | None = None

    @property
    def expressions(self) -> Sequence[tuple[str, Expression]]:
        """The condition."""
        return [("/if", self.test)]

    @property
    def targets(self) -> Sequence[tuple[str, str]]:
        """Both ways."""
        ways = (("/then", self.then), ("/else", self.otherwise))
        return [(place, target) for place, target in ways if target is not None]

    async def perform(self, visit: Visit) -> Done:
        """Look which."""
        truth = bool(visit.value(self.test))
        return Done(output=truth, next=(self.then if truth else self.otherwise) or visit.step.next)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Plan):
    """The step that stands under the value's text; else `default`, else `next`. The output is the value."""

    value: Expression
    cases: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None

    @property
    def expressions(self) -> Sequence[tuple[str, Expression]]:
        """What is looked at."""
        return [("/switch", self.value)]

    @property
    def targets(self) -> Sequence[tuple[str, str]]:
        """Every case."""
        found = [(f"/cases/{escape(text)}", target) for text, target in self.cases.items()]
        return found if self.default is None else [*found, ("/default", self.default)]

    async def perform(self, visit: Visit) -> Done:
        """Look which; a number or a truth is looked up as JSON writes it."""
        value = visit.value(self.value)
        follows = self.cases.get(_text(value), self.default)
        return Done(output=value, next=follows or visit.step.next)


def read(fields: Fields) -> Plan | None:
    """`if` with `then` and `else`, or `switch` with `cases` and `default`."""
    match fields.one_of("if", "switch"):
        case "if":
            test = fields.expression("if")
            then, otherwise = fields.word("then"), fields.word("else")
            return None if test is None else Decide(test=test, then=then, otherwise=otherwise)
        case "switch":
            value, cases = fields.expression("switch"), _cases(fields)
            default = fields.word("default")
            return None if value is None else Switch(value=value, cases=cases, default=default)
        case _:
            return None


def _cases(fields: Fields) -> Mapping[str, str]:
    cases = fields.get("cases")
    if not isinstance(cases, dict) or not cases:
        fields.refuse("cases", "give an object of values and the steps that follow")
        return {}
    for text, target in cases.items():
        if not is_word(target):
            fields.reading.refuse(f"{fields.at('cases')}/{escape(text)}", "give the id of a step")
    return {text: target for text, target in cases.items() if is_word(target)}


def _text(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


KIND = Kind(name="condition", summary="Chooses how it goes on.", read=read)
