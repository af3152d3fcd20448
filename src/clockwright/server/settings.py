"""Django's settings of the stand-alone server. Everything comes from the environment, or a `.env` file beside it (R16)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from clockwright.server import environment
from clockwright.server.database import database_settings
from clockwright.server.logs import logging_settings

HERE = Path.cwd()
environment.load_env_file(HERE)

DEBUG = environment.flag("DEBUG")
SECRET_KEY = environment.secret_key(HERE)
ALLOWED_HOSTS = environment.words(
    "ALLOWED_HOSTS", ["localhost", ".localhost", "127.0.0.1", "[::1]"]
)
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "ninja",  # serves the API's documentation page from here instead of a CDN
    "clockwright.access",
    "clockwright.audit",
    "clockwright.server",  # before the schedules: their engine is counted from its first event on
    "clockwright.schedules",
    "clockwright.workflows",
    "clockwright.console",
]
if os.environ.get("CLOCKWRIGHT_CELERY_BROKER"):
    INSTALLED_APPS.append("clockwright.contrib.celery")
MIDDLEWARE = [
    "clockwright.api.middleware.api_problems",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "clockwright.server.urls"
ASGI_APPLICATION = "clockwright.server.asgi.application"
WSGI_APPLICATION = "clockwright.server.wsgi.application"
LOGIN_URL = "/sign-in"

DATABASE_URL = os.environ.get("DATABASE_URL", "")
if not DATABASE_URL:
    DATABASE_URL = f"sqlite:///{environment.data_folder(HERE) / 'clockwright.sqlite3'}"
DATABASES = {"default": database_settings(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        # of 300, the usual number, strangers would push the counters of failed sign-ins out
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

AUTHENTICATION_BACKENDS = ["clockwright.access.backends.ThrottledBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

STATIC_URL = "/static/"
# Straight from the installed apps: there is no collectstatic to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

CLOCKWRIGHT_HTTPS = environment.flag("CLOCKWRIGHT_HTTPS")
"""Whether it is reached by https alone, through a proxy that sets X-Forwarded-Proto itself."""
SESSION_COOKIE_SECURE = CLOCKWRIGHT_HTTPS
CSRF_COOKIE_SECURE = CLOCKWRIGHT_HTTPS
SECURE_SSL_REDIRECT = CLOCKWRIGHT_HTTPS
# asked from inside, where there is no proxy and no certificate
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$", r"^api/v1/health$"]
SECURE_HSTS_SECONDS = 31_536_000 if CLOCKWRIGHT_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CLOCKWRIGHT_HTTPS else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

CLOCKWRIGHT: dict[str, Any] = {}
"""The engine's settings for hosts; the environment names S4-77…83 win over it."""
CLOCKWRIGHT_METRICS_PUBLIC = environment.flag("CLOCKWRIGHT_METRICS_PUBLIC")

LOGGING = logging_settings(debug=DEBUG)
