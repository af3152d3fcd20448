"""Who is in a community, what they may do with single workflows, and whose a token is."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import clockwright.engine.clock


class Migration(migrations.Migration):
    dependencies = [
        ("clockwright_access", "0002_default_community"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("viewer", "viewer"),
                            ("operator", "operator"),
                            ("admin", "admin"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=clockwright.engine.clock.utc_now, editable=False),
                ),
            ],
            options={
                "db_table": "access_memberships",
                "ordering": ["community", "id"],
            },
        ),
        migrations.CreateModel(
            name="WorkflowGrant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("workflow_id", models.UUIDField()),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("viewer", "viewer"),
                            ("operator", "operator"),
                            ("admin", "admin"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("can_view", models.BooleanField(default=True)),
                ("can_edit", models.BooleanField(default=False)),
                ("can_execute", models.BooleanField(default=False)),
                ("can_delete", models.BooleanField(default=False)),
                ("can_manage", models.BooleanField(default=False)),
                (
                    "created_at",
                    models.DateTimeField(default=clockwright.engine.clock.utc_now, editable=False),
                ),
            ],
            options={
                "db_table": "access_grants",
                "ordering": ["workflow_id", "id"],
            },
        ),
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="clockwright_tokens",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="community",
            name="longest_token_days",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="community",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("longest_token_days__isnull", True),
                    ("longest_token_days__gte", 1),
                    _connector="OR",
                ),
                name="access_communities_tokens_last_a_day",
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="community",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="memberships",
                to="clockwright_access.community",
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="clockwright_memberships",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="workflowgrant",
            name="community",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="grants",
                to="clockwright_access.community",
            ),
        ),
        migrations.AddField(
            model_name="workflowgrant",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="clockwright_grants",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                fields=("community", "user"), name="access_memberships_once_a_community"
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["viewer", "operator", "admin"])),
                name="access_memberships_role",
            ),
        ),
        migrations.AddConstraint(
            model_name="workflowgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("role__isnull", False), ("user__isnull", True)),
                    models.Q(("role__isnull", True), ("user__isnull", False)),
                    _connector="OR",
                ),
                name="access_grants_to_a_user_or_a_role",
            ),
        ),
        migrations.AddConstraint(
            model_name="workflowgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("role__isnull", True),
                    ("role__in", ["viewer", "operator", "admin"]),
                    _connector="OR",
                ),
                name="access_grants_role",
            ),
        ),
        migrations.AddConstraint(
            model_name="workflowgrant",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user__isnull", False)),
                fields=("community", "workflow_id", "user"),
                name="access_grants_once_a_user",
            ),
        ),
        migrations.AddConstraint(
            model_name="workflowgrant",
            constraint=models.UniqueConstraint(
                condition=models.Q(("role__isnull", False)),
                fields=("community", "workflow_id", "role"),
                name="access_grants_once_a_role",
            ),
        ),
    ]
