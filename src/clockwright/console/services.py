"""One-time sign-in links: made for the person at the terminal, redeemed by the first click within ten minutes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from clockwright.console.models import SignInLink

LIFETIME = timedelta(minutes=10)
_SECRET_BYTES = 32


def make_sign_in_link(token_id: str, now: datetime) -> str:
    """Store a link that signs in as the token, and return its secret; links that ran out are swept away."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with transaction.atomic():
        SignInLink.objects.filter(expires_at__lt=now - LIFETIME).delete()
        SignInLink.objects.create(
            digest=_digest(secret), token_id=token_id, created_at=now, expires_at=now + LIFETIME
        )
    return secret


def redeem_sign_in_link(secret: str, now: datetime) -> str | None:
    """The token id of a link that is neither used nor too old, which is thereby used up; else None.

    The conditional update decides between two clicks at once: only one of them changes the row.
    """
    mine = SignInLink.objects.filter(digest=_digest(secret), used_at=None, expires_at__gt=now)
    with transaction.atomic():
        if mine.update(used_at=now) != 1:
            return None
        return SignInLink.objects.get(digest=_digest(secret)).token_id


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
