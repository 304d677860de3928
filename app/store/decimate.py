"""Many points as a few: the lowest and the highest of each stretch survive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxDownsampler

WIDE_NUMBERS = 200_000  # at most, in a column with several numbers a row

Values = NDArray[np.float32]
Steps = NDArray[np.int64]

_min_max = MinMaxDownsampler()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Series:
    """A column over steps: values of shape (rows,) or (rows, width)."""

    steps: Steps
    values: Values


def thin(series: Series, points: int) -> Series:
    """At most ``points`` of its rows (0: all), among them the first, the last and every extreme.

    Rows of several numbers (histograms) are chosen at even distances instead.
    """
    rows = len(series.steps)
    if points and series.values.ndim > 1:
        points = max(min(points, WIDE_NUMBERS // series.values.shape[1]), 2)
    if not points or rows <= points:
        return series
    if series.values.ndim > 1:
        chosen = np.unique(np.linspace(0, rows - 1, points).round().astype(np.int64))
    else:
        inner = max((points - 2) // 2 * 2, 2)
        values = np.ascontiguousarray(series.values)
        chosen = np.unique(np.concatenate([[0, rows - 1], _min_max.downsample(values, n_out=inner)]))
        chosen = chosen.astype(np.int64)
    return Series(series.steps[chosen], series.values[chosen])
