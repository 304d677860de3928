"""What runs jobs: the supervisor decides which and when, an executor knows how and where."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import Any, Protocol

GAVE_WAY = 75  # the exit code of a job that left a checkpoint and goes on from it later (EX_TEMPFAIL)

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


def exit_reason(code: int, output: str) -> str:
    """Why a worker died: how, and its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = lines[-1][:500] if lines else ""
    if code >= 0:
        return f"Its process ended with exit code {code}" + (f": {last}" if last else ".")
    known = [number.name for number in signal.Signals if number == -code]
    how = f"Its process was ended by {known[0] if known else f'signal {-code}'}"
    if code == -signal.SIGKILL:
        how += ", as the system does when memory runs out"
    return how + (f"; it had said: {last}" if last else ".")
