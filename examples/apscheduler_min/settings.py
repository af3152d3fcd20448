"""A project whose jobs are added as APScheduler's are."""

from pathlib import Path

SECRET_KEY = "only-for-this-example"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "clockwright.access",
    "clockwright.audit",
    "clockwright.schedules",
    "clockwright.workflows",
    "nightly",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).resolve().parent / "db.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
    }
}
