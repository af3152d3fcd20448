"""The console's pages; included at the root of the server."""

from __future__ import annotations

from django.urls import path

from clockwright.console import passwords, sign_in, views

app_name = "console"

urlpatterns = [
    path("", views.overview, name="overview"),
    path("live", views.live, name="live"),
    path("preview", views.preview, name="preview"),
    path("schedules", views.add, name="add"),
    path("community", sign_in.community, name="community"),
    path("password", passwords.password, name="password"),
    path("sign-in", sign_in.sign_in, name="sign-in"),
    path("sign-in/<str:secret>", sign_in.sign_in_by_link, name="sign-in-link"),
    path("sign-out", sign_in.sign_out, name="sign-out"),
]
