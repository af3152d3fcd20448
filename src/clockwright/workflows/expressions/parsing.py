"""Reading a text: tokens, then a descent by precedence. Every limit is here, so that what was read is small."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from clockwright.workflows.expressions.errors import ExpressionError
from clockwright.workflows.expressions.functions import FUNCTIONS
from clockwright.workflows.expressions.tree import (
    Binary,
    Call,
    Choice,
    Expression,
    Item,
    ListOf,
    Literal,
    Name,
    Node,
    Unary,
)

LONGEST_TEXT: Final = 1_000
MOST_PARTS: Final = 200
DEEPEST: Final = 24

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![A-Za-z_0-9])
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<sign>==|!=|<=|>=|[-<>+*/%().,:?\[\]])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_WORDS: Final = frozenset({"and", "or", "not", "in", "true", "false", "null"})
_VALUES: Final = {"true": True, "false": False, "null": None}
_COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=", "in")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t"}


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


def parse(text: str) -> Expression:
    """Read an expression; raises ExpressionError, which says where."""
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(f"is longer than {LONGEST_TEXT} characters")
    return Expression(text, _Reader(list(_tokens(text))).whole())


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while True:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            start = len(text) - len(text[place:].lstrip())
            raise ExpressionError(f"{text[start]!r} means nothing here", start)
        kind = match.lastgroup
        text_of_token = match[kind]
        is_word = kind == "name" and text_of_token in _WORDS
        yield _Token("sign" if is_word else kind, text_of_token, match.start(kind))
        if kind == "end":
            return
        place = match.end()


class _Reader:
    """One descent through the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._parts = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._expression()
        if self._next.kind != "end":
            raise self._unexpected("an operator or the end")
        return node

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _is(self, *signs: str) -> bool:
        return self._next.kind == "sign" and self._next.text in signs

    def _take(self, *signs: str) -> str | None:
        """The next token's text, gone past, when it is one of these signs."""
        if not self._is(*signs):
            return None
        self._place += 1
        return self._tokens[self._place - 1].text

    def _expect(self, sign: str) -> None:
        if self._take(sign) is None:
            raise self._unexpected(repr(sign))

    def _unexpected(self, wanted: str) -> ExpressionError:
        found = self._next
        shown = "the end" if found.kind == "end" else repr(found.text)
        return ExpressionError(f"{wanted} is expected, and here is {shown}", found.position)

    def _made(self, node: Node) -> Node:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise ExpressionError(f"has more than {MOST_PARTS} parts")
        return node

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(f"is nested more than {DEEPEST} deep", self._next.position)
        yield
        self._depth -= 1

    def _expression(self) -> Node:
        with self._deeper():
            condition = self._or()
            if self._take("?") is None:
                return condition
            first = self._expression()
            self._expect(":")
            return self._made(Choice(condition, first, self._expression()))

    def _or(self) -> Node:
        return self._chain(self._and, ("or",))

    def _and(self) -> Node:
        return self._chain(self._not, ("and",))

    def _chain(self, inner: Callable[[], Node], signs: Collection[str]) -> Node:
        node = inner()
        while (sign := self._take(*signs)) is not None:
            # each link is one level deeper for whoever walks the tree
            node = self._made(Binary(sign, node, inner()))
        return node

    def _not(self) -> Node:
        if self._take("not") is None:
            return self._comparison()
        with self._deeper():
            return self._made(Unary("not", self._not()))

    def _comparison(self) -> Node:
        left = self._sum()
        sign = self._take(*_COMPARISONS)
        if sign is None:
            return left
        node = self._made(Binary(sign, left, self._sum()))
        if self._is(*_COMPARISONS):
            raise ExpressionError(
                "comparisons are not chained: join them with 'and'", self._next.position
            )
        return node

    def _sum(self) -> Node:
        return self._chain(self._term, ("+", "-"))

    def _term(self) -> Node:
        return self._chain(self._factor, ("*", "/", "%"))

    def _factor(self) -> Node:
        if self._take("-") is None:
            return self._postfix()
        with self._deeper():
            return self._made(Unary("-", self._factor()))

    def _postfix(self) -> Node:
        node = self._primary()
        while True:
            if self._take(".") is not None:
                node = self._made(Item(node, Literal(self._key())))
            elif self._take("[") is not None:
                node = self._made(Item(node, self._expression()))
                self._expect("]")
            else:
                return node

    def _key(self) -> str:
        token = self._next
        if token.kind != "name" and token.text not in _WORDS:
            raise self._unexpected("a name")
        self._place += 1
        return token.text

    def _primary(self) -> Node:
        token = self._next
        if token.kind == "sign" and token.text not in {"(", "[", *_VALUES}:
            raise self._unexpected("a value")
        if token.kind == "end":
            raise self._unexpected("a value")
        self._place += 1
        match token.kind:
            case "number":
                return self._made(Literal(_number(token)))
            case "text":
                return self._made(Literal(_unquoted(token.text)))
            case "name":
                return self._name(token)
            case _:
                return self._sign(token.text)

    def _sign(self, sign: str) -> Node:
        if sign in _VALUES:
            return self._made(Literal(_VALUES[sign]))
        if sign == "[":
            return self._made(ListOf(self._items("]")))
        node = self._expression()
        self._expect(")")
        return node

    def _name(self, token: _Token) -> Node:
        if self._take("(") is None:
            return self._made(Name(token.text, token.position))
        if token.text not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise ExpressionError(f"there is no {token.text}(); there are {known}", token.position)
        arguments, function = self._items(")"), FUNCTIONS[token.text]
        if not function.least <= len(arguments) <= function.most:
            raise ExpressionError(f"{token.text}() takes {function.takes}", token.position)
        return self._made(Call(token.text, arguments))

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while self._take(closing) is None:
            if items:
                self._expect(",")
            items.append(self._expression())
        return tuple(items)


def _number(token: _Token) -> int | float:
    if token.text.isdigit():
        if len(token.text) > 18:
            raise ExpressionError("the number has more than 18 digits", token.position)
        return int(token.text)
    value = float(token.text)
    if value == float("inf"):
        raise ExpressionError("the number is too large", token.position)
    return value


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text[1:-1])
