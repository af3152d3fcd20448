"""The meaning of a store, as a pytest suite. A store that passes it can carry the engine.

```python
from clockwright.testing import StoreContract

class TestMyStore(StoreContract):
    @pytest.fixture
    def make_store(self):
        return lambda clock: MyStore(clock=clock)  # an empty one each time a test asks for it
```

The stores are given a virtual clock, and two communities, `default` and `other`, exist. A store whose threads hold
something (a connection) overrides `end_of_thread`.
"""

from __future__ import annotations

from clockwright.testing.contract.cancelling import CancellingContract
from clockwright.testing.contract.changing import ChangingContract
from clockwright.testing.contract.claiming import ClaimingContract
from clockwright.testing.contract.failing import FailingContract
from clockwright.testing.contract.nodes import NodesContract
from clockwright.testing.contract.overlapping import OverlappingContract
from clockwright.testing.contract.racing import RacingContract
from clockwright.testing.contract.settling import SettlingContract
from clockwright.testing.contract.sharing import SharingContract


class StoreContract(
    SettlingContract,
    SharingContract,
    ChangingContract,
    OverlappingContract,
    ClaimingContract,
    CancellingContract,
    FailingContract,
    NodesContract,
    RacingContract,
):
    """Everything a store must do; a subclass gives the fixture `make_store`."""


__all__ = ["StoreContract"]
