"""Who is looking: sign-in with an API token or a one-time link, sign-out, and the door in front of every page.

The session holds the token's id and nothing else: a token that is revoked or runs out ends its sessions with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from clockwright import __version__
from clockwright.access.callers import Caller
from clockwright.access.tokens import authenticate_token, caller_of_token_id
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category, Result
from clockwright.console.forms import SignInForm
from clockwright.console.protection import protected
from clockwright.console.services import redeem_sign_in_link
from clockwright.engine.clock import utc_now

SESSION_KEY = "clockwright_token_id"
SESSION_SECONDS = 12 * 3_600
MOST_FAILURES = 10
FAILURE_WINDOW = 300
_SIGN_IN = "clockwright_console/sign_in.html"

View = Callable[..., HttpResponseBase]


def signed_in(view: Callable[..., HttpResponseBase]) -> View:
    """Let a view be reached by signed-in callers only; it is given the caller after the request."""

    @functools.wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        caller = caller_of(request)
        if caller is None:
            return _to_sign_in(request)
        return view(request, caller, *args, **kwargs)

    return protected(respond)


def caller_of(request: HttpRequest) -> Caller | None:
    """The caller whose token the session names, while that token still holds."""
    token_id = request.session.get(SESSION_KEY)
    return caller_of_token_id(token_id) if token_id else None


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


@protected
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The form for a token; a good one opens a session, a bad one counts against the address it came from."""
    if request.method != "POST":
        return _form(request, SignInForm())
    if _failures(request) >= MOST_FAILURES:
        response = _form(request, SignInForm(), problem=_TOO_MANY, status=429)
        response.headers["Retry-After"] = str(FAILURE_WINDOW)
        return response
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _form(request, form, status=400)
    token = authenticate_token(form.cleaned_data["token"].strip())
    if token is None:
        _count_failure(request)
        trail.log_event(
            Category.AUTH,
            Action.AUTHENTICATE,
            result=Result.DENIED,
            message="token refused at the console's sign-in",
            actor="anonymous",
            address=_address(request),
        )
        form.add_error(
            "token", "This token is not known, or it was revoked or ran out: paste another one."
        )
        return _form(request, form, status=401)
    _open_session(request, str(token.pk))
    return HttpResponseRedirect(_back(request))


@protected
@require_http_methods(["GET"])
def sign_in_by_link(request: HttpRequest, secret: str) -> HttpResponse:
    """The one-time link: the first click opens a session; whatever only looks ahead is kept from using it up."""
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return HttpResponse(status=503)
    token_id = redeem_sign_in_link(secret, utc_now())
    if token_id is None or caller_of_token_id(token_id) is None:
        return _form(request, SignInForm(), problem=_LINK_GONE, status=410)
    _open_session(request, token_id)
    return HttpResponseRedirect(reverse("console:overview"))


@protected
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    request.session.flush()
    return HttpResponseRedirect(reverse("console:sign-in"))


_TOO_MANY = "Too many failed tries from this address: wait five minutes and try again."
_LINK_GONE = (
    "This sign-in link was used already, or its ten minutes are over: sign in with a token instead."
)


def _form(
    request: HttpRequest, form: SignInForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "problem": problem,
        "next": _asked_back(request),
        "version": __version__,
    }
    return render(request, _SIGN_IN, context, status=status)


def _open_session(request: HttpRequest, token_id: str) -> None:
    """A new session under a new key, so that one that was planted before is worth nothing."""
    request.session.flush()
    request.session[SESSION_KEY] = token_id
    trail.record(
        Category.AUTH,
        Action.AUTHENTICATE,
        caller=caller_of_token_id(token_id),
        message="signed in to the console",
    )
    request.session.set_expiry(SESSION_SECONDS)
    rotate_token(request)


def _asked_back(request: HttpRequest) -> str:
    return request.POST.get("next") or request.GET.get("next") or ""


def _back(request: HttpRequest) -> str:
    """The page asked for before, if it is one of ours."""
    path = _asked_back(request)
    is_ours = url_has_allowed_host_and_scheme(
        path, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return path if path and is_ours else reverse("console:overview")


def _failures(request: HttpRequest) -> int:
    return int(cache.get(_failure_key(request), 0))


def _count_failure(request: HttpRequest) -> None:
    cache.add(_failure_key(request), 0, FAILURE_WINDOW)
    try:
        cache.incr(_failure_key(request))
    except ValueError:
        # the window closed between the two calls: there is nothing left to count in
        return


def _failure_key(request: HttpRequest) -> str:
    return f"clockwright:sign-in-failures:{_address(request)}"


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
