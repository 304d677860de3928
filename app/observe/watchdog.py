"""A server whose event loop hangs ends itself: whatever starts it anew brings back one that answers."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import threading
from collections.abc import Callable

log = logging.getLogger("optimscope")

EVERY_SECONDS = 5.0
MISSED = 12  # times in a row that the loop gives no sign of life
EXIT_CODE = 70


def end_process() -> None:
    """Says where every thread hangs, and ends without tidying up, which would hang as well."""
    log.critical("The server has not answered for %.0f seconds: it ends itself.", EVERY_SECONDS * MISSED)
    faulthandler.dump_traceback()
    os._exit(EXIT_CODE)


class Watchdog:
    """Looks after ``loop`` from a thread of its own.

    Counted from look to look, not in seconds: a process that was halted could not have answered meanwhile.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, end: Callable[[], None] = end_process):
        self._loop, self._end = loop, end
        self._stopped = threading.Event()
        self._alive = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks no longer."""
        self._stopped.set()

    def _run(self) -> None:
        missed = 0
        while not self._loop.is_closed():
            self._alive.clear()
            self._loop.call_soon_threadsafe(self._alive.set)
            if self._stopped.wait(EVERY_SECONDS):
                return
            missed = 0 if self._alive.is_set() else missed + 1
            if missed >= MISSED:
                self._end()
                return
