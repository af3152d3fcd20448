"""Threads for plain functions: as many as are needed, reused, and never waited for."""

from __future__ import annotations

import threading

import pytest

from clockwright.workflows.threads import FunctionThreads


@pytest.fixture
def threads():
    made = FunctionThreads("test")
    yield made
    made.shutdown()


def test_a_call_never_waits_for_another(threads):
    together = threading.Barrier(20, timeout=20)
    calls = [threads.submit(together.wait) for _ in range(20)]
    assert sorted(call.result(20) for call in calls) == list(range(20))


def test_an_idle_thread_is_used_again(threads):
    names = {threads.submit(lambda: threading.current_thread().name).result(20) for _ in range(50)}
    assert len(names) == 1


def test_what_a_call_raises_is_its_outcome(threads):
    def fail():
        raise KeyError("no")

    with pytest.raises(KeyError):
        threads.submit(fail).result(20)
    assert threads.submit(lambda: 1).result(20) == 1


def test_its_threads_are_daemons_so_that_a_process_can_end(threads):
    assert threads.submit(lambda: threading.current_thread().daemon).result(20)


def test_nothing_is_taken_after_the_end():
    threads = FunctionThreads("test")
    running = threads.submit(threading.current_thread).result(20)
    threads.shutdown()
    running.join(20)
    assert not running.is_alive()
    with pytest.raises(RuntimeError, match="shut down"):
        threads.submit(lambda: None)
