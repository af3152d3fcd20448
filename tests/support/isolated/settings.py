"""The stand-alone server's settings and the functions of these tests."""

from clockwright.server.settings import *  # noqa: F403

INSTALLED_APPS += ["tests.support.isolated"]  # noqa: F405
