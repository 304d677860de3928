"""Whether a surface has a lowest value at all, or falls without end: far away, or into a pole.

Only where there is a lowest value can a run reach it; elsewhere every "goal" is a stretch of the way down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optim_core.formula.dialects import Functions
from optim_core.surfaces.floors import Scan
from optim_core.surfaces.placement import Box

Array = NDArray[np.float64]

DIRECTIONS = 720  # a valley that leaves for ever may be narrow
DECADES = 8  # of distance, from the box outwards; of nearness, towards the lowest point in it
PATTERN = np.linspace(-1, 1, 21)  # around the lowest point, holding itself
LASTING = 0.5  # what falls without end falls in the last decades by no less than this share of the first ones


def is_bounded(functions: Functions, box: Box) -> bool:
    """Whether ``functions`` (numpy dialect) stay above some value; judged by eight decades around ``box``."""
    with np.errstate(all="ignore"):
        scan = Scan.of(functions, box)
        if not np.isfinite(scan.lowest):
            return True
        return not any(
            _falls(np.array(lows), scan.lowest - scan.spread) for lows in (_far(scan, box), _near(scan, box))
        )


def _falls(lows: Array, below: float) -> bool:
    """Whether what was found lowest in each decade keeps falling: −log does, by as much in each."""
    if np.isneginf(lows).any():
        return True
    half = lows.size // 2
    first, last = lows[0] - lows[half - 1], lows[half] - lows[-1]
    return bool(lows[-1] < below and last > 0 and last >= LASTING * first)


def _far(scan: Scan, box: Box) -> list[float]:
    """The lowest values on circles, each ten times as wide as the one before."""
    angle = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)
    middle_x, middle_y = (box[0] + box[1]) / 2, (box[2] + box[3]) / 2
    size = box[1] - box[0] + box[3] - box[2]
    lows = []
    for decade in range(1, DECADES + 1):
        radius = size * 10.0**decade
        heights = scan.functions.value(middle_x + radius * np.cos(angle), middle_y + radius * np.sin(angle))
        lows.append(float(np.nanmin(np.where(np.isnan(heights), np.inf, heights))))
    return lows


def _near(scan: Scan, box: Box) -> list[float]:
    """The lowest values around the lowest point of the scan, each time ten times as near."""
    row, column = np.unravel_index(int(scan.z.argmin()), scan.z.shape)
    x, y = scan.x[column], scan.y[row]
    lows = []
    for decade in range(1, DECADES + 1):
        around_x = x + PATTERN[None, :] * (box[1] - box[0]) * 10.0**-decade
        around_y = y + PATTERN[:, None] * (box[3] - box[2]) * 10.0**-decade
        heights = np.broadcast_to(
            scan.functions.value(around_x, around_y), (PATTERN.size, PATTERN.size)
        )  # (y, x)
        heights = np.where(np.isnan(heights), np.inf, heights)
        row, column = np.unravel_index(int(heights.argmin()), heights.shape)
        x, y = around_x[0, column], around_y[row, 0]
        lows.append(float(heights.min()))
    return lows
