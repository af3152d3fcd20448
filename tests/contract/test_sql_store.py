"""The SQL store on the real database of this run of the suite, never a stand-in (C-14): SQLite in a file, or PostgreSQL."""

import pytest
from django.db import connections

from clockwright.access.models import Community
from clockwright.schedules.store import SqlStore
from clockwright.testing.contract import StoreContract


@pytest.mark.django_db(transaction=True)
class TestSqlStore(StoreContract):
    @pytest.fixture
    def make_store(self, transactional_db):
        for slug in ("default", "other"):
            Community.objects.get_or_create(slug=slug)
        return lambda clock: SqlStore(clock=clock)

    def end_of_thread(self):
        connections.close_all()
