"""`GET /health` tells what the last examination found, to anybody, and without ids."""

from __future__ import annotations

from datetime import timedelta

from clockwright.engine.model import Node
from clockwright.schedules import stores
from clockwright.schedules.doctor.findings import Finding, Notes, Report
from clockwright.schedules.doctor.periodic import NAME
from clockwright.schedules.models import Examination

LEASE = timedelta(hours=1)


def kept(*findings):
    """An examination that found these, three times each, as it is kept."""
    notes = Notes()
    for finding in findings:
        notes.enter(finding, [], 3, "in words")
    report = Report(findings=notes.findings(), schedules=7, examined=7)
    store = stores.symptoms()
    store.take_turn(NAME, "n1", LEASE)  # which is due in a minute
    Examination.objects.update(due_at=store.now() - LEASE)
    assert store.take_turn(NAME, "n1", LEASE).is_taken
    assert store.finish(NAME, "n1", 0, report.to_json(), LEASE)


def alive():
    node = Node(node_id="n1", host="h", pid=1, capacity=5)
    stores.sql_store().register_node(node, LEASE)


def test_before_the_first_examination_it_says_nothing_of_it(anonymous):
    alive()
    body = anonymous.get("/health").json()
    assert (body["status"], body["doctor"]) == ("healthy", None)


def test_an_examination_that_found_nothing_is_well(anonymous):
    alive()
    kept()
    body = anonymous.get("/health").json()
    assert body["status"] == "healthy"
    assert (body["doctor"]["ok"], body["doctor"]["findings"]) == (True, {})
    assert body["doctor"]["examined_at"] <= body["timestamp"]


def test_trouble_degrades_it_and_is_counted_by_code(anonymous):
    alive()
    kept(Finding.LEDGER_GAP, Finding.UNKNOWN_FUNCTION)
    answer = anonymous.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "degraded"
    assert body["doctor"]["findings"] == {"ledger_gaps": 3, "unknown_functions": 3}
    assert not body["doctor"]["ok"]


def test_a_warning_does_not(anonymous):
    alive()
    kept(Finding.ZONE_CHANGED)
    body = anonymous.get("/health").json()
    assert (body["status"], body["doctor"]["ok"]) == ("healthy", True)
