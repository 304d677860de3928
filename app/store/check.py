"""What a frame must be to be kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optim_core.declare.errors import InvalidInput
from optim_core.transport.frames import Frame

LARGEST = 2**53  # the last whole number up to which JavaScript counts
LONGEST_NAME = 300
MOST_EVENTS = 1_000


def check_frame(frame: Frame, run: str) -> None:
    """Raises InvalidInput, with the field's path, for a frame that cannot be kept."""
    if frame.run != run:
        raise _bad(f"got run {frame.run[:80]!r} at the address of {run!r}.", "run")
    for field in ("seq", "first_step"):
        if not 0 <= getattr(frame, field) < LARGEST:
            raise _bad("allowed is a whole number from 0 to 2\u2075\u00b3.", field)
    if not offsets_are_sound(frame.columns["step"]):
        raise _bad("expected rising whole numbers from 0: each row's step minus first_step.", "columns.step")
    for name, values in frame.columns.items():
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or "," in name:
            raise _bad(
                f"{name[:80]!r} is no name: 1 to {LONGEST_NAME} plain characters, no comma.", "columns"
            )
        if not width_of(values):
            raise _bad(f"got shape {values.shape}, expected (rows,) or (rows, bins).", f"columns.{name}")
    if len(frame.events) > MOST_EVENTS or not all(isinstance(event, dict) for event in frame.events):
        raise _bad(f"expected at most {MOST_EVENTS} objects.", "events")


def width_of(values: NDArray[Any]) -> int:
    """Numbers in a row; 0 for a shape that no column may have."""
    if values.ndim == 1:
        return 1
    return values.shape[1] if values.ndim == 2 and values.shape[1] > 1 else 0


def offsets_are_sound(values: NDArray[Any]) -> bool:
    """Whether a ``step`` column counts up in whole numbers from 0 or more."""
    whole = values.ndim == 1 and np.isfinite(values).all() and (values == np.floor(values)).all()
    return bool(whole and (values >= 0).all() and (np.diff(values) > 0).all())


def _bad(message: str, field: str) -> InvalidInput:
    return InvalidInput(message, code="bad_frame", field=field)
