"""Django's password check behind the throttle: wherever a password is asked for, console or admin, the limits are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from clockwright.access import throttle

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class ThrottledBackend(ModelBackend):
    """Name it in AUTHENTICATION_BACKENDS in the place of Django's own."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """The user of a name and a password; raises PermissionDenied, before looking, after too many failures."""
        account = username or credentials.get(get_user_model().USERNAME_FIELD) or ""
        if throttle.is_closed(request, account):
            raise PermissionDenied
        user = super().authenticate(request, username, password, **credentials)
        if user is None:
            throttle.note_failure(request, "name and password refused", account)
        return user
