"""Room on the disk that is kept for when there is none: what deletes and starts then gets it."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

log = logging.getLogger("optimscope")

FILE = "optimscope.reserve"
BYTES = 32_000_000
AGAIN_SECONDS = 10.0  # between attempts to have it back


class Reserve:
    """A file in ``folder`` that takes room, and is removed where that is needed."""

    def __init__(self, folder: Path, size: int = BYTES):
        self._path, self._size = folder / FILE, size
        self._tried = float("-inf")

    def keep(self) -> None:
        """Has the room taken, if there is more than enough left; looks not too often."""
        now = time.monotonic()
        if now - self._tried < AGAIN_SECONDS or self._path.exists():
            return
        self._tried = now
        part = self._path.with_suffix(".part")
        try:
            if room(self._path.parent) < 2 * self._size:
                return
            with part.open("wb") as file:
                _allocate(file.fileno(), self._size)
            part.replace(self._path)
        except OSError:
            part.unlink(missing_ok=True)

    def give_up(self) -> bool:
        """Gives the room back; whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        log.warning("The disk that holds %s is full: the reserve was given up.", self._path.parent)
        return True


def room(folder: Path) -> int:
    """Bytes that may still be written on the disk that holds ``folder``."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _allocate(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.write(file, bytes(size))
