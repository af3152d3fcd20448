"""A fleet of real engines in a world of faults, in virtual time, from a seed.

```python
from clockwright.testing.simulation import simulate

report = simulate(17)
assert report.is_clean, report
```

Each seed is another world: some processes with the product's engine in them, a store that is away, slow or forgets to
answer, crashes between any two steps, pauses longer than a lease, clocks that are wrong, and people who add, edit,
pause, trigger, cancel and remove. After every call to the store the invariants are checked against a reference that
is reckoned from the rules and the history of edits. The same seed is the same world, event by event:

    python -m clockwright.testing.simulation 17          # replay one, and print the last events if it fails
    python -m clockwright.testing.simulation 0-19999     # many, in as many processes as there are cores
"""

from __future__ import annotations

from clockwright.testing.simulation.guards import Guard
from clockwright.testing.simulation.handlers import Functions
from clockwright.testing.simulation.simulation import Report, Simulation, simulate

__all__ = ["Functions", "Guard", "Report", "Simulation", "simulate"]
