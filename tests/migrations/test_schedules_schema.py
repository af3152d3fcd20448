"""The tables: made from nothing, unmade again, and named as the documents promise."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

APP = "clockwright_schedules"
TABLES = {"workflow_schedules", "schedule_runs", "schedule_run_attempts", "schedule_nodes"}

DOCUMENTED_COLUMNS = {
    "id": "AutoField",
    "schedule_id": "UUIDField",
    "workflow_id": "UUIDField",
    "schedule_type": "CharField",
    "cron_expression": "CharField",
    "interval_seconds": "IntegerField",
    "scheduled_time": "DateTimeField",
    "timezone": "CharField",
    "is_active": "BooleanField",
    "next_execution_at": "DateTimeField",
    "last_execution_at": "DateTimeField",
    "last_execution_id": "UUIDField",
    "max_executions": "IntegerField",
    "execution_count": "IntegerField",
    "context_data": "JSONField",
    "created_at": "DateTimeField",
    "updated_at": "DateTimeField",
}
DOCUMENTED_INDEXES = {
    "idx_workflow_schedules_workflow_id": ["workflow_id"],
    "idx_workflow_schedules_is_active": ["is_active"],
    "idx_workflow_schedules_next_execution": ["next_execution_at"],
    "idx_workflow_schedules_schedule_type": ["schedule_type"],
}
RUN_COLUMNS = [
    "run_id",
    "schedule_id",
    "workflow_id",
    "community_id",
    "scheduled_for",
    "covers_until",
    "covers_count",
    "trigger",
    "status",
    "reason",
    "attempt",
    "retries",
    "takeovers",
    "node",
    "ready_at",
    "created_at",
    "started_at",
    "finished_at",
    "cancel_requested_at",
    "at_most_once",
    "result",
    "error",
    "traceback",
    "request_id",
    "args",
    "context_data",
    "priority",
    "backfill_id",
    "supersedes",
]


def tables():
    return set(connection.introspection.table_names())


def columns(table):
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
        return {
            column.name: (connection.introspection.get_field_type(column.type_code, column), column)
            for column in described
        }


def constraints(table):
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, table)


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
    before = {table: sorted(constraints(table)) for table in TABLES}
    call_command("migrate", APP, "zero", verbosity=0)
    assert not tables() & TABLES
    call_command("migrate", APP, verbosity=0)
    assert {table: sorted(constraints(table)) for table in TABLES} == before
    assert not MigrationExecutor(connection).migration_plan(
        MigrationExecutor(connection).loader.graph.leaf_nodes(APP)
    )


@pytest.mark.django_db
def test_the_documented_columns_are_there():
    """S4-24. The two databases call some types by different names; Django knows what they are."""
    found = columns("workflow_schedules")
    assert set(DOCUMENTED_COLUMNS) <= set(found)
    alike = {
        "UUIDField": {"UUIDField", "CharField"},
        "JSONField": {"JSONField", "TextField"},
    }
    for name, kind in DOCUMENTED_COLUMNS.items():
        assert found[name][0] in alike.get(kind, {kind}), name


@pytest.mark.django_db
def test_the_documented_columns_may_be_empty_where_the_documents_say_so():
    """S4-24, R12."""
    found = columns("workflow_schedules")
    required = {
        "id",
        "schedule_id",
        "workflow_id",
        "schedule_type",
        "timezone",
        "is_active",
        "execution_count",
        "context_data",
        "created_at",
        "updated_at",
    }
    assert {name for name in DOCUMENTED_COLUMNS if not found[name][1].null_ok} == required


@pytest.mark.django_db
def test_the_documented_indexes_are_there_under_their_names():
    """S4-25, S4-26, S4-27, S4-28."""
    found = constraints("workflow_schedules")
    assert {
        name: found[name]["columns"] for name in DOCUMENTED_INDEXES if name in found
    } == DOCUMENTED_INDEXES


@pytest.mark.django_db
def test_a_schedule_id_is_unique_and_a_number_counts_the_rows():
    found = constraints("workflow_schedules").values()
    assert any(c["unique"] and c["columns"] == ["schedule_id"] for c in found)
    assert any(c["primary_key"] and c["columns"] == ["id"] for c in found)


@pytest.mark.django_db
def test_the_ledger_has_its_columns_and_one_row_a_fire_time():
    assert set(RUN_COLUMNS) == set(columns("schedule_runs"))
    unique = constraints("schedule_runs")["run_once_per_fire_time"]
    assert unique["unique"]
    assert unique["columns"][:2] == ["schedule_id", "scheduled_for"]


@pytest.mark.django_db
def test_defaults_hold_for_rows_that_others_write():
    """The documented defaults are the database's, not only the program's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_communities (slug, name, created_at)"
            " VALUES ('elsewhere', '', '2026-03-01 00:00:00')"
        )
        cursor.execute(
            "INSERT INTO workflow_schedules (schedule_id, workflow_id, schedule_type, cron_expression,"
            " next_execution_at, context_data, created_at, updated_at, community_id, status, recurrence,"
            " settled_until, policy, args, engine_version, tzdata_version)"
            " VALUES ('7a6d4f0e0b514c1e9d0e6d6a5a3f1c11', '7a6d4f0e0b514c1e9d0e6d6a5a3f1c11', 'cron',"
            " '* * * * *', '2026-03-01 00:01:00', '{}', '2026-03-01 00:00:00', '2026-03-01 00:00:00',"
            " 'elsewhere', 'active', '{}', '2026-03-01 00:00:00', '{}', '[]', 1, '2026a')"
        )
        cursor.execute(
            "SELECT is_active, execution_count, timezone, version FROM workflow_schedules"
        )
        (row,) = cursor.fetchall()
    assert row == (True, 0, "UTC", 1)
