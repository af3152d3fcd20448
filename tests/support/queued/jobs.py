"""Imported by the workers, as every installed app's `jobs.py` is."""

from clockwright.engine.registry import default_registry
from tests.support.queued.functions import register

register(default_registry)
