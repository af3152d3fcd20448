"""A workflow of fifty steps, nodes that are killed on its way, and what may and may not have happened twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import UUID

from clockwright.access.callers import Caller, Role
from clockwright.engine.registry import default_registry
from clockwright.schedules.models import Node, Run
from clockwright.workflows import services
from clockwright.workflows.models import Workflow, WorkflowStep

CLOCKWRIGHT = Path(sys.executable).with_name("clockwright")
ROOT = Path(__file__).resolve().parents[3]
BOSS = Caller(actor="boss", community="default", role=Role.ADMIN)
ITEMS = [3, 1, 4, 1, 5, 9]
PATIENCE = 120.0
SIDE_BY_SIDE = 3


def adding(step_id, left, right, follows=None):
    step = {
        "id": step_id,
        "kind": "function",
        "function": "stepping.add",
        "arguments": {"left": {"$": left}, "right": {"$": right}},
    }
    return step | ({"next": follows} if follows else {})


def chain(name, length, first, then=None):
    """Steps that each add 1 to what the one before gave."""
    ids = [f"{name}{n}" for n in range(length)]
    return [
        adding(
            step_id,
            first if n == 0 else f"steps.{ids[n - 1]}",
            "1",
            ids[n + 1] if n + 1 < length else then,
        )
        for n, step_id in enumerate(ids)
    ]


def fifty_steps():
    """20 in a row, 3 branches of 5, a loop of 3, 9 in a row: with the fan and the loop themselves and the end fifty."""
    branches = {name: {"steps": chain(name, 5, "steps.a19")} for name in ("left", "mid", "right")}
    body = {"steps": chain("each", 3, "steps.a19 + item")}
    return {
        "steps": [
            *chain("a", 20, "0", "fan"),
            {"id": "fan", "kind": "parallel", "branches": branches, "next": "loop"},
            {
                "id": "loop",
                "kind": "foreach",
                "items": "context.items",
                "do": body,
                "concurrency": SIDE_BY_SIDE,
                "next": "z0",
            },
            *chain(
                "z", 9, "sum(steps.loop) + steps.fan.left + steps.fan.mid + steps.fan.right", "end"
            ),
            {"id": "end", "kind": "end", "output": {"$": "steps.z8"}},
        ]
    }


CALLS = 20 + 15 + 3 * len(ITEMS) + 9
RESULT = sum(20 + item + 3 for item in ITEMS) + 3 * 25 + 9


@dataclass
class Fleet:
    """`clockwright worker` processes with a lease of a second; all are gone at the end."""

    database_url: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, count: int) -> None:
        known = set(Node.objects.values_list("node_id", flat=True))
        env = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "DJANGO_SETTINGS_MODULE": "tests.support.stepping.settings",
            "PYTHONPATH": str(ROOT),
            "SECRET_KEY": "of these tests",
            "STEPPING_FOLDER": str(self.folder),
            "CLOCKWRIGHT_HEARTBEAT_SECONDS": "0.3",
            "CLOCKWRIGHT_LEASE_SECONDS": "1",
        }
        for _ in range(count):
            with (self.folder / f"worker-{len(self.processes)}.log").open("wb") as log:
                self.processes.append(
                    subprocess.Popen(
                        [CLOCKWRIGHT, "worker"], env=env, cwd=self.folder, stdout=log, stderr=log
                    )
                )
        wait_for(
            lambda: Node.objects.exclude(node_id__in=known).count() >= count, "workers to register"
        )

    @property
    def dead(self) -> int:
        return sum(process.poll() is not None for process in self.processes)

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=60)


@contextmanager
def fleet(database_url: str, folder: Path, count: int) -> Iterator[Fleet]:
    made = Fleet(database_url, folder)
    try:
        made.start(count)
        yield made
    finally:
        made.stop()


def wait_for(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Look until it holds; a deadline only ends a test that hangs."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience} s for {what}"
        time.sleep(0.01)


def published() -> Workflow:
    """The workflow, in this process's database."""
    from tests.support.stepping import jobs  # noqa: F401 - registers the function here too

    assert "stepping.add" in default_registry
    made = services.create_workflow(BOSS, "fifty steps", fifty_steps())
    return services.publish_workflow(BOSS, made.workflow_id)


def plan_deaths(folder: Path, random: Random, count: int) -> None:
    """At so many boundaries a process dies: before the effect of a step, or after it and before it is kept."""
    for place in random.sample(range(1, CALLS), count):
        (folder / f"die-{place}-{random.choice(['before', 'after'])}").touch()


def execute(workflow: Workflow, nodes: Fleet, deaths: int) -> tuple[UUID, list[set[str]]]:
    """Run it to its end; the steps that were kept as finished when each process died."""
    before = nodes.dead
    run_id = services.execute_workflow(BOSS, workflow.workflow_id, {"items": ITEMS}).run_id
    kept: list[set[str]] = []
    while len(kept) < deaths:
        wait_for(lambda: nodes.dead > before + len(kept), f"death {len(kept) + 1}")
        kept.append(finished_by(run_id, nodes.folder, len(kept) + 1))
    wait_for(lambda: Run.objects.filter(run_id=run_id, finished_at__isnull=False), "the run to end")
    return run_id, kept


def finished_by(run_id: UUID, folder: Path, attempt: int) -> set[str]:
    """What is kept as finished, without what the next attempt may have done since."""
    rows = WorkflowStep.objects.filter(execution_id=run_id, status="succeeded", kind="function")
    paths = set(rows.values_list("path", flat=True))
    later = {path for path, found, _ in effects(folder, run_id) if found > attempt}
    return paths - later


def effects(folder: Path, run_id: UUID) -> Sequence[tuple[str, int, int]]:
    """Step, attempt and process of every effect, in order."""
    path = folder / str(run_id)
    lines = path.read_text().splitlines() if path.exists() else []
    return [(step, int(attempt), int(pid)) for step, attempt, pid in map(str.split, lines)]


def assert_it_survived(folder: Path, run_id: UUID, kept: list[set[str]]) -> None:
    """Each effect at least once, none of a step again that was kept as finished, and the right result."""
    run = Run.objects.get(run_id=run_id)
    assert (run.status, run.result, run.error) == ("succeeded", RESULT, None)
    assert (run.takeovers, run.attempt) == (len(kept), len(kept) + 1)
    done = effects(folder, run_id)
    counts = Counter(path for path, _, _ in done)
    assert len(counts) == CALLS
    for attempt, finished in enumerate(kept, start=1):
        again = {path for path, found, _ in done if found > attempt} & finished
        assert not again, f"after death {attempt} done again: {again}"
    assert sum(counts.values()) - CALLS <= SIDE_BY_SIDE * len(kept)
