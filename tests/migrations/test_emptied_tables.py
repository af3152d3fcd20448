"""After a transactional test of this suite the tables are as Django's own `flush` leaves them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection

from clockwright.access.models import Community
from clockwright.access.tokens import create_token
from clockwright.schedules.models import Run
from tests.support import thrift
from tests.support.scheduling import living

pytestmark = pytest.mark.django_db(transaction=True)


def rows() -> dict[str, int]:
    """How many each table has."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    counted = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
            counted[table] = cursor.fetchone()[0]
    return counted


def test_what_tests_wrote_is_gone_and_what_migrating_wrote_is_there():
    call_command("flush", verbosity=0, interactive=False)
    flushed, permissions = rows(), set(Permission.objects.values_list("codename", flat=True))
    Community.objects.create(slug="elsewhere")
    create_token("ada", "admin", "elsewhere")
    with living() as life:
        life.every(60)
        life.advance(minutes=2)
    assert Run.objects.count() == 2
    assert rows() != flushed
    thrift.empty("default")
    assert rows() == flushed
    assert [each.slug for each in Community.objects.all()] == ["default"]
    assert set(Permission.objects.values_list("codename", flat=True)) == permissions
