"""What came of an experiment: named columns, each with the steps at which it was measured.

A trajectory on a surface, a training run, a file and a run that somebody else's program sent are all
recordings; what follows from one (`optim_core.derive`, findings, charts, tables) does not ask which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxDownsampler

from optim_core.transport.frames import Frame

Event: TypeAlias = Mapping[str, Any]
Steps: TypeAlias = NDArray[np.int64]
Values: TypeAlias = NDArray[Any]
WIDE_NUMBERS = 200_000  # at most, in a thinned column with several numbers a row

_min_max = MinMaxDownsampler()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Series:
    """A column and its axis: row i of ``values``, (rows,) or (rows, width), was measured at ``steps[i]``."""

    steps: Steps
    values: Values
    axis: str = "step"

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Recording:
    """A run as it was measured.

    about     what is known of the run: ``kind``, ``optimizer``, ``task`` or ``surface``, ``config`` (the
              experiment as JSON data), ``steps``, ``tensors``, ``facts``
    series    the columns by name
    events    what people did meanwhile, in order
    outcome   how it ended, "" while it goes on; ``reason`` says it in a sentence
    """

    about: Mapping[str, Any] = field(default_factory=dict)
    series: Mapping[str, Series] = field(default_factory=dict)
    events: Sequence[Event] = ()
    outcome: str = ""
    reason: str = ""

    @classmethod
    def of_frames(
        cls, about: Mapping[str, Any], frames: Iterable[Frame], outcome: str = "", reason: str = ""
    ) -> Recording:
        """Columns joined over the frames that have them; where frames go back, the later ones hold."""
        parts: dict[str, list[Series]] = {}
        events: list[Event] = []
        for frame in frames:
            events += frame.events
            for name, values in frame.columns.items():
                if name != "step":
                    parts.setdefault(name, []).append(Series(frame.steps, values))
        series = {name: joined(pieces) for name, pieces in parts.items()}
        return cls(about, series, events, outcome, reason)

    def __getitem__(self, name: str) -> Values:
        return self.series[name].values

    def __contains__(self, name: object) -> bool:
        return name in self.series

    @cached_property
    def columns(self) -> Mapping[str, Values]:
        """The values of every column, by name."""
        return {name: series.values for name, series in self.series.items()}

    def steps(self, name: str) -> Steps:
        """The steps at which the column was measured."""
        return self.series[name].steps


def joined(pieces: Sequence[Series]) -> Series:
    """One series of pieces that follow each other; a piece that goes back replaces what it passes again."""
    kept: list[Series] = []
    limit: int | None = None  # the first step of what comes later
    for piece in reversed(pieces):
        if not len(piece):
            continue
        if limit is not None and piece.steps[-1] >= limit:
            rows = int(np.searchsorted(piece.steps, limit))
            piece = Series(piece.steps[:rows], piece.values[:rows], piece.axis)
        if len(piece):
            limit = int(piece.steps[0])
            kept.append(piece)
    if not kept:
        return pieces[0]
    if len(kept) == 1:
        return kept[0]
    kept.reverse()
    steps = np.concatenate([piece.steps for piece in kept])
    return Series(steps, np.concatenate([piece.values for piece in kept]), kept[0].axis)


def thinned(series: Series, points: int) -> Series:
    """At most ``points`` of its rows (0: all), among them the first, the last and every finite extreme.

    Where values that are not finite lay between two rows, the first of them stays: a line has its gaps at any
    size. Rows of several numbers (histograms) are chosen at even distances instead.
    """
    rows = len(series)
    if points and series.values.ndim > 1:
        points = max(min(points, WIDE_NUMBERS // series.values.shape[1]), 2)
    if not points or rows <= points:
        return series
    if series.values.ndim > 1:
        chosen = np.unique(np.linspace(0, rows - 1, points).round().astype(np.int64))
    else:
        values = np.ascontiguousarray(series.values)
        broken = np.flatnonzero(~np.isfinite(values))
        if len(broken):
            values, points = (
                np.where(np.isfinite(values), values, np.nan),
                points // 2,
            )  # half is for the gaps
        inner = max((points - 2) // 2 * 2, 2)
        chosen = np.unique(np.concatenate([[0, rows - 1], _min_max.downsample(values, n_out=inner)]))
        chosen = chosen.astype(np.int64)
        _, firsts = np.unique(np.searchsorted(chosen, broken), return_index=True)
        chosen = np.union1d(chosen, broken[firsts])
    return Series(series.steps[chosen], series.values[chosen], series.axis)
