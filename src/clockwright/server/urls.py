"""Where things are: API, metrics, health, admin, and the console at the root."""

from __future__ import annotations

import contextlib

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("admin/", admin.site.urls)]
with contextlib.suppress(ImportError):
    from clockwright.api import api
    from clockwright.server import probes

    urlpatterns += [
        path("api/v1/", api.urls),
        path("metrics", probes.metrics, name="metrics"),
        path("healthz", probes.alive, name="healthz"),
    ]
with contextlib.suppress(ImportError, RuntimeError):
    urlpatterns.append(path("", include("clockwright.console.urls")))
