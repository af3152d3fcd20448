"""API tokens: made once, shown once, stored as a hash, checked at every request."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from clockwright.access import store
from clockwright.access.callers import DEFAULT_COMMUNITY, Caller, Role, system_caller
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
from clockwright.engine.clock import utc_now

if TYPE_CHECKING:
    from clockwright.access.models import ApiToken

MARK = "cw_"
"""How every token begins, so that people and secret scanners know one when they see it."""

LONGEST_NAME = 100
USE_NOTED_EVERY = timedelta(minutes=1)
_SHOWN = len(MARK) + 8
_LONGEST_TOKEN = 200


class TokenError(ValueError):
    """A token that cannot be made; `.field` and `.message` say why."""

    def __init__(self, field: str, message: str) -> None:
        """Name the field and what would do."""
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}")


def create_token(
    name: str,
    role: Role | str = Role.VIEWER,
    community: str = DEFAULT_COMMUNITY,
    *,
    expires_at: datetime | None = None,
    by: Caller | None = None,
) -> str:
    """Make a token and return its text, which is never to be had again; raises TokenError."""
    return issue_token(name, role, community, expires_at=expires_at, by=by)[1]


def issue_token(
    name: str,
    role: Role | str,
    community: str,
    *,
    expires_at: datetime | None = None,
    by: Caller | None = None,
) -> tuple[ApiToken, str]:
    """Make a token; returns its row and its text. Raises TokenError."""
    now = utc_now()
    plaintext = MARK + secrets.token_urlsafe(32)
    fields = {
        "name": _valid_name(name),
        "community_id": _known_community(community),
        "role": _valid_role(role),
        "expires_at": _in_future(expires_at, now),
    }
    with transaction.atomic():
        token = store.insert_token(
            **fields, prefix=plaintext[:_SHOWN], digest=_digest(plaintext), created_at=now
        )
        _note(Action.TOKEN_CREATE, token, by)
    return token, plaintext


def revoke_token(token_id: UUID, by: Caller | None = None) -> bool:
    """End a token for good; False when there is none, or it had been revoked before."""
    token = store.token_of_id(token_id)
    if token is None:
        return False
    with transaction.atomic():
        ended = store.end_token(token_id, utc_now())
        if ended:
            _note(Action.TOKEN_REVOKE, token, by)
    return ended


def authenticate(plaintext: str) -> Caller | None:
    """The caller that a token stands for, or None when it is unknown, revoked or expired."""
    token = authenticate_token(plaintext)
    return None if token is None else caller_of(token)


def authenticate_token(plaintext: str) -> ApiToken | None:
    """The row of a token that holds now; notes its use, at most once a minute."""
    if not plaintext.startswith(MARK) or len(plaintext) > _LONGEST_TOKEN:
        return None
    digest = _digest(plaintext)
    token = store.token_of_digest(digest)
    if token is None or not hmac.compare_digest(token.digest, digest):
        return None
    now = utc_now()
    if not holds(token, now):
        return None
    _note_use(token, now)
    return token


def caller_of_token_id(token_id: UUID | str) -> Caller | None:
    """The caller of a token that holds now, for sessions that were opened with it."""
    try:
        token = store.token_of_id(UUID(str(token_id)))
    except ValueError:
        return None
    return caller_of(token) if token is not None and holds(token, utc_now()) else None


def caller_of(token: ApiToken) -> Caller:
    """Who acts when this token is shown."""
    return Caller(actor=token.name, community=token.community_id, role=Role(token.role))


def holds(token: ApiToken, now: datetime) -> bool:
    """Whether a token is neither revoked nor expired at an instant."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def _digest(plaintext: str) -> str:
    """A fast hash does: a token is 256 random bits, and not a password that could be guessed."""
    return hashlib.sha256(plaintext.encode()).hexdigest()


def _note_use(token: ApiToken, now: datetime) -> None:
    stale = now - USE_NOTED_EVERY
    if token.last_used_at is not None and token.last_used_at > stale:
        return
    store.note_use(token.pk, now, unless_after=stale)


def _note(action: Action, token: ApiToken, by: Caller | None) -> None:
    who = by or system_caller(community=token.community_id)
    trail.record(
        Category.AUDIT,
        action,
        actor=who.actor,
        community=token.community_id,
        name=token.name,
        role=token.role,
        prefix=token.prefix,
        expires_at=token.expires_at,
    )


def _valid_name(name: str) -> str:
    stripped = name.strip()
    if stripped and len(stripped) <= LONGEST_NAME and stripped.isprintable():
        return stripped
    raise TokenError("name", f"give 1 to {LONGEST_NAME} printable characters, such as ci-server")


def _valid_role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise TokenError("role", f"{role!r} is none of {', '.join(Role)}") from None


def _known_community(slug: str) -> str:
    if store.is_community(slug):
        return slug
    raise TokenError("community", f"{slug!r} does not exist; make it in the admin first")


def _in_future(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        raise TokenError("expires_at", f"{expires_at} has no offset; add Z or +10:00")
    if expires_at <= now:
        raise TokenError("expires_at", f"{expires_at.isoformat()} is not in the future")
    return expires_at
