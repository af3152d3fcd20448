"""Where things are: API, metrics, health, admin, and the console at the root."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from clockwright.api import api
from clockwright.server import probes

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", api.urls),
    path("metrics", probes.metrics, name="metrics"),
    path("healthz", probes.alive, name="healthz"),
    path("admin/", admin.site.urls),
    path("", include("clockwright.console.urls")),
]
