"""Communities and API tokens."""

from __future__ import annotations

import uuid

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from clockwright.access.callers import Role
from clockwright.engine.clock import utc_now

SLUG = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?\Z",
    "Write lower-case letters, digits and hyphens, such as night-shift.",
)


class Community(models.Model):
    """A tenant. Its slug is what every `community_id` column holds."""

    slug = models.CharField(primary_key=True, max_length=100, validators=[SLUG])
    name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=utc_now, editable=False)

    class Meta:
        db_table = "access_communities"
        verbose_name_plural = "communities"
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=~Q(slug=""), name="access_communities_slug_given")
        ]

    def __str__(self) -> str:
        return self.slug


class ApiToken(models.Model):
    """What a caller shows instead of a password. Only its hash is stored; `prefix` is for people to tell it by."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="tokens")
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])
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
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="access_tokens_role"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=models.F("created_at")),
                name="access_tokens_expire_after_creation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
