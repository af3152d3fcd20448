"""A Celery worker of two processes with the functions of the measurements registered, as `bench/worker.py` is an engine."""

from __future__ import annotations

import bench.functions  # noqa: F401 - registers them
from clockwright.contrib.celery import app

if __name__ == "__main__":
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    app.worker_main(["worker", "--queues", "bench", "--concurrency", "2", *quiet])
