"""The store in memory is the meaning of a store in the fewest lines."""

import pytest

from clockwright.engine.memory import MemoryStore
from clockwright.testing.contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def make_store(self):
        return MemoryStore
