"""A user's own password: changed by whoever knows the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import auth, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from clockwright import __version__
from clockwright.access import throttle, users
from clockwright.access.callers import Caller
from clockwright.access.errors import AccessError
from clockwright.console import sessions
from clockwright.console.forms import NewPasswordForm

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_PAGE = "clockwright_console/password.html"


@sessions.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The form; not found by whoever came with a token. Wrong guesses count like those at sign-in."""
    user = sessions.user_of(request)
    if user is None:
        raise Http404
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = _change(request, caller, user, form)
    if request.method == "POST" and status == 200:
        messages.success(request, "Your password is changed.")
        return HttpResponseRedirect(reverse("console:overview"), status=303)
    context = {"viewer": caller, "version": __version__, "form": form}
    return render(request, _PAGE, context, status=status)


def _change(request: HttpRequest, caller: Caller, user: User, form: NewPasswordForm) -> int:
    """Change it if all is well; returns the status, and leaves the words in the form."""
    if not form.is_valid():
        return 400
    name = user.get_username()
    if throttle.is_closed(request, name):
        form.add_error("old", "Too many failed tries: wait five minutes and try again.")
        return 429
    if not user.check_password(form.cleaned_data["old"]):
        throttle.note_failure(request, "old password refused", name)
        form.add_error("old", "This is not your password.")
        return 401
    try:
        users.set_password(caller, name, form.cleaned_data["new"])
    except AccessError as error:
        form.add_error("new", error.why)
        return 400
    user.refresh_from_db()
    auth.update_session_auth_hash(request, user)
    return 200
