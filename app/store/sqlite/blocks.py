"""Frames as bytes: how columns lie in a frame, in a chunk and in a summary.

A frame's content is float32, little-endian: its ``step`` column, then each column of its layout in
turn. Seen as a matrix with one column of the matrix per row of the frame, a column of width w takes w
lines of it, so a column of width 1 is one line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from sqlite3 import Row
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optim_core.recording import Steps, Values

F4 = np.dtype("<f4")
I8 = np.dtype("<i8")
BUCKET = 64  # rows of which a summary keeps the lowest and the highest, and one that is not finite
SUMMARY_FROM = 1024  # rows; shorter chunks are quickly read as they are


@dataclass(frozen=True)
class Layout:
    """The columns that a frame holds besides ``step``."""

    id: int
    columns: tuple[int, ...]
    names: tuple[str, ...]
    widths: tuple[int, ...]

    @cached_property
    def lines(self) -> tuple[int, ...]:
        """The first line of each column in the matrix; line 0 is ``step``."""
        found, line = [], 1
        for width in self.widths:
            found.append(line)
            line += width
        return tuple(found)

    @cached_property
    def place(self) -> Mapping[int, int]:
        """The index of each column, by its id."""
        return {column: index for index, column in enumerate(self.columns)}

    def matrix(self, content: bytes, rows: int) -> Values:
        """The lines of a frame's content."""
        return (
            np.frombuffer(content, F4).reshape(-1, rows) if rows else np.empty((1 + sum(self.widths), 0), F4)
        )

    def cut(self, matrix: Values, index: int) -> Values:
        """One column, of shape (rows,) or (rows, width)."""
        line, width = self.lines[index], self.widths[index]
        values = matrix[line : line + width]
        return values[0] if width == 1 else values.reshape(matrix.shape[1], width)

    def join(self, matrices: Sequence[Values]) -> list[Values]:
        """Every column over several frames."""
        if not self.columns:
            return []
        if max(self.widths) == 1:
            return list(np.concatenate(matrices, axis=1)[1:])
        return [
            np.concatenate([self.cut(matrix, index) for matrix in matrices])
            for index in range(len(self.columns))
        ]


def content_of(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """A frame's columns as its content; ``step`` first, the others in their order."""
    arrays = [columns["step"], *(values for name, values in columns.items() if name != "step")]
    with np.errstate(over="ignore"):
        return b"".join(np.ascontiguousarray(values, F4).tobytes() for values in arrays)


def steps_of(matrix: Values, first_step: int) -> Steps:
    """The step of each row."""
    offsets: Steps = matrix[0].astype(np.int64)
    return first_step + offsets


def segment_steps(segment: Row) -> Steps:
    """The step of each row of a segment."""
    if segment["stride"]:
        first, stride = int(segment["first_step"]), int(segment["stride"])
        return first + stride * np.arange(segment["rows"], dtype=np.int64)
    return np.frombuffer(segment["steps"], I8)


def stride_of(steps: Steps) -> int:
    """The distance between neighbours if it is the same for all, else 0."""
    if len(steps) < 2:
        return 1
    between = np.diff(steps)
    return int(between[0]) if between[0] > 0 and (between == between[0]).all() else 0


def summarise(values: Values) -> bytes:
    """Of every `BUCKET` rows the places and the values of the lowest and the highest, places in order.

    Of a column with values that are not finite, also the first of these.
    """
    rows = len(values)
    buckets = -(-rows // BUCKET)
    padded = np.full(buckets * BUCKET, np.nan, F4)
    padded[:rows] = values
    grid = padded.reshape(buckets, BUCKET)
    finite = np.isfinite(grid)
    chosen = [np.where(finite, grid, np.inf).argmin(axis=1), np.where(finite, grid, -np.inf).argmax(axis=1)]
    broken = ~finite
    broken.reshape(-1)[rows:] = False
    if broken.any():
        chosen.append(np.where(broken.any(axis=1), broken.argmax(axis=1), chosen[0]))
    places = np.stack(chosen, axis=1)
    places.sort(axis=1)
    found = np.take_along_axis(grid, places, axis=1)
    return places.astype(np.uint8).tobytes() + found.astype(F4).tobytes()


def read_summary(content: bytes, rows: int) -> tuple[NDArray[np.int64], Values]:
    """The places (rows of the chunk, which has ``rows``) and values that `summarise` kept."""
    buckets = -(-rows // BUCKET)
    count = len(content) // 5
    places = np.frombuffer(content, np.uint8, count).reshape(buckets, -1).astype(np.int64)
    places += BUCKET * np.arange(buckets)[:, None]
    values = np.frombuffer(content, F4, count, offset=count)
    flat = places.ravel()
    keep = np.append(True, np.diff(flat) > 0)
    return flat[keep], values[keep]
