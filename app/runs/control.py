"""What the producer of a run is told: to pause, to take single steps, to change settings, to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.store import ACTIVE, Run, Status
from optim_core.transport.control import Control

_NOTHING: Mapping[str, Any] = asdict(Control())


def control_of(run: Run) -> dict[str, Any]:
    """What the producer should do; producers of cancelled runs should stop."""
    return {**_NOTHING, **run.control} | ({"cancel": True} if run.status == Status.CANCELLED else {})


def changed(run: Run, **changes: Any) -> dict[str, Any]:
    """The columns of the run's row after a change of its control."""
    before = control_of(run)
    return {"control": before | changes | {"version": before["version"] + 1}}


def cancelled(run: Run, by: str = "") -> dict[str, Any] | None:
    """A run that waits is cancelled at once; one that runs is asked to stop.

    ``by`` tells who wants it, where that is not the owner.
    """
    if run.status in ACTIVE:
        return changed(run, cancel=True, by=by)
    if run.status in (Status.QUEUED, Status.INTERRUPTED):
        reason = f"Cancelled{by and f' by {by}'} before it ran to its end."
        return {"status": Status.CANCELLED.value, "reason": reason}
    return None
