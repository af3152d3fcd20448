"""How many runs of a schedule failed in a row, for those that pause themselves for it."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clockwright_schedules", "0004_one_index_for_fire_times"),
    ]

    operations = [
        migrations.CreateModel(
            name="FailureStreak",
            fields=[
                ("schedule_id", models.UUIDField(primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("failures", models.IntegerField()),
            ],
            options={
                "db_table": "schedule_failures",
                "indexes": [
                    models.Index(
                        condition=models.Q(("failures__gt", 0)),
                        fields=["schedule_id"],
                        name="failures_counted",
                    )
                ],
            },
        ),
    ]
