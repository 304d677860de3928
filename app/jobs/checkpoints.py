"""The folder of checkpoints: one file for each run that has given its device back."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


class Checkpoints:
    """Files in ``folder`` by run; the folder need not be there."""

    def __init__(self, folder: Path):
        self._folder = folder.absolute()  # workers may have another working directory

    def path(self, run: str) -> Path:
        """Where the checkpoint of a run is, if it has one."""
        return self._folder / f"{run}.pt"

    def has(self, run: str) -> bool:
        """Whether the run has one."""
        return self.path(run).exists()

    def remove(self, run: str) -> None:
        """If it is there, with what a worker that was killed left beside it."""
        for path in self._folder.glob(f"{run}.pt*"):
            with suppress(OSError):  # a disk that takes nothing more: the next start tries again
                path.unlink()

    def keep(self, runs: Collection[str]) -> None:
        """Removes all but those of these runs."""
        kept = {self.path(run) for run in runs}
        for path in self._folder.glob("*"):
            if path not in kept:
                with suppress(OSError):
                    path.unlink()
