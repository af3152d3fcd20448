"""Who is looking: the caller behind a session, and the door in front of every page.

A session holds a token's id, or a user and a community, and nothing else: a token that is revoked or runs out, a user who
is disabled, or a membership that ends, ends it at the next request.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse

from clockwright import __version__
from clockwright.access import members, policy, selectors
from clockwright.access.callers import Caller, Forbidden
from clockwright.access.tokens import caller_of_token_id
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
from clockwright.console.protection import protected

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

SESSION_KEY = "clockwright_token_id"
COMMUNITY_KEY = "clockwright_community"
SESSION_SECONDS = 12 * 3_600

View = Callable[..., HttpResponseBase]


def signed_in(view: Callable[..., HttpResponseBase]) -> View:
    """Let a view be reached by signed-in callers only; it is given the caller after the request.

    What the policy forbids in it is answered by a page, and is in the trail.
    """

    @functools.wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        caller = caller_of(request)
        if caller is None:
            return _to_sign_in(request)
        try:
            return view(request, caller, *args, **kwargs)
        except Forbidden as error:
            policy.note_refusal(error, method=request.method, path=request.path)
            return _forbidden(request, caller, error)

    return protected(respond)


def caller_of(request: HttpRequest) -> Caller | None:
    """The caller whose token the session names, or that its user is, as things stand now."""
    token_id = request.session.get(SESSION_KEY)
    if token_id:
        return caller_of_token_id(token_id)
    user = user_of(request)
    if user is None:
        return None
    chosen = request.session.get(COMMUNITY_KEY)
    # whoever is out of the community they act in goes on in no other unasked
    return members.caller_of_user(user.pk, chosen) if chosen else first_caller(user.pk)


def user_of(request: HttpRequest) -> User | None:
    """The user who signed in with a password, if it was not a token that opened the session."""
    user: User | AnonymousUser | None = getattr(request, "user", None)
    if SESSION_KEY in request.session or user is None or user.is_anonymous:
        return None
    return user


def first_caller(user_id: Any) -> Caller | None:
    """The caller that a user is in the first of their communities; None for a member of none."""
    for member in selectors.memberships_of(user_id):
        return members.caller_of_user(user_id, member.community_id)
    return None


def open_for_token(request: HttpRequest, token_id: str) -> None:
    """A new session under a new key, so that one that was planted before is worth nothing."""
    request.session.flush()
    request.session[SESSION_KEY] = token_id
    rotate_token(request)
    _opened(request, caller_of_token_id(token_id))


def open_for_user(request: HttpRequest, user: User, caller: Caller) -> None:
    """Likewise for a user; another password ends it."""
    request.session.flush()
    auth.login(request, user)
    request.session[COMMUNITY_KEY] = caller.community
    _opened(request, caller)


def forget_token(request: HttpRequest, **_: object) -> None:
    """Whoever signs in by password, be it in Django's admin, is from then on the user and not a token before."""
    request.session.pop(SESSION_KEY, None)


def _opened(request: HttpRequest, caller: Caller | None) -> None:
    request.session.set_expiry(SESSION_SECONDS)
    trail.record(
        Category.AUTH, Action.AUTHENTICATE, caller=caller, message="signed in to the console"
    )


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back afterwards; htmx is told to move the whole page, not to swap the form in."""
    if "HX-Request" in request.headers:
        return HttpResponse(status=401, headers={"HX-Redirect": reverse("console:sign-in")})
    back = (
        f"?{urlencode({'next': request.get_full_path()})}"
        if request.method == "GET" and request.path != "/"
        else ""
    )
    return HttpResponseRedirect(reverse("console:sign-in") + back)


def _forbidden(request: HttpRequest, caller: Caller, error: Forbidden) -> HttpResponse:
    context = {"viewer": caller, "version": __version__, "problem": error.message}
    return render(request, "clockwright_console/forbidden.html", context, status=403)
