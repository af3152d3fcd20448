"""What machines ask a server: `/metrics` and `/healthz`."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from clockwright.api.errors import unauthorized
from clockwright.api.problems import respond
from clockwright.api.security import BearerToken
from clockwright.server.metrics import exposition


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """`/metrics`: for any token, or for everybody with CLOCKWRIGHT_METRICS_PUBLIC=1."""
    if not settings.CLOCKWRIGHT_METRICS_PUBLIC and BearerToken()(request) is None:
        return respond(request, unauthorized())
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """`/healthz`: this process answers. Says nothing of database or engine; `/api/v1/health` does."""
    return HttpResponse("ok\n", content_type="text/plain")
