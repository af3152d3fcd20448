"""Clock changes as the compiled zone files list them: a second source, read without the product."""

import importlib.resources
import struct
import zoneinfo
from functools import cache
from pathlib import Path


def _bytes(key: str) -> bytes:
    for folder in zoneinfo.TZPATH:
        if (path := Path(folder) / key).is_file():
            return path.read_bytes()
    return importlib.resources.files("tzdata").joinpath("zoneinfo", key).read_bytes()


@cache
def listed_changes(key: str) -> tuple[tuple[int, int, int], ...]:
    """(instant, offset before, offset after) of each listed change of offset of a zone."""
    data = _bytes(key)
    is_gmt, is_std, leaps, times, types, chars = struct.unpack(">6l", data[20:44])
    data = data[44 + times * 5 + types * 6 + chars + leaps * 8 + is_std + is_gmt :]
    times, types = struct.unpack(">6l", data[20:44])[3:5]
    body = data[44:]
    instants = struct.unpack(f">{times}q", body[: 8 * times])
    kinds = body[8 * times : 9 * times]
    offsets = [
        struct.unpack(">lbb", body[9 * times + 6 * i : 9 * times + 6 * i + 6])[0]
        for i in range(types)
    ]
    changes, before = [], offsets[0] if offsets else 0
    for instant, kind in zip(instants, kinds, strict=True):
        if offsets[kind] != before:
            changes.append((instant, before, offsets[kind]))
        before = offsets[kind]
    return tuple(changes)


@cache
def distinct_zones() -> tuple[str, ...]:
    """One name for each different zone file."""
    seen: dict[bytes, str] = {}
    for key in sorted(zoneinfo.available_timezones()):
        if key not in {"localtime", "Factory", "posixrules"}:
            seen.setdefault(_bytes(key), key)
    return tuple(sorted(seen.values()))
