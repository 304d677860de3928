"""What somebody who watches a run wants it to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Control:
    """What the run is to do; ``version`` goes up with every change.

    ``steps`` counts the single steps that were ever granted; they are taken while ``paused``.
    ``hyper`` holds settings of the optimizer that replace those it began with. ``by`` tells who cancels,
    where that is somebody other than whoever started the run. ``give_way`` asks the run to leave its device,
    with a checkpoint from which it goes on later; who cannot do so trains on.
    """

    version: int = 0
    cancel: bool = False
    paused: bool = False
    steps: int = 0
    hyper: Mapping[str, float] = field(default_factory=dict)
    by: str = ""
    give_way: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Control:
        """The control that a server answered; raises KeyError, TypeError or ValueError."""
        return cls(
            int(data["version"]),
            bool(data["cancel"]),
            bool(data["paused"]),
            int(data["steps"]),
            {str(name): float(value) for name, value in data["hyper"].items()},
            str(data.get("by", "")),
            bool(data.get("give_way", False)),
        )
