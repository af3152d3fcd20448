"""What the zone data said when schedules were saved, and what was last examined."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clockwright_schedules", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="schedule",
            name="rule_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        # nothing is said about the time before, and everything after it can be
        migrations.RunSQL(
            "UPDATE workflow_schedules SET rule_since = settled_until", migrations.RunSQL.noop
        ),
        migrations.CreateModel(
            name="Examination",
            fields=[
                ("name", models.CharField(max_length=50, primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField()),
                ("node", models.CharField(blank=True, max_length=255, null=True)),
                ("held_until", models.DateTimeField(blank=True, null=True)),
                ("place", models.BigIntegerField(db_default=0, default=0)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("report", models.JSONField(blank=True, null=True)),
            ],
            options={
                "db_table": "schedule_examinations",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="ZoneRecord",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("tzdata_version", models.CharField(max_length=50)),
                ("zone", models.CharField(max_length=100)),
                ("recorded_at", models.DateTimeField()),
                ("transitions", models.JSONField()),
            ],
            options={
                "db_table": "schedule_zone_records",
                "ordering": ["tzdata_version", "zone"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tzdata_version", "zone"), name="zone_recorded_once_per_release"
                    )
                ],
            },
        ),
    ]
