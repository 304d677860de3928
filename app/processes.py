"""Processes of this program: forked from one that has loaded everything, and never left over."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import cache
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

# Elsewhere system libraries do not survive a fork: each process is a new interpreter instead.
METHOD = "forkserver" if sys.platform == "linux" else "spawn"
CGROUP = Path("/sys/fs/cgroup/cpu.max")  # microseconds of work in so many microseconds
_PR_SET_PDEATHSIG = 1
_preloaded = ["app.commands.main"]  # multiprocessing loads the main program in every process


def cores() -> int:
    """How many cores this process may use: those of the machine, or its container's share of them."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CGROUP.read_text().split()
        return max(1, min(found, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such limit, or "max"
        return found


@cache
def context(method: str = METHOD) -> ForkServerContext | SpawnContext:
    """What starts processes; the first one waits until the fork server has loaded."""
    if method == "spawn":
        return multiprocessing.get_context("spawn")
    return multiprocessing.get_context("forkserver")


def preload(*modules: str) -> None:
    """Has the one fork server load these modules before it forks; to be said before it begins.

    No module may touch a GPU when it is loaded: what a process forked from one that has does with it fails.
    """
    _preloaded.extend(name for name in modules if name not in _preloaded)
    forkserver.set_forkserver_preload(_preloaded)


def load_fork_server() -> int:
    """Has the fork server begin to load, unless it has; its process."""
    resource_tracker.ensure_running()  # that it needs; to start it changes the mask of signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl+C in a terminal is for us
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    # multiprocessing keeps this to itself, and tells nobody that its fork server died before it is needed.
    pid: int = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return pid


def end_fork_server() -> None:
    """Kills the fork server, if there is one, and all that it started: for the end of this process."""
    pid = getattr(forkserver._forkserver, "_forkserver_pid", None)
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def die_with_parent() -> None:
    """Kills this process when the one that started it dies, or the fork server from which it came."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    assert parent
    die_when_closed(parent.sentinel)


def die_when_closed(descriptor: int) -> None:
    """Kills this process when nobody holds the other end of the pipe any more."""

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, name="parent death", daemon=True).start()
