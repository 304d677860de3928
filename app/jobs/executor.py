"""What runs jobs: the supervisor decides which and when, an executor knows how and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

# Told once of every job that was started: the run, its exit code (that of a signal is negative), and the
# last that it said. Called on a thread of the executor's.
Ended = Callable[[str, int, str], None]


class Executor(Protocol):
    """Runs jobs, each in a process of its own that cannot outlive this one. No method waits for a job."""

    @property
    def ready(self) -> bool:
        """Whether jobs can be started now, as far as one knows."""

    def warm(self) -> None:
        """Begins to load what the first job would otherwise wait for."""

    def start(self, run: str, job: Mapping[str, Any], device: str, ended: Ended) -> None:
        """Starts the job of a run; whatever goes wrong comes to ``ended``."""

    def terminate(self, run: str) -> None:
        """Asks a job to end (SIGTERM); one that has ended, or has not begun, is left alone."""

    def kill(self, run: str) -> None:
        """Ends a job (SIGKILL), as soon as it begins if it has not."""

    def stop(self) -> None:
        """Ends all jobs; returns soon, even if something still loads."""
