"""The documented log line (S4-45…50), and that nobody can write a line of his own into it."""

from __future__ import annotations

import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clockwright.audit.lines import LineFormatter, line_of

HEAD = {"community": "default", "user": "ann", "action": "schedule_create", "result": "SUCCESS"}


def test_the_line_has_the_documented_parts_in_the_documented_order():
    line = line_of("AUDIT", {**HEAD, "time_ms": 3, "schedule_id": "s1"}, "schedule created")
    assert line == (
        "AUDIT community=default user=ann action=schedule_create result=SUCCESS time=3ms "
        "schedule created schedule_id=s1"
    )


def test_the_formatter_puts_timestamp_level_module_and_version_in_front():
    record = logging.LogRecord("x", logging.INFO, "", 0, "hello", None, None)
    record.created = 0.0
    line = LineFormatter().format(record)
    assert re.fullmatch(
        r"\[1970-01-01T00:00:00\.000\+00:00\] INFO clockwright:\d+\.\d+\.\d+ "
        r"SYSTEM community=- user=- action=x result=SUCCESS hello",
        line,
    )


def test_a_record_of_somebody_else_with_a_newline_stays_one_line():
    record = logging.LogRecord("x", logging.WARNING, "", 0, "a\nb\x1b[31m", None, None)
    line = LineFormatter().format(record)
    assert "\n" not in line
    assert "\x1b" not in line


@pytest.mark.parametrize("text", ["a b", "a\nb", 'a"b', "a=b", "ü", "a\x00b", "\x1b[2J"])
def test_a_value_that_is_not_plain_is_quoted_and_can_be_read_back(text):
    line = line_of("AUDIT", {**HEAD, "key": text}, "m")
    assert json.loads(line.rpartition(" key=")[2]) == text


@given(
    user=st.text(max_size=50),
    name=st.text(max_size=50),
    value=st.text(max_size=50),
    words=st.text(),
)
def test_no_input_forges_a_line_or_a_field(user, name, value, words):
    """C-85 and its kind: what people type is data."""
    line = line_of("AUDIT", {**HEAD, "user": user, name: value}, words)
    assert line.isprintable()
    assert len(re.findall(r"(?<!\\)\bresult=", re.sub(r'"(?:[^"\\]|\\.)*"', '""', line))) == 1
