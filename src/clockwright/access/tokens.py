"""API tokens: made once, shown once, stored as a hash, checked at every request."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from clockwright.access import members, policy, store
from clockwright.access.callers import DEFAULT_COMMUNITY, Caller, Right, Role, system_caller
from clockwright.access.errors import AccessError, UnknownHere
from clockwright.access.reading import read_rights, read_role
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
from clockwright.engine.clock import utc_now

if TYPE_CHECKING:
    from clockwright.access.models import ApiToken

MARK = "cw_"
"""How every token begins, so that people and secret scanners know one when they see it."""

LONGEST_NAME = 100
LATEST_END = datetime(9999, 1, 1, tzinfo=UTC)
"""Where tokens have run out: a year before the last instant that every zone can write."""

USE_NOTED_EVERY = timedelta(minutes=1)
_SHOWN = len(MARK) + 8
_OTHER_ACTORS = ("user:", "cli:", "admin:")
_OURS = frozenset({"system", "anonymous"})
_LONGEST_TOKEN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to be made. `scopes` narrow what the role gives; with a `username` it acts as that member."""

    name: str
    role: Role | str = Role.VIEWER
    community: str = DEFAULT_COMMUNITY
    expires_at: datetime | None = None
    scopes: Sequence[Right | str] | None = None
    username: str | None = None


def create_token(
    name: str,
    role: Role | str = Role.VIEWER,
    community: str = DEFAULT_COMMUNITY,
    *,
    expires_at: datetime | None = None,
    by: Caller | None = None,
) -> str:
    """Make a token and return its text, which is never to be had again; raises AccessError."""
    return issue_token(
        NewToken(name=name, role=role, community=community, expires_at=expires_at), by
    )[1]


def issue_token(new: NewToken, by: Caller | None = None) -> tuple[ApiToken, str]:
    """Make a token; returns its row and its text.

    `by` needs `manage` in the token's community, and every right that the token is given; None is trusted code. Raises
    Forbidden, UnknownHere, and AccessError.
    """
    now = utc_now()
    plaintext = MARK + secrets.token_urlsafe(32)
    if by is not None:
        policy.require_inside(by, new.community)
        policy.require(by, Right.MANAGE)
    with transaction.atomic():
        fields = _fields(new, now)
        if by is not None:
            policy.require_all(by, _rights(fields))
        token = store.insert_token(
            **fields, prefix=plaintext[:_SHOWN], digest=_digest(plaintext), created_at=now
        )
        _note(Action.TOKEN_CREATE, token, by)
    return token, plaintext


def check_token(new: NewToken) -> None:
    """Raise the AccessError that `issue_token` would; nothing is made."""
    with transaction.atomic():
        _fields(new, utc_now())


def _fields(new: NewToken, now: datetime) -> dict[str, Any]:
    """What is stored; the community is locked first, so that a member who is found stays one until it is."""
    return {
        "name": _valid_name(new.name),
        "community_id": _known_community(new.community),
        "role": read_role(new.role),
        "user_id": _member(new),
        "scopes": None if new.scopes is None else read_rights("scopes", new.scopes),
        "expires_at": _end(new, now),
    }


def _rights(fields: dict[str, Any]) -> frozenset[Right]:
    """What it may do at most: as a member, whatever the grants of the member give, on top of any role."""
    rights: frozenset[Right] = frozenset(Right)
    if fields["user_id"] is None:
        rights = fields["role"].rights
    return rights if fields["scopes"] is None else rights & frozenset(fields["scopes"])


def revoke_token(token_id: UUID, by: Caller | None = None) -> bool:
    """End a token for good; False when there is none, or it had been revoked before.

    `by` needs `manage` in the token's community; None is trusted code. Raises Forbidden and UnknownHere.
    """
    token = store.token_of_id(token_id)
    if token is None:
        return False
    if by is not None:
        if by.community != token.community_id:
            raise UnknownHere("Token", token_id)
        policy.require(by, Right.MANAGE)
    with transaction.atomic():
        ended = store.end_token(token_id, utc_now())
        if ended:
            _note(Action.TOKEN_REVOKE, token, by)
    return ended


def authenticate(plaintext: str) -> Caller | None:
    """The caller that a token stands for, or None when it is unknown, revoked, expired, or of a user who may not."""
    shown = _shown(plaintext)
    return None if shown is None else shown[1]


def authenticate_token(plaintext: str) -> ApiToken | None:
    """The row of a token that stands for a caller now."""
    shown = _shown(plaintext)
    return None if shown is None else shown[0]


def _shown(plaintext: str) -> tuple[ApiToken, Caller] | None:
    """The token and its caller; notes its use, at most once a minute."""
    if not plaintext.startswith(MARK) or len(plaintext) > _LONGEST_TOKEN:
        return None
    digest = _digest(plaintext)
    token = store.token_of_digest(digest)
    if token is None or not hmac.compare_digest(token.digest, digest):
        return None
    now = utc_now()
    caller = caller_of(token) if holds(token, now) else None
    if caller is None:
        return None
    _note_use(token, now)
    return token, caller


def caller_of_token_id(token_id: UUID | str) -> Caller | None:
    """The caller of a token that holds now, for sessions that were opened with it."""
    try:
        token = store.token_of_id(UUID(str(token_id)))
    except ValueError:
        return None
    return caller_of(token) if token is not None and holds(token, utc_now()) else None


def caller_of(token: ApiToken) -> Caller | None:
    """Who acts when this token is shown; None for one of a user who is no member any more, or disabled."""
    role = Role(token.role)
    scopes = None if token.scopes is None else frozenset(map(Right, token.scopes))
    if token.user_id is None:
        return Caller(actor=token.name, community=token.community_id, role=role, scopes=scopes)
    member = members.caller_of_user(token.user_id, token.community_id)
    if member is None:
        return None
    return replace(member, role=policy.lower(role, member.role), scopes=scopes)


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
        scopes=token.scopes,
        acts_as=token.user_id,
        prefix=token.prefix,
        expires_at=token.expires_at,
    )


def _valid_name(name: str) -> str:
    stripped = name.strip()
    if stripped.startswith(_OTHER_ACTORS) or stripped in _OURS:
        raise AccessError("name", f"{stripped!r} would be taken for somebody else in the trail")
    if stripped and len(stripped) <= LONGEST_NAME and stripped.isprintable():
        return stripped
    raise AccessError("name", f"give 1 to {LONGEST_NAME} printable characters, such as ci-server")


def _known_community(slug: str) -> str:
    if store.lock_community(slug) is not None:
        return slug
    raise AccessError(
        "community", f"{slug!r} does not exist; make it by `clockwright community create` first"
    )


def _member(new: NewToken) -> Any:
    """The key of the user that a token is to act as, who has to be a member."""
    if new.username is None:
        return None
    member = store.membership_of_name(new.community, new.username)
    if member is None:
        raise AccessError("username", f"{new.username!r} is no member of {new.community!r}")
    return member.user_id


def _end(new: NewToken, now: datetime) -> datetime | None:
    """When it runs out: no later than the community lets any token last."""
    wanted = _in_future(new.expires_at, now)
    longest = store.longest_token_life(new.community)
    if longest is None:
        return wanted
    latest = now + longest
    if wanted is not None and wanted > latest:
        raise AccessError(
            "expires_at",
            f"tokens of {new.community!r} last at most {longest.days} days: {latest.isoformat()}",
        )
    return wanted or latest


def _in_future(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        raise AccessError("expires_at", f"{expires_at} has no offset; add Z or +10:00")
    if expires_at <= now:
        raise AccessError("expires_at", f"{expires_at.isoformat()} is not in the future")
    try:
        end = expires_at.astimezone(UTC)
    except OverflowError:
        end = LATEST_END
    if end >= LATEST_END:
        raise AccessError(
            "expires_at",
            f"{expires_at.isoformat()} is too late; give one before {LATEST_END.isoformat()}",
        )
    return end
