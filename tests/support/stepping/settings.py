"""The stand-alone server's settings and the function of these tests."""

from clockwright.server.settings import *  # noqa: F403

INSTALLED_APPS += ["tests.support.stepping"]  # noqa: F405
