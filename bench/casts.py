"""Who executes the runs of a measurement: one engine, several on one machine, or an engine and Celery's workers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import broker, children, functions
from bench.databases import Connection

_CELERY_QUEUE = "bench"
_STARTED = "a Celery worker is ready"


def _wait_for_nodes(workers: Sequence[children.Worker], connection: Connection) -> float:
    return max(worker.wait_until_registered(connection) for worker in workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The processes of a measurement. `name` is how its figures call them, if not by the store.

    `start` gives the running processes, an engine first; `wait` returns when they were ready; `lead` is how many
    seconds longer than one engine they take for that; `function` is what their runs call.
    """

    name: str = ""
    start: Callable[[str, Path], contextlib.AbstractContextManager[Sequence[children.Worker]]]
    wait: Callable[[Sequence[children.Worker], Connection], float] = _wait_for_nodes
    lead: float = 0.0
    function: str = functions.COROUTINE


def engines(count: int) -> Cast:
    """So many `clockwright worker` processes on one database."""

    @contextlib.contextmanager
    def start(url: str, folder: Path) -> Iterator[Sequence[children.Worker]]:
        with contextlib.ExitStack() as stack:
            yield [
                stack.enter_context(children.worker(url, folder, name=f"worker-{number}"))
                for number in range(count)
            ]

    return Cast(start=start, lead=1.5 * (count - 1))


@contextlib.contextmanager
def _engine_and_celery(url: str, folder: Path) -> Iterator[Sequence[children.Worker]]:
    with contextlib.ExitStack() as stack:
        at = stack.enter_context(broker.running(folder))
        extra = {"CLOCKWRIGHT_CELERY_BROKER": at, "CLOCKWRIGHT_CELERY_QUEUE": _CELERY_QUEUE}
        celery = children.worker(
            url, folder, name="celery", module="bench.celery_worker", extra=extra
        )
        yield [
            stack.enter_context(children.worker(url, folder, extra=extra)),
            stack.enter_context(celery),
        ]


def _wait_for_both(workers: Sequence[children.Worker], connection: Connection) -> float:
    engine, celery = workers
    engine.wait_until_registered(connection)
    return celery.wait(lambda: "ready." in celery.log.read_text(), _STARTED, seconds=60, every=0.05)


ONE_ENGINE = engines(1)
CELERY = Cast(
    name="celery",
    start=_engine_and_celery,
    wait=_wait_for_both,
    lead=4.0,
    function=functions.PLAIN,
)
