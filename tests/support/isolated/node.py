"""A node as a program of its own, which calls one function and waits: `python -m tests.support.isolated.node PATH`."""

import asyncio
import sys

from clockwright.engine.ports import ProcessCall
from clockwright.engine.processes import Processes
from tests.support.isolated.calling import BOOTSTRAP, a_run

if __name__ == "__main__":
    call = ProcessCall(bootstrap=BOOTSTRAP, key="loop", module="")
    run = a_run(path=sys.argv[1])
    asyncio.run(Processes().call(call, run, (), on_begin=lambda: None))
