"""What the stand-alone server has to run: the samples."""

from clockwright.server.samples import echo, fail, sleep

__all__ = ["echo", "fail", "sleep"]
