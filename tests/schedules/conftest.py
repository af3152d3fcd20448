"""Schedules on a virtual clock."""

from __future__ import annotations

import pytest

from clockwright.access.models import Community
from tests.support.scheduling import living

ENVIRONMENT = (
    "SCHEDULER_TIMEZONE",
    "SCHEDULER_JOB_DEFAULTS_MAX_INSTANCES",
    "SCHEDULER_JOB_DEFAULTS_COALESCE",
    "MAX_CONCURRENT_WORKFLOWS",
    "WORKFLOW_TIMEOUT_SECONDS",
    "WORKFLOW_MAX_RETRIES",
    "SCHEDULE_GRACE_PERIOD_MINUTES",
    "CLOCKWRIGHT_HEARTBEAT_SECONDS",
    "CLOCKWRIGHT_LEASE_SECONDS",
    "CLOCKWRIGHT_DOCTOR_SECONDS",
    "CLOCKWRIGHT_AUTOSTART",
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """The documented defaults, whatever the machine's environment says."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def communities(db):
    for slug in ("default", "elsewhere"):
        Community.objects.get_or_create(slug=slug)


@pytest.fixture
def life(communities):
    with living() as found:
        yield found
