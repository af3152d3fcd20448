"""The stand-alone server's settings and the functions of these tests."""

import json
import os

from clockwright.server.settings import *  # noqa: F403

INSTALLED_APPS += ["tests.support.queued"]  # noqa: F405
CLOCKWRIGHT = {"CELERY_OPTIONS": json.loads(os.environ.get("TEST_CELERY_OPTIONS", "{}"))}
