"""The supervisor's end of a nursery: its process, commands to it, news from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

STOP_SECONDS = 2.0
_PATH = os.pathsep.join(filter(None, sys.path))


class Handle:
    """Starts a nursery that loads what ``module`` prepares, and hears from it.

    To be made on a thread that lives on: a process dies with the thread it came from. ``news`` is
    called with what the nursery tells, ``over`` with its exit code, both on a thread of their own.
    """

    def __init__(
        self,
        module: str,
        threads: int,
        news: Callable[[Mapping[str, Any]], None],
        over: Callable[[Handle, int], None],
    ):
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "app.jobs.nursery", str(os.getpid()), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # The variable is for torch and for numpy's linear algebra alike.
            env={"OMP_NUM_THREADS": str(threads), **os.environ, "PYTHONPATH": _PATH},
            start_new_session=True,  # Ctrl+C in a terminal is for the server
        )
        self._news, self._over = news, over
        self._has_loaded = False
        self._listener = threading.Thread(target=self._listen, name="job news", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def tell(self, command: Mapping[str, Any]) -> None:
        """Sends a command; one to a dead nursery is dropped, for its end is being told."""
        assert self._process.stdin
        with suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """Ends the nursery and its workers."""
        self._hang_up()
        try:
            self._process.wait(STOP_SECONDS if self._has_loaded else 0)  # it hears nothing while it loads
        except subprocess.TimeoutExpired:
            self._process.kill()  # its workers die with it
        self._listener.join()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            message = json.loads(line)
            self._has_loaded = True
            self._news(message)
        code = self._process.wait()
        self._process.stdout.close()
        self._hang_up()
        self._over(self, code)

    def _hang_up(self) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.close()
