"""A folder on a disk that can be filled and locked: a small one in memory, or a stand-in without root."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

DISK_BYTES = 256_000_000
BALLAST = "ballast"


class Disk:
    """The folder ``data`` on it is what a server gets."""

    def __init__(self, root: Path, *, own: bool):
        self._root = root
        self.own = own  # a file system of its own
        self.data = root / "data"
        self.data.mkdir(exist_ok=True)

    def fill(self, pid: int) -> None:
        """Lets the process write no more: the disk is full, or else its files may not grow."""
        if self.own:
            with (self._root / BALLAST).open("ab", buffering=0) as ballast:
                for size in (1_000_000, 4_096, 1):
                    try:
                        while True:
                            ballast.write(bytes(size))
                    except OSError:
                        continue
        else:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_096, resource.RLIM_INFINITY))

    def free(self, pid: int) -> None:
        """Undoes `fill`."""
        (self._root / BALLAST).unlink(missing_ok=True)
        if not self.own:
            limits = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)

    @property
    def can_lock(self) -> bool:
        """Whether `lock` keeps this user from writing: root needs a file system of its own."""
        return self.own or os.geteuid() != 0

    def lock(self) -> None:
        """Makes everything read-only; no process may have a file open."""
        if self.own:
            _run("mount", "-o", "remount,ro", str(self._root))
        else:
            self._set_modes(0o444, 0o555)

    def unlock(self) -> None:
        """Undoes `lock`."""
        if self.own:
            _run("mount", "-o", "remount,rw", str(self._root))
        else:
            self._set_modes(0o644, 0o755)

    def _set_modes(self, files: int, folder: int) -> None:
        self.data.chmod(0o755)
        for path in self.data.iterdir():
            path.chmod(files)
        self.data.chmod(folder)


@contextmanager
def disk() -> Iterator[Disk]:
    """A file system of its own where that is allowed, else a folder."""
    with TemporaryDirectory() as folder:
        try:
            _run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "optimscope-faults", folder)
            own = True
        except (OSError, subprocess.CalledProcessError):
            own = False
        try:
            yield Disk(Path(folder), own=own)
        finally:
            if own:
                _run("umount", "-l", folder)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
