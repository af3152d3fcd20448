"""`/metrics` and `/healthz`: what is counted, and who may read it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import override_settings

from clockwright.access.tokens import create_token
from clockwright.engine import events
from clockwright.engine.model import RunState
from clockwright.schedules import stores
from clockwright.schedules.doctor.findings import Finding, Notes, Report
from clockwright.schedules.doctor.periodic import NAME
from clockwright.schedules.engines import make_engine
from clockwright.schedules.models import Examination
from clockwright.server.metrics import exposition, observe_engine_event
from tests.audit.test_engine_events import claim, ended, settled
from tests.engine.situations import MINUTELY, T0, situation

pytestmark = pytest.mark.django_db


def value(name):
    """A sample's value now; 0 while it has none."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", exposition().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.fixture
def gain():
    """How much a sample grows by an event."""

    def measure(name, event):
        before = value(name)
        observe_engine_event(event)
        return value(name) - before

    return measure


def test_runs_are_counted_by_final_state(gain):
    name = 'clockwright_runs_total{reason="",state="succeeded"}'
    assert gain(name, ended(RunState.SUCCEEDED)) == 1


def test_a_retry_is_counted_apart_and_is_no_final_state(gain):
    assert gain("clockwright_retries_total", ended(RunState.RETRYING)) == 1
    assert gain('clockwright_runs_total{reason="",state="retrying"}', ended(RunState.RETRYING)) == 0


def test_fire_times_that_did_not_run_are_all_counted(gain):
    """A range row stands for many."""
    event = settled(situation(MINUTELY), T0 + timedelta(days=3))
    assert (
        gain('clockwright_runs_total{reason="coalesced",state="skipped"}', event) == 3 * 1_440 - 1
    )
    assert gain("clockwright_settles_total", event) == 1


def test_claims_takeovers_refusals_and_failures_are_counted(gain):
    assert (
        gain("clockwright_claims_total", events.RunsClaimed(node_id="n", claims=[claim()] * 3)) == 3
    )
    lost = events.NodeTakenOver(node_id="n", dead_node_id="m", runs=[(uuid4(), RunState.LOST)])
    assert gain('clockwright_takeovers_total{outcome="lost"}', lost) == 1
    assert gain('clockwright_runs_total{reason="crashed_node",state="lost"}', lost) == 1
    refused = events.OutcomeRefused(node_id="n", outcome=ended(RunState.SUCCEEDED).outcome)
    assert gain("clockwright_outcomes_refused_total", refused) == 1
    failed = events.LoopFailed(node_id="n", loop="keeper", error=OSError(), retry_in=timedelta(1))
    assert gain('clockwright_loop_failures_total{loop="keeper"}', failed) == 1


def test_lateness_and_duration_are_measured(gain):
    assert gain("clockwright_run_lateness_seconds_sum", ended(RunState.SUCCEEDED)) == pytest.approx(
        0.02
    )
    duration = 'clockwright_run_duration_seconds_sum{state="succeeded"}'
    assert gain(duration, ended(RunState.SUCCEEDED)) == pytest.approx(1.5)


def test_the_engines_of_this_process_are_counted():
    """Whoever starts one: the server's settings see to it."""
    assert observe_engine_event in make_engine().events._subscribers


def test_how_it_stands_is_asked_at_the_moment_of_asking():
    assert value("clockwright_database_up") == 1
    assert value("clockwright_active_schedules") == 0
    assert value("clockwright_nodes_alive") == 0
    assert value("clockwright_runs_waiting") == 0
    assert value("clockwright_longest_due_seconds") == 0
    assert "clockwright_build_info{version=" in exposition().decode()


def test_what_the_last_examination_found_is_a_gauge_by_code():
    assert "clockwright_findings{" not in exposition().decode()  # none was made
    store = stores.symptoms()
    store.take_turn(NAME, "n1", timedelta(hours=1))
    Examination.objects.update(due_at=store.now() - timedelta(hours=1))
    store.take_turn(NAME, "n1", timedelta(hours=1))
    notes = Notes()
    notes.enter(Finding.STUCK_RUN, [], 2, "in words")
    report = Report(findings=notes.findings(), schedules=7, examined=7).to_json()
    store.finish(NAME, "n1", 0, report, timedelta(hours=1))
    assert value('clockwright_findings{code="stuck_runs"}') == 2
    assert value('clockwright_findings{code="ledger_gaps"}') == 0
    assert exposition().decode().count("clockwright_findings{") == len(Finding)
    assert value("clockwright_examined_timestamp_seconds") == pytest.approx(
        store.now().timestamp(), abs=60
    )


def test_metrics_take_a_token(client):
    assert client.get("/metrics").status_code == 401
    headers = {"Authorization": f"Bearer {create_token('prometheus')}"}
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert b"clockwright_active_schedules" in answer.content


@override_settings(CLOCKWRIGHT_METRICS_PUBLIC=True)
def test_metrics_can_be_made_public(client):
    assert client.get("/metrics").status_code == 200
    assert client.post("/metrics").status_code == 405


def test_liveness_asks_nobody(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


COUNT = """
import django
django.setup()
from clockwright.engine import events
from clockwright.server.metrics import exposition, observe_engine_event
observe_engine_event(events.RunsClaimed(node_id="n", claims=[None]))
print(exposition().decode())
"""


def test_processes_that_share_a_folder_are_counted_together(tmp_path):
    counted = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", COUNT],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "DJANGO_SETTINGS_MODULE": "clockwright.server.settings",
                "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
                "LOG_LEVEL": "CRITICAL",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        counted.append(re.search(r"^clockwright_claims_total (\S+)$", done.stdout, re.MULTILINE)[1])
    assert counted == ["1.0", "2.0", "3.0"]
