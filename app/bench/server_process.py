"""A server as a process of its own, from outside: where it listens, what it uses, who belongs to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

START_SECONDS = 60.0


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, port: int, module: str = "app", **environment: str) -> subprocess.Popen[bytes]:
    """Begins to serve ``folder``; see `until_answering`."""
    command = [sys.executable, "-m", module, "serve", "--port", str(port), "--data-dir", str(folder)]
    return subprocess.Popen(  # noqa: S603
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )


@contextmanager
def serving(
    folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server that answers; terminated at the end."""
    port = free_port()
    process = start(folder, port, **(environment or {}))
    try:
        if not until_answering(port, process):
            raise RuntimeError("the server did not start; what it said is above")
        yield port, process
    finally:
        process.terminate()
        process.wait()


def until_answering(
    port: int, process: subprocess.Popen[bytes], path: str = "/healthz", seconds: float = START_SECONDS
) -> bool:
    """Waits until the server answers with 200; whether it did before it ended or time was up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return True
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.02)
    return False


# --- What /proc tells; nothing where there is none ------------------------------------------------------


def memory(pid: int) -> int:
    """Bytes in memory of a process; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, with that of its children that ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> set[int]:
    """All processes below one."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below = [int(child) for child in children.read_text().split()]
        except OSError:  # it ended just now
            continue
        for child in below:
            found |= {child} | descendants(child)
    return found


def alive(pid: int) -> bool:
    """Whether a process exists and has not just ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def command_of(pid: int) -> str:
    """The command line of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def parent_of(pid: int) -> int:
    """The process from which one came; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
