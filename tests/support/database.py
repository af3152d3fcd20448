"""The test database as other processes are told of it."""

from __future__ import annotations

from urllib.parse import quote


def test_database_url() -> str:
    """Its `DATABASE_URL`. Other processes see only what is committed."""
    from django.db import connection

    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    who = ":".join(quote(found[key], safe="") for key in ("USER", "PASSWORD") if found[key])
    return f"postgresql://{who}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


test_database_url.__test__ = False
