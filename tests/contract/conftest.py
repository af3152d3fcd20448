import pytest

pytest.register_assert_rewrite("clockwright.testing.contract")
