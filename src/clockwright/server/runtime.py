"""Django, loaded when a command needs it and not before."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

from clockwright.server.errors import Unavailable, UsageProblem

if TYPE_CHECKING:
    from clockwright.access.callers import Caller

SETTINGS = "clockwright.server.settings"
COMMUNITY = "CLOCKWRIGHT_COMMUNITY"
MEMBER = "CLOCKWRIGHT_AS"
_PATIENCE = 5  # seconds


def use_django(*, quiet: bool = True) -> None:
    """Load Django with the server's settings unless the environment names others; raises UsageProblem.

    `quiet`: a command that ends at once keeps its log lines to warnings, unless somebody asked for them.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    if quiet and not os.environ.get("LOG_DIR"):
        os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        raise UsageProblem(str(error)) from error


def use_database(*, quiet: bool = True) -> None:
    """Load Django, see that the database answers and is migrated, and learn the functions; raises Unavailable."""
    use_django(quiet=quiet)
    from clockwright.schedules.registrations import autodiscover

    probe()
    waiting = waiting_migrations()
    if waiting:
        raise Unavailable(
            f"the database is not migrated ({len(waiting)} migrations wait, the first is {waiting[0]}): "
            "run `clockwright migrate`"
        )
    autodiscover()


def probe() -> None:
    """One bare connection, since a pool keeps trying for long; raises Django's OperationalError."""
    from django.db import connection
    from django.db.backends.base.base import NO_DB_ALIAS

    if connection.vendor != "postgresql":
        connection.ensure_connection()
        return
    bare = connection.copy(alias=NO_DB_ALIAS)
    bare.settings_dict["OPTIONS"].setdefault("connect_timeout", _PATIENCE)
    try:
        bare.ensure_connection()
    finally:
        bare.close()


def waiting_migrations() -> list[str]:
    """The migrations that the database lacks, in order, as `app.name`; raises Django's OperationalError."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def caller() -> Caller:
    """Who acts on the command line, in the community that was named: the member of `--as`, with that member's rights
    and no others, else this machine's user, trusted. Raises UnknownHere for whoever is no member there.
    """
    from clockwright.access.callers import system_caller

    community = os.environ.get(COMMUNITY, "default")
    member = os.environ.get(MEMBER)
    if member:
        from clockwright.access.members import caller_of_name

        return caller_of_name(member, community)
    return system_caller(actor=f"cli:{_user()}", community=community)


def maintainer(what: str) -> Caller:
    """Who does what concerns the whole installation: this machine's user. Raises UsageProblem with `--as`."""
    if os.environ.get(MEMBER):
        raise UsageProblem(
            f"--as: {what} is for whoever maintains the installation, not for a member; leave it out"
        )
    return caller()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # a container's user need not have a name
        return str(os.getuid())
