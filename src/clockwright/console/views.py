"""The overview and its form. Reads go through `pages`, changes through the schedule commands."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from clockwright import __version__
from clockwright.access import policy
from clockwright.access.callers import Caller, Right
from clockwright.console import pages
from clockwright.console.adding import Refused, add_schedule
from clockwright.console.forms import AddForm, PreviewForm, zone_names
from clockwright.console.sessions import signed_in
from clockwright.engine.clock import utc_now

POLL_SECONDS = 2
_PAUSED = "paused"


@signed_in
@require_safe
def overview(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The first page: health, what is due next, what ran, and the form."""
    return _page(request, caller, _form_for(caller))


@signed_in
@require_safe
def live(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The part of the overview that changes by itself."""
    return render(
        request, "clockwright_console/_live.html", {"page": pages.overview(caller, utc_now())}
    )


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HttpRequest, caller: Caller) -> HttpResponse:
    """What a cron line means: a fragment for htmx, the whole page for everybody else."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("console:overview"))
    asked = PreviewForm(request.POST)
    shown = pages.preview_of(asked.rule, utc_now()) if asked.is_valid() and asked.rule else None
    if "HX-Request" in request.headers:
        return render(
            request, "clockwright_console/preview_fragment.html", {"form": asked, "preview": shown}
        )
    return _page(request, caller, _kept(caller, request, asked), preview=shown)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Add a schedule and go back to the overview; a problem is shown in the form, next to its field."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("console:overview"))
    if not policy.may_somewhere(caller, Right.EDIT):
        messages.error(
            request, f"Adding a schedule takes the role operator; yours is {caller.role}."
        )
        return _page(request, caller, _form_for(caller), status=403)
    form = AddForm(request.POST)
    added = add_schedule(caller, form) if form.is_valid() else Refused(status=400)
    if isinstance(added, Refused):
        shown = pages.preview_of(form.rule, utc_now()) if form.rule else None
        return _page(request, caller, form, preview=shown, status=added.status)
    messages.success(request, f"Added {added.name}: it fires next {added.when}.")
    return HttpResponseRedirect(reverse("console:overview"), status=303)


def _form_for(caller: Caller) -> PreviewForm:
    return AddForm() if policy.may_somewhere(caller, Right.EDIT) else PreviewForm()


def _kept(caller: Caller, request: HttpRequest, asked: PreviewForm) -> PreviewForm:
    """The whole form with what was typed in it, and only the errors that a preview asks about."""
    if not policy.may_somewhere(caller, Right.EDIT):
        return asked
    form = AddForm(request.POST)
    for name in set(form.errors) - set(PreviewForm.base_fields):
        del form.errors[name]
    return form


def _page(
    request: HttpRequest,
    caller: Caller,
    form: PreviewForm,
    *,
    preview: Any = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "viewer": caller,
        "version": __version__,
        "page": pages.overview(caller, utc_now()),
        "form": form,
        "preview": preview,
        "may_add": isinstance(form, AddForm),
        "zones": zone_names(),
        "is_live": request.GET.get("updates") != _PAUSED,
        "poll_seconds": POLL_SECONDS,
    }
    return render(request, "clockwright_console/overview.html", context, status=status)
