"""The expression language: what values expressions have, and what no expression can do."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clockwright.workflows.expressions import ExpressionError, evaluate, names_in, parse, paths_in
from clockwright.workflows.templates import read_template, render

SCOPE = {
    "steps": {"load": {"rows": [{"name": "a"}, {"name": "b"}], "total": 3, "my-key": 1}},
    "n": 5,
    "word": "Hello",
    "nothing": None,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-2 * -3", 6),
        ("7 % 4 + 7 / 2", 6.5),
        ("1e3", 1000.0),
        ("'it\\'s' + \" ok\\n\"", "it's ok\n"),
        ("[1, 'a'] + [null]", [1, "a", None]),
        ("steps.load.rows[1].name", "b"),
        ("steps['load'].total", 3),
        ("steps.load['my-key']", 1),
        ("steps.load.rows[-1].name", "b"),
        ("steps.load.rows[2].name", None),
        ("steps.nowhere.at.all", None),
        ("n > 3 and n < 10", True),
        ("not (n > 3)", False),
        ("nothing or 'fallback'", "fallback"),
        ("n and word", "Hello"),
        ("false and 1 / 0", False),
        ("n == 5.0", True),
        ("1 == true", False),
        ("[1] == [true]", False),
        ("null == false", False),
        ("'ell' in word", True),
        ("'load' in steps", True),
        ("3 in [1, 2, 3]", True),
        ("not 'x' in word", True),
        ("n > 3 ? 'big' : 'small'", "big"),
        ("n > 9 ? 1 : n > 4 ? 2 : 3", 2),
        ("len(word) + len(steps.load.rows)", 7),
        ("upper(word) + lower(word) + trim('  x ')", "HELLOhellox"),
        ("max(1, 2.5) + min([4, 3]) + sum([1, 2])", 8.5),
        ("max([])", None),
        ("round(2.675, 1) + round(2.4)", 4.7),
        ("number('12') + number('0.5')", 12.5),
        ("text(n) + text([1])", "5[1]"),
        ("keys(steps)", ["load"]),
        ("default(nothing, 1) + default(n, 1)", 6),
    ],
)
def test_an_expression_has_its_value(text, expected):
    assert evaluate(parse(text), SCOPE) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a value is expected, and here is the end (at character 1)"),
        ("1 +", "a value is expected, and here is the end (at character 4)"),
        ("1 2", "an operator or the end is expected, and here is '2' (at character 3)"),
        ("a.b(", "an operator or the end is expected, and here is '(' (at character 4)"),
        ("a.1", "a name is expected, and here is '1'"),
        ("(1", "')' is expected, and here is the end"),
        ("[1 2]", "',' is expected, and here is '2'"),
        ("a ; b", "';' means nothing here (at character 3)"),
        ("a = 1", "'=' means nothing here"),
        ("'open", "means nothing here (at character 1)"),
        ("1 < 2 < 3", "comparisons are not chained: join them with 'and'"),
        ("open('/etc/passwd')", "there is no open(); there are default, keys, len,"),
        ("len()", "len() takes 1 argument"),
        ("round(1, 2, 3)", "round() takes 1 to 2 arguments"),
        ("12345678901234567890", "the number has more than 18 digits"),
        ("1e999", "the number is too large"),
        ("x" * 1_001, "is longer than 1000 characters"),
        ("(" * 25 + "1" + ")" * 25, "is nested more than 24 deep"),
        ("-" * 30 + "1", "is nested more than 24 deep"),
        ("+".join("1" * 150), "has more than 200 parts"),
    ],
)
def test_what_cannot_be_read_says_what_is_wrong_and_where(text, why):
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("missing", "there is no missing here"),
        ("1 / 0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("1 + 'a'", "a number + a text cannot be calculated"),
        ("'a' * 3", "a text * a number cannot be calculated"),
        ("true + 1", "a truth value + a number cannot be calculated"),
        ("-'a'", "'-' takes a number, not a text"),
        ("'a' < 1", "a text < a number cannot be compared"),
        ("null < 1", "null < a number cannot be compared"),
        ("n.real", "a number has nothing under a text"),
        ("word.upper", "a text has nothing under a text"),
        ("[1]['a']", "a list has nothing under a text"),
        ("1 in 'a'", "a number cannot be in a text"),
        ("len(1)", "len() takes a text, a list or an object, not a number"),
        ("upper(1)", "upper() takes a text, not a number"),
        ("sum(['a'])", "sum() takes numbers"),
        ("number('x')", "'x' is no number"),
        ("number('inf')", "'inf' is no number"),
        ("round('x')", "round() takes a number"),
        ("keys([1])", "keys() takes an object, not a list"),
        ("999999999999999999 * 999999999999999999", "the number is too large"),
        ("1e300 * 1e300", "the number is too large"),
    ],
)
def test_what_has_no_value_says_why(text, why):
    with pytest.raises(ExpressionError) as refused:
        evaluate(parse(text), SCOPE)
    assert why in str(refused.value)


class Trap:
    """A value that is not JSON and must never be asked for anything."""

    secret = "of a Python object"


@pytest.mark.parametrize("text", ["x.secret", "x['secret']", "x.__class__", "x.__dict__.secret"])
def test_no_attribute_of_a_python_value_is_ever_looked_at(text):
    with pytest.raises(ExpressionError):
        evaluate(parse(text), {"x": Trap()})


@pytest.mark.parametrize("text", ["steps.__class__", "steps['__init__']", "word.__len__"])
def test_names_that_mean_something_to_python_are_keys_like_others(text):
    scope = {**SCOPE, "word": {"an": "object"}}
    assert evaluate(parse(text), scope) is None


def test_a_value_cannot_be_made_longer_than_is_bearable():
    with pytest.raises(ExpressionError, match="longer than 100000"):
        evaluate(parse("x + x"), {"x": "a" * 60_000})


def test_the_work_of_an_expression_is_bounded():
    rows = [[n] for n in range(50_000)]
    text = " or ".join(["[-1] in rows"] * 30)
    with pytest.raises(ExpressionError, match="too much work"):
        evaluate(parse(text), {"rows": rows})


def test_the_expressions_of_one_value_are_bounded_together():
    template = read_template([{"$": "-1 in rows"}] * 500, "", pytest.fail)
    with pytest.raises(ExpressionError, match="too much work"):
        render(template, {"rows": list(range(2_000))})


def test_values_that_are_nested_deep_are_refused_and_do_no_harm():
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(ExpressionError, match="nested too deep"):
        evaluate(parse("x == y"), {"x": deep, "y": deep[:]})


def test_the_names_and_steps_of_an_expression_are_known_without_evaluating_it():
    expression = parse("steps.load.total > vars.limit ? item : steps['other'][0]")
    assert names_in(expression) == {"steps", "vars", "item"}
    assert paths_in(expression, "steps") == {"load", "other"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
PARTS = ["x", "y", ".a", "[0]", "['b']", "1", "2.5", "'t'", "true", "null", "+", "-", "*", "/"]
SIGNS = [
    "%",
    "==",
    "<",
    "in",
    "and",
    "or",
    "not",
    "?",
    ":",
    "(",
    ")",
    "[",
    "]",
    ",",
    "len(",
    "sum(",
]


@given(st.lists(st.sampled_from(PARTS + SIGNS), max_size=12), JSON, JSON)
def test_any_text_over_any_values_has_a_value_or_a_reason(parts, x, y):
    with contextlib.suppress(ExpressionError):
        found = evaluate(parse(" ".join(parts)), {"x": x, "y": y})
        assert not isinstance(found, float) or math.isfinite(found)
        assert isinstance(found, (type(None), bool, int, float, str, list, dict))


@given(st.text(max_size=60))
def test_any_text_at_all_is_read_or_refused(text):
    with contextlib.suppress(ExpressionError):
        assert parse(text).text == text


@given(JSON, JSON)
def test_equality_is_that_of_json(x, y):
    found = evaluate(parse("x == y"), {"x": x, "y": y})
    assert found == evaluate(parse("y == x"), {"x": x, "y": y})
    assert evaluate(parse("x == x"), {"x": x}) is True
    assert evaluate(parse("x != y"), {"x": x, "y": y}) is not found
