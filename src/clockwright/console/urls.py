"""The console's pages; included at the root of the server."""

from __future__ import annotations

from django.urls import path

from clockwright.console import sessions, views

app_name = "console"

urlpatterns = [
    path("", views.overview, name="overview"),
    path("live", views.live, name="live"),
    path("preview", views.preview, name="preview"),
    path("schedules", views.add, name="add"),
    path("sign-in", sessions.sign_in, name="sign-in"),
    path("sign-in/<str:secret>", sessions.sign_in_by_link, name="sign-in-link"),
    path("sign-out", sessions.sign_out, name="sign-out"),
]
