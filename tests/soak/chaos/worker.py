"""`clockwright` as its users start it, with the functions of the chaos registered: `… worker`, `… doctor`."""

from __future__ import annotations

import sys

import tests.soak.chaos.functions  # noqa: F401 - registers them
from clockwright.server.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
