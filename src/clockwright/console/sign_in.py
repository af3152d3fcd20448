"""Signing in with a name and password, an API token or a one-time link; choosing a community; signing out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import auth
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from clockwright import __version__
from clockwright.access import members, selectors, throttle
from clockwright.access.callers import Caller
from clockwright.access.tokens import authenticate_token, caller_of_token_id
from clockwright.console import sessions
from clockwright.console.forms import PasswordForm, SignInForm
from clockwright.console.protection import protected
from clockwright.console.services import redeem_sign_in_link
from clockwright.engine.clock import utc_now
from clockwright.schedules.strict_json import is_storable

_SIGN_IN = "clockwright_console/sign_in.html"
_COMMUNITY = "clockwright_console/community.html"

_TOO_MANY = "Too many failed tries: wait five minutes and try again."
_LINK_GONE = (
    "This sign-in link was used already, or its ten minutes are over: sign in with a token instead."
)
_WRONG_PASSWORD = "Name and password do not belong together, or the user is disabled."  # noqa: S105 - the words for a wrong one
_NOWHERE = "You are in no community yet: ask the admin of one to add you."


@protected
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Both forms; a good answer opens a session, a bad one counts against its address and its account."""
    if request.method != "POST":
        return _page(request)
    if throttle.is_closed(request, request.POST.get("username", "")):
        response = _page(request, problem=_TOO_MANY, status=429)
        response.headers["Retry-After"] = str(int(throttle.WINDOW.total_seconds()))
        return response
    by_name = "username" in request.POST
    return _with_password(request) if by_name else _with_token(request)


def _with_password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    name = form.cleaned_data["username"]
    user = auth.authenticate(request, username=name, password=form.cleaned_data["password"])
    if user is None:
        # counted here too, where the host has another backend than ours
        throttle.note_failure(request, "name and password refused", name)
        form.add_error("password", _WRONG_PASSWORD)
        return _page(request, form, status=401)
    caller = sessions.first_caller(user.pk)
    if caller is None:
        return _page(request, form, problem=_NOWHERE, status=403)
    sessions.open_for_user(request, user, caller)
    return HttpResponseRedirect(_back(request))


def _with_token(request: HttpRequest) -> HttpResponse:
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    token = authenticate_token(form.cleaned_data["token"].strip())
    if token is None:
        throttle.note_failure(request, "token refused at the console's sign-in")
        form.add_error(
            "token", "This token is not known, or it was revoked or ran out: paste another one."
        )
        return _page(request, form, status=401)
    sessions.open_for_token(request, str(token.pk))
    return HttpResponseRedirect(_back(request))


@protected
@require_http_methods(["GET"])
def sign_in_by_link(request: HttpRequest, secret: str) -> HttpResponse:
    """The one-time link: the first click opens a session; whatever only looks ahead is kept from using it up."""
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return HttpResponse(status=503)
    token_id = redeem_sign_in_link(secret, utc_now())
    if token_id is None or caller_of_token_id(token_id) is None:
        return _page(request, problem=_LINK_GONE, status=410)
    sessions.open_for_token(request, token_id)
    return HttpResponseRedirect(reverse("console:overview"))


@sessions.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def community(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The communities of the user, to act in another; whoever came with a token has the token's alone."""
    user = sessions.user_of(request)
    mine = [] if user is None else selectors.memberships_of(user.pk)
    if request.method != "POST":
        context = {"viewer": caller, "version": __version__, "memberships": mine}
        return render(request, _COMMUNITY, context)
    chosen = request.POST.get("community", "")
    if user is None or not is_storable(chosen):
        raise Http404
    if members.caller_of_user(user.pk, chosen) is None:
        raise Http404
    request.session[sessions.COMMUNITY_KEY] = chosen
    return HttpResponseRedirect(reverse("console:overview"), status=303)


@protected
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    auth.logout(request)
    return HttpResponseRedirect(reverse("console:sign-in"))


def _page(
    request: HttpRequest, form: forms.Form | None = None, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form if isinstance(form, SignInForm) else SignInForm(),
        "password_form": form if isinstance(form, PasswordForm) else PasswordForm(),
        "problem": problem,
        "next": _asked_back(request),
        "version": __version__,
    }
    return render(request, _SIGN_IN, context, status=status)


def _asked_back(request: HttpRequest) -> str:
    return request.POST.get("next") or request.GET.get("next") or ""


def _back(request: HttpRequest) -> str:
    """The page asked for before, if it is one of ours."""
    path = _asked_back(request)
    is_ours = url_has_allowed_host_and_scheme(
        path, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return path if path and is_ours else reverse("console:overview")
