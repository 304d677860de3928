"""Servers that are processes of their own, and who belongs to them: for tests that kill."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.request import urlopen

from fake_producer import post
from running import PATIENCE_S, WORK

ROOT = Path(__file__).parents[2]

SERVER = """
import json, socket, sys
from pathlib import Path
from app.main import create_app
from app.commands.server import Server
from app.settings import Settings
folder, host, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
app = create_app(Settings(data_dir=folder, port=port, preload=True, jobs_per_device=2))
app.state.services.runs.target = tuple(sys.argv[4:])
listening = socket.create_server((host, port))
print("ready", flush=True)
Server(app).run(sockets=[listening])
"""


@contextmanager
def process(
    folder: Path, port: int, target: tuple[str, str] = WORK, host: str = "127.0.0.1"
) -> Iterator[subprocess.Popen[bytes]]:
    """A server as a process of its own, killed at the end."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests/web")])}
    served = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder), host, str(port), *target],
        env=environment,
        stdout=subprocess.PIPE,
    )
    assert served.stdout
    try:
        assert served.stdout.readline() == b"ready\n"
        yield served
    finally:
        served.kill()
        served.wait(PATIENCE_S)
        served.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(port: int, path: str, body: Any = None, patience: float = PATIENCE_S, host: str = "127.0.0.1") -> Any:
    """An answer of a server that may be starting."""
    url, pause, until = f"http://{host}:{port}{path}", threading.Event(), monotonic() + patience
    while True:
        try:
            if body is not None:
                return post(url, body)
            with urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except (OSError, HTTPException, ValueError):
            assert monotonic() < until
            pause.wait(0.05)


def until_status(port: int, run: str, *statuses: str, host: str = "127.0.0.1") -> dict[str, Any]:
    pause, until = threading.Event(), monotonic() + PATIENCE_S
    while True:
        found: dict[str, Any] = ask(port, f"/api/runs/{run}", host=host)
        if found["status"] in statuses:
            return found
        assert monotonic() < until, found
        pause.wait(0.02)


def descendants(pid: int) -> set[int]:
    """All processes below one."""
    found = children(pid)
    return found.union(*map(descendants, found))


def children(pid: int) -> set[int]:
    found: set[int] = set()
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # the thread ended just now
            found |= {int(child) for child in each.read_text().split()}
    return found


def fork_server(pid: int | None = None) -> int:
    """The fork server of a process, of this one if None."""
    for child in sorted(children(pid or os.getpid())):
        if b"multiprocessing.forkserver" in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    raise LookupError("no fork server")


def kill_fork_server() -> None:
    """That of this process, which runs the server under test."""
    pid = fork_server()
    os.kill(pid, signal.SIGKILL)
    assert gone({pid})


def gone(pids: set[int]) -> bool:
    """Whether all of them end soon."""
    handles = []
    for pid in pids:
        try:
            handles.append(os.pidfd_open(pid))
        except ProcessLookupError:
            continue
    until = monotonic() + PATIENCE_S
    waiting = set(handles)
    while waiting and monotonic() < until:
        ready, _, _ = select.select(waiting, [], [], until - monotonic())
        waiting -= set(ready)
    for handle in handles:
        os.close(handle)
    return not waiting
