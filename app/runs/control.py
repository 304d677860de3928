"""What the producer of a run is told: to pause, to take single steps, to change settings, to stop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.store import ACTIVE, Run, Status
from optim_core.transport.control import Control

_NOTHING: Mapping[str, Any] = asdict(Control())


def control_of(run: Run) -> dict[str, Any]:
    """What the producer should do; producers of cancelled runs should stop."""
    known = {name: run.control.get(name, usual) for name, usual in _NOTHING.items()}
    return known | ({"cancel": True} if run.status == Status.CANCELLED else {})


def changed(run: Run, **changes: Any) -> dict[str, Any]:
    """The columns of the run's row after a change of its control."""
    before = control_of(run)
    return {"control": {**run.control, **before, **changes, "version": before["version"] + 1}}


def steered(
    run: Run, *, paused: bool | None, steps: int | None, hyper: Mapping[Any, float]
) -> dict[str, Any]:
    """The columns of the run's row after somebody has steered it; None leaves things as they are.

    One that has given its device back waits for another as soon as there is something to do.
    """
    before = control_of(run)
    rests = (before["paused"] or steps is not None) if paused is None else paused
    changes = changed(run, paused=rests, steps=before["steps"] + (steps or 0), hyper=before["hyper"] | hyper)
    if run.away:
        begins = rests and not before["paused"]
        waits = not rests or steps or (run.status == Status.QUEUED and not begins)
        changes["status"] = (Status.QUEUED if waits else Status.PAUSED).value
    elif run.status != Status.STARTING:
        changes["status"] = (Status.PAUSED if rests else Status.RUNNING).value
    if before["paused"] and not rests:
        changes["progressed"] = time.time()  # the pause is not part of the speed
    return changes


def cancelled(run: Run, by: str = "") -> dict[str, Any] | None:
    """A run without a process is cancelled at once; one that runs is asked to stop.

    ``by`` tells who wants it, where that is not the owner.
    """
    if run.status in ACTIVE and not run.away:
        return changed(run, cancel=True, by=by)
    if run.away or run.status in (Status.QUEUED, Status.INTERRUPTED):
        reason = f"Cancelled{by and f' by {by}'} before it ran to its end."
        ended = {"finished": time.time(), "control": {**run.control, "away": False}} if run.away else {}
        return {"status": Status.CANCELLED.value, "reason": reason, **ended}
    return None
