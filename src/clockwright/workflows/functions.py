"""The functions that steps call: in this process, or in a process of their own where they ask for one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from typing import Any

from clockwright.engine.ports import DoNotRetry, ProcessCall, RunContext
from clockwright.engine.processes import Processes
from clockwright.engine.registry import Function, Isolation, Registry
from clockwright.workflows.calling import call_function
from clockwright.workflows.isolated import BOOTSTRAP


class FunctionGone(DoNotRetry):
    """The function was there when the workflow was published, and is not registered as exposed any more."""


class FunctionTimedOut(Exception):
    """The function took longer than it was registered with."""


class Functions:
    """Calls exposed functions of a registry. Processes belong to the loop that called them first."""

    def __init__(self, registry: Registry, threads: Executor) -> None:
        self._registry = registry
        self._threads = threads
        self._processes: dict[asyncio.AbstractEventLoop, Processes] = {}
        self._keepers: dict[asyncio.AbstractEventLoop, AsyncGenerator[Processes, None]] = {}

    def find(self, key: str) -> Function:
        """The function; raises FunctionGone."""
        function = self._registry.get(key)
        if function is None or not function.exposed:
            raise FunctionGone(
                f"the function {key!r} is not known here; register it with @job(…, exposed=True)"
            )
        return function

    async def call(self, key: str, run: RunContext) -> Any:
        """What it returns when it is called with the run's context.

        Raises what it raises, FunctionGone, and FunctionTimedOut when it takes longer than its own `timeout`.
        """
        function = self.find(key)
        limit = function.timeout
        scope = asyncio.timeout(None if limit is None else limit.total_seconds())
        try:
            async with scope:
                return await self._called(function, run)
        except Exception as error:
            if scope.expired():
                raise FunctionTimedOut(f"{key} ran longer than {limit}") from error
            raise

    async def _called(self, function: Function, run: RunContext) -> Any:
        if function.isolation is Isolation.PROCESS:
            processes = self._processes.get(asyncio.get_running_loop()) or await self._begin()
            return await processes.call(process_of(function), run, (), lambda: None)
        return await call_function(function, run, (), self._threads)

    async def _begin(self) -> Processes:
        """Processes for this loop, which end with it: a loop that is shut down closes its generators."""
        keeper = self._until_the_loop_ends()
        self._keepers[asyncio.get_running_loop()] = keeper
        return await anext(keeper)

    async def _until_the_loop_ends(self) -> AsyncGenerator[Processes, None]:
        loop, processes = asyncio.get_running_loop(), Processes()
        self._processes[loop] = processes
        try:
            yield processes
        finally:
            del self._processes[loop], self._keepers[loop]
            await processes.close()

    def shutdown(self) -> None:
        """Kill the processes."""
        for processes in list(self._processes.values()):
            processes.kill()


def process_of(function: Function) -> ProcessCall:
    """How a worker process finds the function."""
    module = getattr(function.call, "__module__", None) or ""
    return ProcessCall(bootstrap=BOOTSTRAP, key=function.key, module=module)
