"""What every test would pay for anew, done once or done cheaply: nothing here is what a test proves.

- Transactional tests end with the tables as Django's `flush` leaves them. `flush` truncates all of
  them and writes permissions and content types anew; here rows are deleted where there are any.
- A password is hashed without the rounds that make guessing slow.
- The middleware for static files lists them once a process, not once a client.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.test import TransactionTestCase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from clockwright.access.store import keep_default

_KEPT = {Permission._meta.db_table, ContentType._meta.db_table}
"""Written by every migrate, and by nothing else."""


def begin() -> None:
    """From now on, in this process; to be called once, when Django is set up."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    TransactionTestCase._fixture_teardown = _empty_all
    WhiteNoiseMiddleware.add_files_from_finders = _once(WhiteNoiseMiddleware.add_files_from_finders)


def _empty_all(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):
        empty(alias)


def empty(alias: str) -> None:
    """Delete what tests have written to a database."""
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = [connection.ops.quote_name(name) for name in sorted({*tables} - _KEPT)]
    # asked first and in one query, since a delete would write to an empty table of SQLite too
    asked = [f"SELECT {at} WHERE EXISTS (SELECT 1 FROM {name})" for at, name in enumerate(names)]
    # references are looked at when the transaction ends: the order of the tables is no matter
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        for (at,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {names[at]}")
    keep_default(alias)  # which migrating and `flush` see to as well


def _once(list_files: Callable[[WhiteNoiseMiddleware], None]) -> Callable[..., None]:
    """The files under one prefix, as the first middleware found them."""
    found: dict[tuple[str, object], dict[str, StaticFile]] = {}

    @wraps(list_files)
    def listed(middleware: WhiteNoiseMiddleware) -> None:
        key = (middleware.static_prefix, middleware.max_age)
        if key not in found:
            list_files(middleware)
            found[key] = dict(middleware.files)
        middleware.files.update(found[key])

    return listed
