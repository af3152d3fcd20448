"""Runs have priorities, and past ranges of fire times can be run after all."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clockwright_schedules", "0005_failures_in_a_row"),
    ]

    operations = [
        migrations.CreateModel(
            name="Backfill",
            fields=[
                ("backfill_id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "asked_by",
                    models.CharField(blank=True, db_default="", default="", max_length=255),
                ),
                ("request_id", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField()),
                ("range_from", models.DateTimeField()),
                ("range_to", models.DateTimeField()),
                ("recurrence", models.JSONField()),
                ("overlap", models.CharField(max_length=20)),
                ("max_instances", models.IntegerField()),
                ("priority", models.SmallIntegerField(db_default=0, default=0)),
                ("total", models.IntegerField()),
                ("created", models.IntegerField(db_default=0, default=0)),
                ("existing", models.IntegerField(db_default=0, default=0)),
                ("cursor", models.DateTimeField(blank=True, null=True)),
                ("status", models.CharField(max_length=20)),
                ("reason", models.CharField(blank=True, max_length=30, null=True)),
                ("error", models.TextField(blank=True, null=True)),
                ("node", models.CharField(blank=True, max_length=255, null=True)),
                ("held_until", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "community",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="backfills",
                        to="clockwright_access.community",
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="backfills",
                        to="clockwright_schedules.schedule",
                        to_field="schedule_id",
                    ),
                ),
            ],
            options={
                "db_table": "schedule_backfills",
                "ordering": ["-created_at", "-backfill_id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="run",
            name="run_words_known",
        ),
        migrations.RemoveConstraint(
            model_name="run",
            name="run_counts_add_up",
        ),
        migrations.RemoveConstraint(
            model_name="run",
            name="run_cause_has_its_facts",
        ),
        migrations.RemoveIndex(
            model_name="run",
            name="runs_claimable",
        ),
        migrations.AddField(
            model_name="run",
            name="backfill_id",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="priority",
            field=models.SmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="run",
            name="supersedes",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="run",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("grace_exceeded", "grace exceeded"),
                    ("paused", "paused"),
                    ("coalesced", "coalesced"),
                    ("not_caught_up", "not caught up"),
                    ("catch_up_limit", "catch up limit"),
                    ("overlap", "overlap"),
                    ("buffer_full", "buffer full"),
                    ("limit_reached", "limit reached"),
                    ("error", "error"),
                    ("unknown_function", "unknown function"),
                    ("invalid_payload", "invalid payload"),
                    ("invalid_result", "invalid result"),
                    ("timeout", "timeout"),
                    ("requested", "requested"),
                    ("replaced", "replaced"),
                    ("schedule_removed", "schedule removed"),
                    ("backfill_cancelled", "backfill cancelled"),
                    ("crashed_node", "crashed node"),
                    ("at_most_once", "at most once"),
                ],
                max_length=30,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="runattempt",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("grace_exceeded", "grace exceeded"),
                    ("paused", "paused"),
                    ("coalesced", "coalesced"),
                    ("not_caught_up", "not caught up"),
                    ("catch_up_limit", "catch up limit"),
                    ("overlap", "overlap"),
                    ("buffer_full", "buffer full"),
                    ("limit_reached", "limit reached"),
                    ("error", "error"),
                    ("unknown_function", "unknown function"),
                    ("invalid_payload", "invalid payload"),
                    ("invalid_result", "invalid result"),
                    ("timeout", "timeout"),
                    ("requested", "requested"),
                    ("replaced", "replaced"),
                    ("schedule_removed", "schedule removed"),
                    ("backfill_cancelled", "backfill cancelled"),
                    ("crashed_node", "crashed node"),
                    ("at_most_once", "at most once"),
                ],
                max_length=30,
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "retrying"])),
                fields=["-priority", "ready_at", "run_id"],
                name="runs_claimable",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                condition=models.Q(("backfill_id__isnull", False)),
                fields=("backfill_id", "scheduled_for"),
                name="run_once_per_backfill",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "queued",
                            "buffered",
                            "running",
                            "retrying",
                            "succeeded",
                            "failed",
                            "timed_out",
                            "cancelled",
                            "lost",
                            "missed",
                            "skipped",
                        ],
                    ),
                    ("trigger__in", ["schedule", "manual", "backfill", "call"]),
                    models.Q(
                        ("reason__isnull", True),
                        (
                            "reason__in",
                            [
                                "grace_exceeded",
                                "paused",
                                "coalesced",
                                "not_caught_up",
                                "catch_up_limit",
                                "overlap",
                                "buffer_full",
                                "limit_reached",
                                "error",
                                "unknown_function",
                                "invalid_payload",
                                "invalid_result",
                                "timeout",
                                "requested",
                                "replaced",
                                "schedule_removed",
                                "backfill_cancelled",
                                "crashed_node",
                                "at_most_once",
                            ],
                        ),
                        _connector="OR",
                    ),
                ),
                name="run_words_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "attempt__gte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("retries"), "+", models.F("takeovers")
                        ),
                    ),
                    ("retries__gte", 0),
                    ("takeovers__gte", 0),
                    ("priority__gte", -100),
                    ("priority__lte", 100),
                ),
                name="run_counts_add_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("backfill_id__isnull", True),
                        ("supersedes__isnull", True),
                        models.Q(
                            models.Q(
                                ("request_id__isnull", True),
                                ("schedule__isnull", False),
                                ("trigger", "schedule"),
                            ),
                            models.Q(
                                ("request_id__isnull", False),
                                ("schedule__isnull", False),
                                ("trigger", "manual"),
                            ),
                            ("trigger", "call"),
                            _connector="OR",
                        ),
                    ),
                    models.Q(
                        ("backfill_id__isnull", False),
                        ("schedule__isnull", False),
                        ("trigger", "backfill"),
                    ),
                    _connector="OR",
                ),
                name="run_cause_has_its_facts",
            ),
        ),
        migrations.AddIndex(
            model_name="backfill",
            index=models.Index(fields=["schedule", "created_at"], name="backfills_by_schedule"),
        ),
        migrations.AddConstraint(
            model_name="backfill",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "running")),
                fields=("schedule",),
                name="backfill_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="backfill",
            constraint=models.UniqueConstraint(
                fields=("schedule", "request_id"), name="backfill_once_per_request"
            ),
        ),
        migrations.AddConstraint(
            model_name="backfill",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("overlap__in", ["allow", "buffer_all", "skip"]),
                    ("status__in", ["running", "completed", "cancelled", "failed"]),
                    models.Q(
                        ("reason__isnull", True),
                        ("reason__in", ["requested", "schedule_removed", "rule_failed"]),
                        _connector="OR",
                    ),
                ),
                name="backfill_words_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="backfill",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("finished_at__isnull", True),
                        ("reason__isnull", True),
                        ("status", "running"),
                    ),
                    models.Q(
                        ("finished_at__isnull", False),
                        ("reason__isnull", True),
                        ("status", "completed"),
                    ),
                    models.Q(
                        ("finished_at__isnull", False),
                        ("reason__isnull", False),
                        ("status__in", ["cancelled", "failed"]),
                    ),
                    _connector="OR",
                ),
                name="backfill_state_has_its_facts",
            ),
        ),
        migrations.AddConstraint(
            model_name="backfill",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("created__gte", 0),
                    ("existing__gte", 0),
                    ("max_instances__gte", 1),
                    ("range_to__gte", models.F("range_from")),
                    ("total__gte", 0),
                    ("priority__gte", -100),
                    ("priority__lte", 100),
                ),
                name="backfill_numbers_in_range",
            ),
        ),
    ]
