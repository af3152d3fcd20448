"""Schedules, the ledger of runs, and nodes."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import clockwright.schedules.indexes


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("clockwright_access", "0002_default_community"),
    ]

    operations = [
        migrations.CreateModel(
            name="Node",
            fields=[
                ("node_id", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("host", models.CharField(max_length=255)),
                ("pid", models.BigIntegerField()),
                ("capacity", models.IntegerField()),
                ("started_at", models.DateTimeField()),
                ("heartbeat_at", models.DateTimeField()),
                ("lease_until", models.DateTimeField()),
                ("is_alive", models.BooleanField(db_default=True, default=True)),
            ],
            options={
                "db_table": "schedule_nodes",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("capacity__gte", 1)), name="node_can_run"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Schedule",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("schedule_id", models.UUIDField(unique=True)),
                ("workflow_id", models.UUIDField()),
                (
                    "schedule_type",
                    models.CharField(
                        choices=[
                            ("cron", "cron"),
                            ("interval", "interval"),
                            ("one_time", "one time"),
                            ("rrule", "rrule"),
                            ("rule", "rule"),
                        ],
                        max_length=50,
                    ),
                ),
                ("cron_expression", models.CharField(blank=True, max_length=255, null=True)),
                ("interval_seconds", models.IntegerField(blank=True, null=True)),
                ("scheduled_time", models.DateTimeField(blank=True, null=True)),
                ("timezone", models.CharField(db_default="UTC", default="UTC", max_length=100)),
                ("is_active", models.BooleanField(db_default=True, default=True)),
                ("next_execution_at", models.DateTimeField(blank=True, null=True)),
                ("last_execution_at", models.DateTimeField(blank=True, null=True)),
                ("last_execution_id", models.UUIDField(blank=True, null=True)),
                ("max_executions", models.IntegerField(blank=True, null=True)),
                ("execution_count", models.IntegerField(db_default=0, default=0)),
                ("context_data", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("key", models.CharField(blank=True, max_length=255, null=True)),
                ("name", models.CharField(blank=True, db_default="", default="", max_length=255)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "active"),
                            ("paused", "paused"),
                            ("completed", "completed"),
                            ("failed", "failed"),
                            ("removed", "removed"),
                        ],
                        default="active",
                        max_length=20,
                    ),
                ),
                ("status_reason", models.CharField(blank=True, max_length=255, null=True)),
                ("recurrence", models.JSONField()),
                ("settled_until", models.DateTimeField()),
                ("start_at", models.DateTimeField(blank=True, null=True)),
                ("end_at", models.DateTimeField(blank=True, null=True)),
                ("policy", models.JSONField()),
                ("args", models.JSONField(default=list)),
                ("version", models.IntegerField(db_default=1, default=1)),
                ("engine_version", models.IntegerField()),
                ("tzdata_version", models.CharField(max_length=50)),
                (
                    "created_by",
                    models.CharField(blank=True, db_default="", default="", max_length=255),
                ),
                (
                    "community",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="schedules",
                        to="clockwright_access.community",
                    ),
                ),
            ],
            options={
                "db_table": "workflow_schedules",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("run_id", models.UUIDField(primary_key=True, serialize=False)),
                ("workflow_id", models.UUIDField()),
                ("scheduled_for", models.DateTimeField()),
                ("covers_until", models.DateTimeField(blank=True, null=True)),
                ("covers_count", models.BigIntegerField(db_default=1, default=1)),
                (
                    "trigger",
                    models.CharField(
                        choices=[
                            ("schedule", "schedule"),
                            ("manual", "manual"),
                            ("backfill", "backfill"),
                            ("call", "call"),
                        ],
                        default="schedule",
                        max_length=20,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("buffered", "buffered"),
                            ("running", "running"),
                            ("retrying", "retrying"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("timed_out", "timed out"),
                            ("cancelled", "cancelled"),
                            ("lost", "lost"),
                            ("missed", "missed"),
                            ("skipped", "skipped"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
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
                            ("crashed_node", "crashed node"),
                            ("at_most_once", "at most once"),
                        ],
                        max_length=30,
                        null=True,
                    ),
                ),
                ("attempt", models.IntegerField(db_default=0, default=0)),
                ("retries", models.IntegerField(db_default=0, default=0)),
                ("takeovers", models.IntegerField(db_default=0, default=0)),
                ("node", models.CharField(blank=True, max_length=255, null=True)),
                ("created_at", models.DateTimeField()),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("cancel_requested_at", models.DateTimeField(blank=True, null=True)),
                ("at_most_once", models.BooleanField(db_default=False, default=False)),
                ("result", models.JSONField(blank=True, null=True)),
                ("error", models.TextField(blank=True, null=True)),
                ("traceback", models.TextField(blank=True, null=True)),
                ("request_id", models.CharField(blank=True, max_length=255, null=True)),
                ("args", models.JSONField(blank=True, null=True)),
                ("context_data", models.JSONField(blank=True, null=True)),
                (
                    "community",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="runs",
                        to="clockwright_access.community",
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="runs",
                        to="clockwright_schedules.schedule",
                        to_field="schedule_id",
                    ),
                ),
            ],
            options={
                "db_table": "schedule_runs",
            },
        ),
        migrations.CreateModel(
            name="RunAttempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("attempt", models.IntegerField()),
                ("node", models.CharField(max_length=255)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("buffered", "buffered"),
                            ("running", "running"),
                            ("retrying", "retrying"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("timed_out", "timed out"),
                            ("cancelled", "cancelled"),
                            ("lost", "lost"),
                            ("missed", "missed"),
                            ("skipped", "skipped"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
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
                            ("crashed_node", "crashed node"),
                            ("at_most_once", "at most once"),
                        ],
                        max_length=30,
                        null=True,
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField()),
                ("error", models.TextField(blank=True, null=True)),
                ("traceback", models.TextField(blank=True, null=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="clockwright_schedules.run",
                    ),
                ),
            ],
            options={
                "db_table": "schedule_run_attempts",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("run", "attempt"), name="run_attempt_kept_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("attempt__gte", 1), ("status__in", ["retrying", "lost"])
                        ),
                        name="run_attempt_in_range",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=clockwright.schedules.indexes.DocumentedIndex(
                fields=["workflow_id"], name="idx_workflow_schedules_workflow_id"
            ),
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=clockwright.schedules.indexes.DocumentedIndex(
                fields=["is_active"], name="idx_workflow_schedules_is_active"
            ),
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=clockwright.schedules.indexes.DocumentedIndex(
                condition=models.Q(("status", "active")),
                fields=["next_execution_at"],
                name="idx_workflow_schedules_next_execution",
            ),
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=clockwright.schedules.indexes.DocumentedIndex(
                fields=["schedule_type"], name="idx_workflow_schedules_schedule_type"
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.UniqueConstraint(
                fields=("community", "key"), name="schedule_key_unique_in_community"
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["active", "paused", "completed", "failed", "removed"])
                ),
                name="schedule_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("is_active", True), ("status", "active")),
                    models.Q(("is_active", False), models.Q(("status", "active"), _negated=True)),
                    _connector="OR",
                ),
                name="schedule_is_active_says_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_execution_at__isnull", False), ("status", "active")),
                    models.Q(
                        models.Q(("status", "active"), _negated=True),
                        ("next_execution_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="schedule_active_means_next_execution",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cron_expression__isnull", False),
                        ("interval_seconds__isnull", True),
                        ("schedule_type", "cron"),
                        ("scheduled_time__isnull", True),
                    ),
                    models.Q(
                        ("cron_expression__isnull", True),
                        ("interval_seconds__gt", 0),
                        ("interval_seconds__isnull", False),
                        ("schedule_type", "interval"),
                        ("scheduled_time__isnull", True),
                    ),
                    models.Q(
                        ("cron_expression__isnull", True),
                        ("interval_seconds__isnull", True),
                        ("schedule_type", "one_time"),
                        ("scheduled_time__isnull", False),
                    ),
                    models.Q(
                        ("cron_expression__isnull", True),
                        ("interval_seconds__isnull", True),
                        ("schedule_type__in", ["rrule", "rule"]),
                        ("scheduled_time__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="schedule_type_projects_its_rule",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("max_executions__isnull", True), ("max_executions__gt", 0), _connector="OR"
                    ),
                    ("execution_count__gte", 0),
                    ("version__gte", 1),
                ),
                name="schedule_numbers_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("next_execution_at__isnull", True),
                    ("next_execution_at__gt", models.F("settled_until")),
                    _connector="OR",
                ),
                name="schedule_settled_before_next",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("key__isnull", True), models.Q(("key", ""), _negated=True), _connector="OR"
                ),
                name="schedule_key_not_empty",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["schedule", "-scheduled_for", "-run_id"], name="runs_newest_first"
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "retrying"])),
                fields=["ready_at", "run_id"],
                name="runs_claimable",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "buffered", "running", "retrying"])),
                fields=["schedule", "status"],
                name="runs_unfinished_by_schedule",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status", "buffered")),
                fields=["schedule", "run_id"],
                name="runs_buffered",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status", "running")), fields=["node"], name="runs_held_by_node"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                condition=models.Q(("trigger", "schedule")),
                fields=("schedule", "scheduled_for"),
                name="run_once_per_fire_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                condition=models.Q(("request_id__isnull", False)),
                fields=("schedule", "request_id"),
                name="run_once_per_request",
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
                    models.Q(
                        models.Q(
                            models.Q(("ready_at__isnull", False), ("status", "queued")),
                            models.Q(
                                ("attempt", 0), ("ready_at__isnull", True), ("status", "buffered")
                            ),
                            _connector="OR",
                        ),
                        ("cancel_requested_at__isnull", True),
                        ("finished_at__isnull", True),
                        ("node__isnull", True),
                        ("started_at__isnull", True),
                    ),
                    models.Q(
                        ("attempt__gte", 1),
                        ("cancel_requested_at__isnull", True),
                        ("finished_at__isnull", True),
                        ("node__isnull", True),
                        ("ready_at__isnull", False),
                        ("retries__gte", 1),
                        ("status", "retrying"),
                    ),
                    models.Q(
                        ("attempt__gte", 1),
                        ("finished_at__isnull", True),
                        ("node__isnull", False),
                        ("status", "running"),
                    ),
                    models.Q(
                        ("attempt__gte", 1),
                        ("finished_at__isnull", False),
                        ("node__isnull", False),
                        ("status__in", ["succeeded", "failed", "timed_out", "lost"]),
                    ),
                    models.Q(
                        ("finished_at__isnull", False),
                        ("reason__isnull", False),
                        ("status", "cancelled"),
                    ),
                    models.Q(
                        ("attempt", 0),
                        ("finished_at__isnull", False),
                        ("node__isnull", True),
                        ("ready_at__isnull", True),
                        ("reason__isnull", False),
                        ("started_at__isnull", True),
                        ("status__in", ["missed", "skipped"]),
                    ),
                    _connector="OR",
                ),
                name="run_state_has_its_facts",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("covers_count", 1), ("covers_until__isnull", True)),
                    models.Q(
                        ("covers_count__gte", 1),
                        ("covers_until__gte", models.F("scheduled_for")),
                        ("covers_until__isnull", False),
                        ("status__in", ["missed", "skipped"]),
                    ),
                    _connector="OR",
                ),
                name="run_range_only_if_not_run",
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
                ),
                name="run_counts_add_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
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
                    ("trigger__in", ["backfill", "call"]),
                    _connector="OR",
                ),
                name="run_cause_has_its_facts",
            ),
        ),
    ]
