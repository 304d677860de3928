"""Frames: numbered pieces of a run's trace, and how they travel as JSON.

A frame holds float32 columns that share one axis of rows: ``columns["step"]`` gives each row's step
minus ``first_step`` (exact up to 2²⁴ rows), every other column has one row per step, of shape (rows,)
or, for histograms, (rows, bins). Columns that are measured more rarely (validation, histograms) come
in frames of their own, so a reader joins each column over the frames that have it.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optim_core.declare.errors import InvalidInput

Columns: TypeAlias = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Frame:
    """One piece: ``seq`` counts from 0 without gaps (a piece that has no number yet belongs to no run).

    ``events`` are what a person did meanwhile.

    An event is ``{"step", "kind", "text", ...}``, kind one of "setting", "pause", "resume", "outcome", and
    "restart", which the store adds where a producer went back, to a checkpoint as a rule.
    """

    run: str
    seq: int
    first_step: int
    columns: Columns
    events: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)

    @classmethod
    def at(cls, steps: Sequence[int], columns: Columns) -> Frame:
        """Columns measured at these steps, as yet without run and number."""
        offsets = (np.asarray(steps, dtype=np.int64) - steps[0]).astype(np.float32)
        return cls("", -1, steps[0], {"step": offsets, **columns})

    def until(self, last: int) -> Frame:
        """The rows up to the step ``last``."""
        kept = int((self.columns["step"] <= last - self.first_step).sum())
        return replace(self, columns={name: values[:kept] for name, values in self.columns.items()})

    @property
    def steps(self) -> NDArray[np.int64]:
        """The step of each row."""
        return self.first_step + self.columns["step"].astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """The frame as JSON data, its arrays packed."""
        return {
            "run": self.run,
            "seq": self.seq,
            "first_step": self.first_step,
            "columns": {name: pack(values, "f4") for name, values in self.columns.items()},
            "events": [dict(event) for event in self.events],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Frame:
        """The frame that `to_json` gave; raises InvalidInput for anything else."""
        try:
            columns = {name: unpack(packed) for name, packed in data["columns"].items()}
            frame = cls(
                str(data["run"]),
                int(data["seq"]),
                int(data["first_step"]),
                columns,
                tuple(data.get("events", ())),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(
                f"this is no frame ({type(error).__name__}: {error}).", code="bad_frame"
            ) from None
        rows = {values.shape[:1] for values in columns.values()}
        if "step" not in columns or len(rows) != 1:
            raise InvalidInput(
                "a frame needs a column 'step', and all its columns the same number of rows.",
                code="bad_frame",
            )
        return frame


_DTYPES: dict[str, np.dtype[Any]] = {"f4": np.dtype("<f4"), "f8": np.dtype("<f8"), "u1": np.dtype("u1")}


def pack(values: NDArray[Any], dtype: str) -> dict[str, Any]:
    """An array as ``{"dtype", "shape", "bdata"}``, bdata being base64 of its little-endian bytes."""
    array = np.ascontiguousarray(values, dtype=_DTYPES[dtype])
    return {
        "dtype": dtype,
        "shape": list(array.shape),
        "bdata": base64.b64encode(array.tobytes()).decode("ascii"),
    }


def unpack(packed: Mapping[str, Any]) -> NDArray[Any]:
    """The array that `pack` gave; raises ValueError or KeyError for anything else."""
    dtype, shape = _DTYPES[packed["dtype"]], tuple(int(n) for n in packed["shape"])
    content = base64.b64decode(packed["bdata"], validate=True)
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"shape {shape} does not fit {len(content)} bytes")
    return np.frombuffer(content, dtype).reshape(shape)
