"""`clockwright worker`, as its users start it, with the functions of the measurements registered."""

from __future__ import annotations

import sys

import bench.functions  # noqa: F401 - registers them
from clockwright.server.cli import main

if __name__ == "__main__":
    sys.exit(main(["worker"]))
