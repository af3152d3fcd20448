"""Found by discovery, in the worker processes too."""

from clockwright.engine.registry import default_registry
from tests.support.isolated.functions import register

register(default_registry)
