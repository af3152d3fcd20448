"""The community of schedules that code registers."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make_default(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Insert it, unless it is there."""
    communities = apps.get_model("clockwright_access", "Community")
    communities.objects.using(schema_editor.connection.alias).get_or_create(
        slug="default", defaults={"name": "Default"}
    )


class Migration(migrations.Migration):
    dependencies = [("clockwright_access", "0001_initial")]
    operations = [migrations.RunPython(make_default, migrations.RunPython.noop, elidable=False)]
