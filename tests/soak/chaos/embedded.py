"""A program of its own that has its schedules embedded: what a worker does, without the product's command around it."""

from __future__ import annotations

import asyncio
import os
import signal

import tests.soak.chaos.functions  # noqa: F401 - registers them
from clockwright import embed


async def main() -> None:
    """Run what is due until SIGTERM."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    async with embed.open(os.environ["DATABASE_URL"], migrates=False):
        await asked.wait()


if __name__ == "__main__":
    asyncio.run(main())
