"""The lines of runs are made with less ado than others, and say the same (S4-45…50)."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from clockwright.audit import groups, trail
from clockwright.audit.engine_events import log_engine_event
from clockwright.audit.lines import LineFormatter, lines_in
from clockwright.engine import events
from clockwright.engine.model import Reason, RunState
from clockwright.server import logs
from tests.audit.test_engine_events import claim, ended

_JSON = logs.JsonFormatter(processor=structlog.processors.JSONRenderer())


@pytest.fixture
def written(monkeypatch):
    """What a handler of ours writes of events, with a formatter."""

    def write(formatter, *told):
        handler = groups.GroupStreamHandler(io.StringIO())
        handler.setFormatter(formatter)
        monkeypatch.setattr(trail.logger, "handlers", [handler])
        monkeypatch.setattr(trail.logger, "propagate", False)
        monkeypatch.setattr(trail.logger, "level", logging.INFO)
        log_engine_event.hear_all(told)
        return handler.stream.getvalue().splitlines()

    return write


def plainly(record):
    """The lines of a record without the short way."""
    return [json.dumps(line.fields()) for line in lines_in(record)]


@pytest.mark.parametrize(
    "event",
    [
        events.RunsClaimed(node_id="n1", claims=[claim(), claim(schedule_id=None)]),
        ended(RunState.SUCCEEDED),
        ended(RunState.CANCELLED, reason=Reason.REQUESTED, error='said "no"\n'),
        ended(RunState.FAILED, reason=Reason.ERROR, error="ValueError: ü"),
    ],
)
def test_json_made_by_hand_says_what_the_fields_say(event, written, monkeypatch):
    by_hand = [json.loads(line) for line in written(_JSON, event)]
    monkeypatch.setattr(logs, "json_in", plainly)
    plain = [json.loads(line) for line in written(_JSON, event)]
    for line in by_hand + plain:
        del line["timestamp"]
    assert by_hand == plain


def test_runs_that_ended_together_are_lines_of_their_own(written):
    made = [ended(RunState.SUCCEEDED) for _ in range(3)]
    lines = written(LineFormatter(), *made)
    assert len(lines) == 3
    for event, line in zip(made, lines, strict=True):
        assert f"execution_id={event.claim.run_id}" in line
        assert " AUDIT community=default user=system action=schedule_executed " in line


def test_each_line_is_a_record_where_somebody_else_listens(caplog):
    """S4-50."""
    caplog.set_level(logging.INFO, "clockwright.audit")
    made = [ended(RunState.SUCCEEDED) for _ in range(3)]
    log_engine_event.hear_all(made)
    assert [record.execution_id for record in caplog.records] == [
        str(event.claim.run_id) for event in made
    ]


def test_the_order_is_kept_when_one_of_many_fails(written):
    made = [ended(RunState.SUCCEEDED), ended(RunState.FAILED), ended(RunState.SUCCEEDED)]
    made = [replace(event, duration=timedelta(seconds=place)) for place, event in enumerate(made)]
    lines = [json.loads(line) for line in written(_JSON, *made)]
    assert [line["time_ms"] for line in lines] == [0, 1_000, 2_000]
    assert [line["level"] for line in lines] == ["info", "error", "info"]
