"""`python -m tests.soak.chaos`: fleets of workers under faults, and what is in the ledger afterwards.

The plan is drawn from the seed, and is the same each time; what the faults meet is up to the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.databases import environment
from tests.soak.chaos import report
from tests.soak.chaos.drama import Drama
from tests.soak.chaos.fleet import Fleet
from tests.soak.chaos.functions import EFFECTS
from tests.soak.chaos.observer import File, Observer, Server
from tests.soak.chaos.plan import LEASE, Planned, Size, schedules, strikes
from tests.soak.chaos.proof import Evidence, Verdict, judge
from tests.soak.chaos.seeding import LATE, size_text
from tools import postgres, processes

COMMAND = "tests.soak.chaos.worker"
WORKER, EMBEDDED = (COMMAND, "worker"), ("tests.soak.chaos.embedded",)

SETTINGS = postgres.DURABLE | {"recovery_init_sync_method": "syncfs"}
"""As in production; a server that was killed reads its folder file by file otherwise, before it recovers."""


def main(arguments: Sequence[str]) -> int:
    """0: every promise was kept. 1: not, and it says which."""
    asked = _asked(arguments)
    verdicts = []
    with processes.stopping_cleanly():
        for size in _sizes(asked):
            _say(f"{_name(size)}, seed {size.seed}: {size.fires} fires, {size.faults} faults")
            verdicts.append(_live_through(size))
            _say(report.told(verdicts[-1]))
    _say(f"\n{report.table(verdicts)}")
    if asked.json:
        report.write(verdicts, Path(asked.json))
    return 0 if all(verdict.is_clean for verdict in verdicts) else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.chaos", description=__doc__)
    parser.add_argument("--nodes", default="1,2,4", help="fleets, one after the other")
    parser.add_argument("--fires", type=int, default=100_000, help="of all fleets together")
    parser.add_argument("--faults", type=int, default=50, help="of all fleets together")
    parser.add_argument("--seconds", type=int, default=150, help="in which each fleet's fires lie")
    parser.add_argument("--seed", type=int, default=None, help="default: one of its own")
    parser.add_argument("--sqlite", action="store_true", help="embedded, on one file")
    parser.add_argument("--lease", type=float, default=15, help="seconds; the heartbeat is a third")
    parser.add_argument("--json", default="", help="where to write the figures")
    return parser.parse_args(arguments)


def _sizes(asked: argparse.Namespace) -> Iterator[Size]:
    """Each fleet has its share of fires and faults: the larger it is, the more."""
    seed = int(time.time()) % 1_000_000 if asked.seed is None else asked.seed
    fleets = [int(text) for text in asked.nodes.split(",")]
    weights = [3 + nodes for nodes in fleets]
    shares = [weight / sum(weights) for weight in weights]
    for nodes, fires, faults in zip(
        fleets, _parts(asked.fires, shares), _parts(asked.faults, shares), strict=True
    ):
        yield Size(
            seed=seed,
            nodes=nodes,
            fires=fires,
            faults=faults,
            seconds=asked.seconds,
            lease=timedelta(seconds=asked.lease),
            has_server=not asked.sqlite,
        )


def _parts(whole: int, shares: Sequence[float]) -> list[int]:
    """The shares in whole numbers; the last has what the others left."""
    parts = [round(whole * share) for share in shares[:-1]]
    return [*parts, whole - sum(parts)]


def _name(size: Size) -> str:
    return f"{size.nodes} node{'s' if size.nodes > 1 else ''} on {'PostgreSQL' if size.has_server else 'SQLite'}"


def _live_through(size: Size) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="cw-chaos-") as scratch:
        folder = Path(scratch)
        if not size.has_server:
            return _on(size, File(f"sqlite:///{folder}/chaos.sqlite3"), None, folder)
        with postgres.mortal(SETTINGS) as server:
            return _on(size, Server(server.url), server, folder)


def _on(size: Size, observer: Observer, server: postgres.Mortal | None, folder: Path) -> Verdict:
    env = environment(observer.url) | {EFFECTS: str(folder)} | _settings(size)
    _run([COMMAND, "migrate"], env, folder)
    observer.watch()
    with contextlib.closing(Fleet(WORKER if server else EMBEDDED, env, folder)) as fleet:
        for _ in range(size.nodes):
            fleet.start()
        planned = _planted(size, env, folder)
        diary = Drama(fleet, observer, server).play(strikes(size), planned)
    verdict = judge(
        Evidence(
            size=size,
            database="PostgreSQL" if server else "SQLite",
            planned=planned,
            books=observer.books(),
            diary=diary,
            up=[span for worker in fleet.workers for span in worker.up],
            folder=folder,
        )
    )
    verdict.complaints += _examined(env, folder)
    return verdict


def _planted(size: Size, env: dict[str, str], folder: Path) -> list[Planned]:
    """Schedules that begin a moment after all of them are there; a busy machine needs a longer moment."""
    for attempt in range(6):
        now = datetime.now(UTC)
        lead = 2**attempt * (2 + len(schedules(size, now)) / 150)
        start = (now + timedelta(seconds=lead)).replace(microsecond=0)
        seeding = ["tests.soak.chaos.seeding", size_text(size), start.isoformat()]
        if _run(seeding, env, folder, expected=(0, LATE)) == 0:
            return schedules(size, start)
    raise RuntimeError(f"{lead:.0f} s are not enough to add the schedules")


def _settings(size: Size) -> dict[str, str]:
    """The defaults, unless another lease is asked for."""
    if size.lease == LEASE:
        return {}
    lease = size.lease.total_seconds()
    return {
        "CLOCKWRIGHT_LEASE_SECONDS": str(lease),
        "CLOCKWRIGHT_HEARTBEAT_SECONDS": str(lease / 3),
    }


def _run(
    module: list[str], env: dict[str, str], folder: Path, expected: tuple[int, ...] = (0,)
) -> int:
    """The exit code of a module; raises when it is none of those that are expected."""
    command = [sys.executable, "-m", *module]
    done = subprocess.run(
        command, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode not in expected:
        raise RuntimeError(f"{module[0]} failed:\n{done.stdout}{done.stderr}")
    return done.returncode


def _examined(env: dict[str, str], folder: Path) -> list[str]:
    """What the product's own examination finds in the tables, the nodes being gone."""
    command = [sys.executable, "-m", COMMAND, "doctor", "--all", "--json"]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)
    return [
        f"doctor: {each['check']}: {each['finding']}"
        for each in json.loads(done.stdout)["checks"]
        if each["verdict"] != "ok" and each["check"] != "engine nodes"
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
