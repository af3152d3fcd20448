"""One-time sign-in links."""

from __future__ import annotations

from django.db import models


class SignInLink(models.Model):
    """A link that signs somebody in once, as a token; only the hash of its secret is kept.

    `token_id` is the access token's id, without a foreign key: a link outlives nothing and is refused
    when its token is gone, revoked or expired.
    """

    digest = models.CharField(primary_key=True, max_length=64)
    token_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "console_sign_in_links"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")),
                name="console_link_lives_forwards",
            ),
        ]

    def __str__(self) -> str:
        return f"sign-in link of token {self.token_id}"
