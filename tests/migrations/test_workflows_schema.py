"""The tables of workflows: made from nothing, unmade again, with the rule that keeps versions as they are."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

APP = "clockwright_workflows"
TABLES = {"workflows", "workflow_versions", "workflow_executions", "workflow_steps"}


def tables():
    return set(connection.introspection.table_names())


@pytest.fixture
def migrated_again(transactional_db):
    """Whatever a test does to the schema, the tests after it find it whole."""
    yield
    call_command("migrate", verbosity=0)


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", APP, check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_the_tables_are_unmade_and_made_again(migrated_again):
    assert tables() >= TABLES
    call_command("migrate", APP, "zero", verbosity=0)
    assert not tables() & TABLES
    call_command("migrate", APP, verbosity=0)
    assert tables() >= TABLES
