"""Users of this installation: Django's own, with its password rules. What they may do is their memberships' to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from clockwright.access import store
from clockwright.access.callers import Caller
from clockwright.access.errors import AccessConflict, AccessError, UnknownHere
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser, User

_MARK = "user:"


def actor_of(username: str) -> str:
    """How the trail names a user; no token may be called so."""
    return f"{_MARK}{username}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to be made. Without a password the user cannot sign in, but may have tokens.

    A maintainer may use Django's admin, which is above the communities.
    """

    username: str
    email: str = ""
    password: str | None = None
    is_maintainer: bool = False


def create_user(by: Caller, new: NewUser) -> AbstractUser:
    """Make a user; raises AccessError and AccessConflict. For trusted code alone, as users are not a community's."""
    made = _model()(
        username=new.username,
        email=new.email,
        is_staff=new.is_maintainer,
        is_superuser=new.is_maintainer,
    )
    _set_password(made, new.password)
    _check(made)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            _note(Action.USER_CREATE, by, made, maintainer=new.is_maintainer)
    except IntegrityError:
        raise AccessConflict(f"username: {new.username!r} is taken") from None
    return made


def set_password(by: Caller, username: str, password: str) -> None:
    """Give a user another password, which ends the sessions that the old one opened; raises AccessError.

    For trusted code, and for users about themselves.
    """
    user = get_user(username)
    _set_password(user, password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        _note(Action.USER_UPDATE, by, user, message="password set")


def set_active(by: Caller, username: str, *, active: bool) -> bool:
    """Disable a user, which closes sessions and tokens at once, or enable one again; False when it was so before.

    Raises UnknownHere, and AccessConflict where a community would be left without an admin who can sign in.
    """
    user = get_user(username)
    if user.is_active == active:
        return False
    user.is_active = active
    with transaction.atomic():
        if not active:
            _keep_admins(user)
        user.save(update_fields=["is_active"])
        _note(Action.USER_UPDATE, by, user, message="enabled" if active else "disabled")
    return True


def _keep_admins(user: AbstractUser) -> None:
    for member in store.admin_of(user.pk):
        store.lock_community(member.community_id)
        if store.is_last_admin(member):
            raise AccessConflict(
                f"{user.get_username()} is the last admin of {member.community_id!r}:"
                " make another member admin first"
            )


def find_user(username: str) -> AbstractUser | None:
    """The user of a name."""
    users = _model()._default_manager  # noqa: SLF001 - Django's documented name
    return users.filter(**{_model().USERNAME_FIELD: username}).first()


def get_user(username: str) -> AbstractUser:
    """The user of a name; raises UnknownHere."""
    user = find_user(username)
    if user is None:
        raise UnknownHere("User", username)
    return user


def all_users(limit: int = 1_000) -> list[AbstractUser]:
    """Every user, by name."""
    users = _model()._default_manager  # noqa: SLF001 - Django's documented name
    return list(users.order_by(_model().USERNAME_FIELD)[:limit])


def _model() -> type[AbstractUser]:
    return get_user_model()


def _set_password(user: AbstractUser, password: str | None) -> None:
    """By the rules in AUTH_PASSWORD_VALIDATORS; None makes one that nothing matches."""
    if password is not None:
        try:
            validate_password(password, cast("User", user))
        except ValidationError as error:
            raise AccessError("password", " ".join(error.messages)) from None
    user.set_password(password)


def _check(user: AbstractUser) -> None:
    try:
        user.clean_fields()
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        raise AccessError(field, " ".join(problems)) from None


def _note(action: Action, by: Caller, user: AbstractUser, message: str = "", **facts: Any) -> None:
    trail.record(
        Category.AUDIT, action, caller=by, message=message, username=user.get_username(), **facts
    )
