"""The benchmarks page says what was measured, and nothing else."""

from __future__ import annotations

import json

import pytest

from bench import plans, published, run, steady
from bench.figures import Figure, Unmeasurable, compared

TAKEN = published.Taken(
    at="2026-01-02T03:04:05+00:00", cpus=2, python="3.11.7", database="PostgreSQL 15", load=0.5
)


def test_the_page_shows_the_figures_that_were_published():
    now = published.Published(run.PUBLISHED)
    page = run.PAGE.read_text()
    assert published.rewrite(page, now.tables()) == page, "make bench writes it anew"
    for ending in (".png", ".svg"):
        assert run.PICTURE.with_suffix(ending).stat().st_size > 1_000


def test_the_page_has_what_matters_most_about_each_workload():
    now = published.Published(run.PUBLISHED)
    for name in (
        "w1_burst_postgresql_10000",
        "w1_burst_postgresql_100000",
        "w1_burst_sqlite_10000",
        "w1_burst_apscheduler_postgresql_10000",
        "w1_nodes_postgresql_10000_2",
        "w2_steady_postgresql_1000_lateness_p99",
        "w3_standing_1000000_first_fire",
    ):
        figure = now.figures[name]
        assert figure.value > 0
        assert figure.ratio is not None


def test_measurements_replace_those_of_their_name_and_leave_the_others(tmp_path):
    path = tmp_path / "published.json"

    def publish(name, value):
        figures = compared(f"w1_burst_{name}_10", "runs/s", value, "limit_pg2", 100.0)
        published.merge(path, {name: (TAKEN, figures)})

    publish("postgresql", 10.0)
    publish("pgqueuer_tuned", 20.0)
    publish("postgresql", 30.0)
    now = published.Published(path)
    assert now.value("w1_burst_postgresql_10") == 30.0
    assert now.value("w1_burst_pgqueuer_tuned_10") == 20.0
    rows = now.tables()["bursts"].splitlines()[2:]
    assert [row.split("|")[4].strip() for row in rows] == ["30", "20"], "the fastest first"
    assert [row.split("|")[5].strip() for row in rows] == ["30 %", "20 %"]
    json.loads(path.read_text())


def test_what_a_peer_dropped_stands_in_its_row_and_in_the_picture(tmp_path):
    path = tmp_path / "published.json"
    name = "w1_burst_apscheduler_memory_defaults_1000"
    figures = [
        *compared(name, "runs/s", 900.0, "limit_pg2", 9_000.0),
        Figure(name=f"{name}_missed", value=780, unit="runs"),
    ]
    published.merge(path, {name: (TAKEN, figures)})
    now = published.Published(path)
    assert now.tables()["bursts"].splitlines()[-1].endswith("| 78.0% |")
    (bar,) = now.pictured()["bursts"]
    assert (bar["kind"], bar["title"][-15:]) == ("drops", "(78.0% dropped)")


def test_what_a_peer_left_of_a_steady_load_is_counted_in_its_row(tmp_path):
    path = tmp_path / "published.json"
    start = "w2_steady_pgqueuer_tuned_1000"
    values = {"lateness_p50": 0.01, "lateness_p99": 2.0, "missed": 3, "waiting": 4}
    figures = [
        Figure(name=f"{start}_{what}", value=value, unit="") for what, value in values.items()
    ]
    published.merge(path, {start: (TAKEN, figures)})
    now = published.Published(path)
    assert now.tables()["steady"].splitlines()[-1].endswith("| spread | 10 ms | 2 s | 7 |")
    assert now.pictured()["steady"][0]["p99"] == 2.0


def test_a_page_without_a_place_for_a_table_is_refused():
    with pytest.raises(ValueError, match="figures: bursts"):
        published.rewrite("# A page\n", {"bursts": "| |"})


def test_no_run_may_begin_before_its_instant():
    assert steady.lateness([(1, 10.5), (2, 20.1)], [10.0, 20.0]) == {"p50": 0.5, "p99": 0.5}
    with pytest.raises(Unmeasurable, match=r"0\.500 s before it was due"):
        steady.lateness([(1, 9.5)], [10.0])


def test_a_plan_says_how_many_blocks_it_touched():
    plan = "Limit (cost=1)\n  Buffers: shared hit=3 read=2\n  ->  Index Scan\n        Buffers: shared hit=3"
    assert plans.blocks(plan) == 5
    assert plans.blocks("Result (cost=1)") == 0
