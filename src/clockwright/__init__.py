"""Clockwright: it runs things on time, and it books things in time."""

__version__ = "0.1.0"
