"""Calendars that communities keep."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clockwright_access", "0002_default_community"),
        ("clockwright_schedules", "0002_zone_records_and_examinations"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScheduleCalendar",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=64)),
                ("data", models.JSONField()),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "community",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="calendars",
                        to="clockwright_access.community",
                    ),
                ),
            ],
            options={
                "db_table": "schedule_calendars",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("community", "name"), name="one_calendar_a_name_and_community"
                    )
                ],
            },
        ),
    ]
