"""Whether the losses end a run: one that is no number, or too large, at once or after a few of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optim_core.outcomes import Outcome
from optim_core.transport.frames import Frame

DIVERGED_AT = 1e10  # the loss at which a run is given up
# With scaled float16 a few infinite losses are how the scale finds its size.
PATIENCE = {"fp16": 25}

End = tuple[Outcome, str]


class DivergenceCheck:
    """Reads every loss once, in order."""

    def __init__(self, precision: str):
        self._patience = PATIENCE.get(precision, 0)
        self._bad = 0  # losses in a row, up to now, that are not finite

    def state_dict(self) -> dict[str, Any]:
        """How many bad ones came last."""
        return {"bad": self._bad}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._bad = state["bad"]

    def read(self, frame: Frame) -> tuple[End | None, int]:
        """How the run ends by these losses, if it does, and the last step that counts."""
        for step, value in zip(frame.steps.tolist(), frame.columns["loss"].tolist(), strict=True):
            self._bad = 0 if abs(value) < DIVERGED_AT else self._bad + 1
            if self._bad > self._patience:
                if math.isnan(value):
                    return (
                        Outcome.UNDEFINED,
                        f"Stopped at step {step}: the loss is not a number (NaN).",
                    ), step
                reason = f"Diverged at step {step}: the loss reached {value:.3g}."
                return (Outcome.DIVERGED, f"{reason} A smaller learning rate may help."), step
        return None, int(frame.steps[-1])
