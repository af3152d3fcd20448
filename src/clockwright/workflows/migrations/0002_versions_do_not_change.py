"""A published version is never written again: the database says so itself."""

from __future__ import annotations

from typing import Any

from django.db import migrations

_POSTGRESQL = [
    """
    CREATE FUNCTION workflow_version_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a published version of a workflow is never changed' USING ERRCODE = '23514';
    END $$
    """,
    """
    CREATE TRIGGER workflow_versions_are_final BEFORE UPDATE ON workflow_versions
    FOR EACH ROW EXECUTE FUNCTION workflow_version_is_final()
    """,
]
_SQLITE = [
    """
    CREATE TRIGGER workflow_versions_are_final BEFORE UPDATE ON workflow_versions
    BEGIN SELECT RAISE(ABORT, 'a published version of a workflow is never changed'); END
    """,
]
_UNDO_POSTGRESQL = [
    "DROP TRIGGER workflow_versions_are_final ON workflow_versions",
    "DROP FUNCTION workflow_version_is_final()",
]
_UNDO_SQLITE = ["DROP TRIGGER workflow_versions_are_final"]


def _forbid(_apps: Any, editor: Any) -> None:
    for statement in _POSTGRESQL if editor.connection.vendor == "postgresql" else _SQLITE:
        editor.execute(statement)


def _allow(_apps: Any, editor: Any) -> None:
    is_postgresql = editor.connection.vendor == "postgresql"
    for statement in _UNDO_POSTGRESQL if is_postgresql else _UNDO_SQLITE:
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("clockwright_workflows", "0001_workflows")]

    operations = [migrations.RunPython(_forbid, _allow)]
