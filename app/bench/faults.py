"""Faults at random moments, and whether a server gets over them: back soon, nothing lost, nobody left."""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from app.bench.disk import Disk, disk
from app.bench.harness import CLOCK, PRODUCERS, Harness, Violated, kill, wait_until
from app.store.sqlite.migrations import newest

FAULTS = 60
BACK_SECONDS = 5.0
DATABASE = "optimscope.db"
JUMPS = (-86_400, -3_600, 3_600, 86_400)  # seconds
SWEEP_SECONDS = 6.0  # in which the server looks after runs that have fallen silent


@dataclass
class Round:
    """What a fault has at hand; it notes ``repaired`` when the world is whole again, and what was said."""

    harness: Harness
    disk: Disk
    chance: random.Random
    repaired: float = 0.0
    said: str = ""
    unread: list[socket.socket] = field(default_factory=list)


# --- Faults --------------------------------------------------------------------------------------------


def worker_killed(r: Round) -> None:
    """kill -9 of a process that trains: its run fails with the reason."""
    run = r.harness.keep_training()
    wait_until(lambda: bool(r.harness.workers()), "no worker")
    kill(r.chance.choice(sorted(r.harness.workers())))
    r.repaired = time.monotonic()
    _expect_failed(r, run)


def fork_server_killed(r: Round) -> None:
    """kill -9 of the process that starts workers: they die with it, their runs fail with the reason."""
    run = r.harness.keep_training()
    fork_server = r.harness.fork_server()
    if fork_server:
        kill(fork_server)
    r.repaired = time.monotonic()
    _expect_failed(r, run)


def server_killed(r: Round) -> None:
    """kill -9 of the server while it works."""
    r.harness.stop(signal.SIGKILL)
    _start(r)


def server_terminated(r: Round) -> None:
    """SIGTERM under load: it ends in time by itself."""
    took = r.harness.stop()
    if took > BACK_SECONDS:
        raise Violated(f"SIGTERM took {took:.1f} s")
    r.said = f"ended in {took:.1f} s"
    _start(r)


def server_paused(r: Round) -> None:
    """SIGSTOP for seconds, then SIGCONT."""
    kill(r.harness.pid, signal.SIGSTOP)
    time.sleep(r.chance.uniform(1.0, 4.0))
    kill(r.harness.pid, signal.SIGCONT)


def upload_broken_off(r: Round) -> None:
    """Clients that vanish in the middle of an upload."""
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", r.harness.port)) as client:
            head = f"POST /api/ingest/runs/{PRODUCERS[0]}/frames HTTP/1.1\r\nHost: localhost\r\n"
            client.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode() + b'{"frames": [' * 999)
            time.sleep(r.chance.uniform(0.0, 0.1))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # no farewell


def stream_unread(r: Round) -> None:
    """Clients that open a stream and never read it."""
    for _ in range(10):
        client = socket.create_connection(("127.0.0.1", r.harness.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        runs = ",".join(PRODUCERS)
        client.sendall(f"GET /api/stream?runs={runs} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        r.unread.append(client)
    time.sleep(r.chance.uniform(0.5, 1.5))


def disk_full(r: Round) -> None:
    """No room for a while: what cannot be kept is refused, and taken when there is room again."""
    r.disk.fill(r.harness.pid)
    try:
        wait_until(lambda: _not_ready(r), "a full disk goes unnoticed")
        time.sleep(r.chance.uniform(0.0, 2.0))
    finally:
        r.disk.free(r.harness.pid)


def disk_read_only(r: Round) -> None:
    """A folder that cannot be written at the start."""
    r.harness.stop()
    r.disk.lock()
    try:
        r.said = r.harness.refused_start()
    finally:
        r.disk.unlock()
    _start(r)


def database_damaged(r: Round) -> None:
    """Another file, garbage in it, or half of it at the start; a copy is put back."""
    r.harness.stop()
    path = r.harness.folder / DATABASE
    good = path.with_name("good.db")
    shutil.copy2(path, good)
    try:
        _damage(path, r.chance)
        r.said = r.harness.refused_start()
    finally:
        for rest in ("-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        good.replace(path)
    _start(r)


def database_newer(r: Round) -> None:
    """A database of a newer Optimscope at the start."""
    r.harness.stop()
    path = r.harness.folder / DATABASE
    _set_version(path, newest() + 1)
    try:
        r.said = r.harness.refused_start()
    finally:
        _set_version(path, newest())
    _start(r)


def clock_jumps(r: Round) -> None:
    """The clock is set by hours or days, forth or back (for Python alone): nobody counts as silent."""
    clock = r.harness.folder.parent / "clock"
    clock.write_text("0")
    r.harness.stop()
    r.harness.start("app.bench.shifted_clock", {CLOCK: str(clock)})
    r.harness.wait_until_back({each.name: each.acknowledged for each in r.harness.producers})
    r.harness.keep_training()
    clock.write_text(str(r.chance.choice(JUMPS)))
    time.sleep(SWEEP_SECONDS)
    r.harness.check()
    r.harness.stop()
    _start(r)


KINDS: dict[str, Callable[[Round], None]] = {
    fault.__name__: fault
    for fault in (
        worker_killed,
        fork_server_killed,
        server_killed,
        server_terminated,
        server_paused,
        upload_broken_off,
        stream_unread,
        disk_full,
        disk_read_only,
        database_damaged,
        database_newer,
        clock_jumps,
    )
}


def _start(r: Round) -> None:
    r.repaired = time.monotonic()
    r.harness.start()


def _expect_failed(r: Round, run: str) -> None:
    def state() -> tuple[str, str]:
        found = r.harness.ask(f"/api/runs/{run}")
        return found["status"], found["reason"]

    wait_until(lambda: state()[0] in ("failed", "finished"), lambda: f"run {run} counts as {state()[0]}")
    r.said = state()[1]


def _not_ready(r: Round) -> bool:
    from app.bench.harness import exchange

    status, answer = exchange(r.harness.port, "/readyz")
    if status in (503, 507):
        r.said = answer["error"]["message"]
    return status in (503, 507)


def _damage(path: Path, chance: random.Random) -> None:
    size = path.stat().st_size
    way = chance.randrange(3)
    if way == 0:
        path.write_bytes(b"this is no database" * 1_000)
    elif way == 1:
        with path.open("r+b") as file:
            file.write(chance.randbytes(min(size, 100)))
    else:
        with path.open("r+b") as file:
            file.truncate(size // 2)


def _set_version(path: Path, version: int) -> None:
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {version}")
    database.close()


# --- The bench -----------------------------------------------------------------------------------------


@dataclass
class Kind:
    """What became of all faults of one kind."""

    kind: str
    times: int = 0
    back: list[float] = field(default_factory=list)  # seconds until the service was back
    said: str = ""
    violations: list[str] = field(default_factory=list)
    skipped: str = ""


@dataclass
class Report:
    """All kinds, and what was checked at the very end."""

    kinds: list[Kind]
    frames: int = 0
    runs: dict[str, int] = field(default_factory=dict)
    processes: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        late = any(each > BACK_SECONDS for kind in self.kinds for each in kind.back)
        return not (late or self.violations or any(kind.violations for kind in self.kinds))


def measure(
    count: int, seed: int, say: Callable[[str], None] = lambda text: None, only: tuple[str, ...] = ()
) -> Report:
    """So many faults, each kind about equally often, in random order."""
    chance = random.Random(seed)  # noqa: S311
    with disk() as place:
        harness = Harness(place.data)
        kinds = {name: Kind(name, skipped=_impossible(name, place)) for name in KINDS}
        possible = [name for name, kind in kinds.items() if not kind.skipped and (not only or name in only)]
        if not possible:
            raise ValueError(
                "; ".join(f"{kind.kind} {kind.skipped}" for kind in kinds.values() if kind.skipped)
            )
        order = (possible * (count // len(possible) + 1))[:count]
        chance.shuffle(order)
        report = Report(list(kinds.values()))
        harness.start()
        try:
            for producer in harness.producers:
                producer.start()
            harness.wait_until_back(dict.fromkeys(PRODUCERS, 0))
            for number, name in enumerate(order, 1):
                _one(kinds[name], Round(harness, place, chance))
                say(f"{number}/{count} {name}: {kinds[name].back[-1:]} {kinds[name].violations[-1:]}")
            _finish(harness, report)
        finally:
            harness.stop_load()
            kill(harness.pid)
        return report


def _one(kind: Kind, r: Round) -> None:
    kind.times += 1
    try:
        r.harness.keep_training()
        time.sleep(r.chance.uniform(0.0, 0.5))
        KINDS[kind.kind](r)
        repaired = r.repaired or time.monotonic()
        r.harness.wait_until_back({each.name: each.acknowledged for each in r.harness.producers})
        kind.back.append(round(time.monotonic() - repaired, 2))
        r.harness.check()
    except Violated as violated:
        kind.violations.append(str(violated))
        if r.harness.process and r.harness.process.poll() is not None:
            r.harness.start()
    finally:
        kind.said = r.said or kind.said
        for client in r.unread:
            client.close()


def _finish(harness: Harness, report: Report) -> None:
    try:
        harness.stop_load()
        report.frames = harness.check_everything()
        report.runs = dict(Counter(run["status"] for run in harness.runs()))
        harness.stop()
        harness.expect_gone(harness.seen)
        report.processes = len(harness.seen)
    except Violated as violated:
        report.violations.append(str(violated))


def _impossible(name: str, place: Disk) -> str:
    """Why a kind cannot be tried here; nothing if it can."""
    if name == "disk_read_only" and not place.can_lock:
        return "root may write everywhere, and mounting a disk of its own is not allowed here"
    return ""


def table(report: Report) -> str:
    """A line for each kind of fault, then the sums."""
    lines = [f"{'fault':<20} {'times':>5} {'back, median':>13} {'worst':>7}  verdict"]
    for kind in report.kinds:
        if kind.skipped:
            lines.append(f"{kind.kind:<20} {'-':>5} {'':>13} {'':>7}  skipped: {kind.skipped}")
            continue
        middle, worst = (median(kind.back), max(kind.back)) if kind.back else (0.0, 0.0)
        verdict = "good" if worst <= BACK_SECONDS else f"later than {BACK_SECONDS:.0f} s"
        verdict = f"{len(kind.violations)} violated: {kind.violations[0]}" if kind.violations else verdict
        lines.append(f"{kind.kind:<20} {kind.times:>5} {middle:>11.2f} s {worst:>5.2f} s  {verdict}")
        if kind.said:
            lines.append(f"{'':<20} {kind.said[:160]}")
    lines.append(
        f"{report.frames} frames were acknowledged and read back; runs: {json.dumps(report.runs)};"
        f" {report.processes} processes came and went."
    )
    lines += [f"At the end: {violation}" for violation in report.violations]
    lines.append("All good." if report.good else "Not all good.")
    return "\n".join(lines)
