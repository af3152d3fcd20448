"""Communities, who is in them, what they may do beyond their role, and API tokens."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from clockwright.access.callers import Right, Role
from clockwright.engine.clock import utc_now

SLUG = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?\Z",
    "Write lower-case letters, digits and hyphens, such as night-shift.",
)
_ROLES = [role.value for role in Role]
_ROLE_CHOICES = [(role, role) for role in _ROLES]


class Community(models.Model):
    """A tenant. Its slug is what every `community_id` column holds."""

    slug = models.CharField(primary_key=True, max_length=100, validators=[SLUG])
    name = models.CharField(max_length=200, blank=True)
    longest_token_days = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=utc_now, editable=False)

    class Meta:
        db_table = "access_communities"
        verbose_name_plural = "communities"
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=~Q(slug=""), name="access_communities_slug_given"),
            models.CheckConstraint(
                condition=Q(longest_token_days__isnull=True) | Q(longest_token_days__gte=1),
                name="access_communities_tokens_last_a_day",
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """A user's role in a community. Without one, the community does not exist for the user."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="clockwright_memberships"
    )
    role = models.CharField(max_length=20, choices=_ROLE_CHOICES)
    created_at = models.DateTimeField(default=utc_now, editable=False)

    class Meta:
        db_table = "access_memberships"
        ordering = ["community", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["community", "user"], name="access_memberships_once_a_community"
            ),
            models.CheckConstraint(condition=Q(role__in=_ROLES), name="access_memberships_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} in {self.community_id}"


class WorkflowGrant(models.Model):
    """What a member, or every member of a role, may do with one workflow beyond what their role gives."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="grants")
    workflow_id = models.UUIDField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="clockwright_grants",
    )
    role = models.CharField(max_length=20, choices=_ROLE_CHOICES, null=True, blank=True)
    can_view = models.BooleanField(default=True)
    can_edit = models.BooleanField(default=False)
    can_execute = models.BooleanField(default=False)
    can_delete = models.BooleanField(default=False)
    can_manage = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=utc_now, editable=False)

    class Meta:
        db_table = "access_grants"
        ordering = ["workflow_id", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=True, role__isnull=False)
                | Q(user__isnull=False, role__isnull=True),
                name="access_grants_to_a_user_or_a_role",
            ),
            models.CheckConstraint(
                condition=Q(role__isnull=True) | Q(role__in=_ROLES), name="access_grants_role"
            ),
            models.UniqueConstraint(
                fields=["community", "workflow_id", "user"],
                condition=Q(user__isnull=False),
                name="access_grants_once_a_user",
            ),
            models.UniqueConstraint(
                fields=["community", "workflow_id", "role"],
                condition=Q(role__isnull=False),
                name="access_grants_once_a_role",
            ),
        ]

    def __str__(self) -> str:
        return f"{', '.join(self.rights)} on {self.workflow_id} for {self.user or self.role}"

    @property
    def rights(self) -> list[Right]:
        """What it gives."""
        return [right for right in Right if getattr(self, f"can_{right}")]


class ApiToken(models.Model):
    """What a caller shows instead of a password. Only its hash is stored; `prefix` is for people to tell it by.

    One with a user acts as that member, and never as more than the member may; one without acts by itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="tokens")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="clockwright_tokens",
    )
    role = models.CharField(max_length=20, choices=_ROLE_CHOICES)
    scopes = models.JSONField(null=True, blank=True, editable=False)
    prefix = models.CharField(max_length=20, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=utc_now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "access_tokens"
        verbose_name = "API token"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=_ROLES), name="access_tokens_role"),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
                name="access_tokens_expire_after_creation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
