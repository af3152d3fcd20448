"""The simulation as a tool for users: their functions, their schedules, their own assertions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from clockwright.engine.model import Policy, RunState, Schedule
from clockwright.engine.ports import RunContext
from clockwright.engine.registry import Registry
from clockwright.recurrence import Interval
from clockwright.testing import OneHandler
from clockwright.testing.simulation import Functions, simulate

START = datetime(2026, 1, 1, tzinfo=UTC)
SEEDS = range(12)
WORKFLOW = UUID(int=9)


def every_few_seconds(workflow_id: UUID = WORKFLOW) -> Schedule:
    return Schedule(
        schedule_id=UUID(int=1),
        workflow_id=workflow_id,
        recurrence=Interval(seconds=4, anchor=START),
        settled_until=START,
        policy=Policy(max_instances=10, max_retries=1),
        key="mine",
    )


def test_ones_own_function_and_schedule_live_through_the_faults():
    """The run id is the idempotency key: what is done by it is done once, however often it is called (promise 2)."""
    for seed in SEEDS:
        charged: dict[UUID, int] = {}
        calls: list[UUID] = []

        async def charge(run: RunContext, charged=charged, calls=calls) -> str:
            calls.append(run.run_id)
            await asyncio.sleep(2)
            charged.setdefault(run.run_id, run.attempt)
            return "charged"

        report = simulate(seed, resolver=OneHandler(charge), schedules=[every_few_seconds()])
        assert report.is_clean, str(report)
        succeeded = {run.run_id for run in report.ledger if run.state is RunState.SUCCEEDED}
        assert succeeded <= charged.keys()
        assert {run.schedule_id for run in report.ledger} <= {UUID(int=1)}
        assert set(calls) <= {run.run_id for run in report.ledger}


def test_the_functions_of_a_registry_live_through_them_too():
    registry, days = Registry(), []

    @registry.job("plain", at_most_once=True)
    def plain(run: RunContext) -> None:
        days.append(run.run_id)

    schedule = every_few_seconds(registry.get("plain").workflow_id)
    reports = [simulate(seed, resolver=Functions(registry), schedules=[schedule]) for seed in SEEDS]
    assert all(report.is_clean for report in reports)
    assert len(days) > len(SEEDS)


def test_a_function_that_nobody_registered_fails_and_says_so():
    report = simulate(1, resolver=Functions(Registry()), schedules=[every_few_seconds()])
    assert report.is_clean, str(report)
    ran = [run for run in report.ledger if run.attempt]
    assert {run.state for run in ran} <= {RunState.FAILED, RunState.CANCELLED}
