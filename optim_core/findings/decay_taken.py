"""How much of each coordinate decay alone has taken from a run on a surface, and where its loss stands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from optim_core.finding import Check, ColumnAt, Finding, Runs
from optim_core.recording import Recording

SAME_CURVATURE = 0.02  # as a share of the larger: then neither coordinate is the steep one
SAME_SHARE = 0.005  # then decay has taken the same from both


def find(runs: Runs) -> Iterator[Finding]:
    steep = next((steep_axis(run) for run in runs.values() if len(run["x"]) > 1), "")
    for key, run in runs.items():
        last = len(run["x"]) - 1
        if not last:
            continue
        taken = {axis: run[f"decay_taken_{axis}"] for axis in "xy"}
        columns = {"step": "step", "loss": "loss"}
        if not any(values.any() for values in taken.values()):
            sentence = "nothing"
        elif _alike(taken["x"], taken["y"]):
            sentence, columns["both"] = "both", "decay_taken_x"
        else:
            sentence = f"steep_{steep}" if steep else "each"
            columns |= {axis: f"decay_taken_{axis}" for axis in "xy"}
        yield Finding(
            code=sentence,
            severity="information",
            run=key,
            step=last,
            numbers={
                place: float(last if column == "step" else run[column][-1])
                for place, column in columns.items()
            },
            runs={"run": key},
            columns={place: ColumnAt(key, column) for place, column in columns.items()},
            steps=(1, last),
        )


def _alike(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    return bool((np.abs(x - y) <= SAME_SHARE * np.maximum(np.abs(x), np.abs(y))).all())


def steep_axis(run: Recording) -> str:
    """The coordinate with the larger gradients; none where the surface bends as much along both."""
    bends = [_curvature(run[axis], run[f"grad_{axis}"]) for axis in "xy"]
    if abs(bends[0] - bends[1]) < SAME_CURVATURE * max(map(abs, bends)):
        return ""
    squares = [float(np.square(run[f"grad_{axis}"][1:]).sum()) for axis in "xy"]
    return "x" if squares[0] >= squares[1] else "y"


def _curvature(theta: NDArray[np.float64], grad: NDArray[np.float64]) -> float:
    """How much a coordinate's gradient changes along it, over all steps; on a bowl exactly its curvature."""
    with np.errstate(all="ignore"):
        moved = np.diff(theta)[:-1]  # the gradient of row t was taken at row t − 1
        return float(np.sum(moved * np.diff(grad)[1:]) / np.sum(moved * moved))


_SHRUNK = "After {step:steps}, by decay alone, {run} has shrunk "
_LOSS = "; its loss is {loss:number}."

FINDING = Check(
    find=find,
    texts={
        "nothing": "After {step:steps} {run} has not decayed" + _LOSS,
        "both": _SHRUNK + "both by {both:percent}" + _LOSS,
        "each": _SHRUNK + "x by {x:percent} and y by {y:percent}" + _LOSS,
        "steep_x": _SHRUNK
        + "the steep coordinate x by {x:percent} and the flat one y by {y:percent}"
        + _LOSS,
        "steep_y": _SHRUNK
        + "the steep coordinate y by {y:percent} and the flat one x by {x:percent}"
        + _LOSS,
    },
    about="trajectory",
    columns=("decay_taken_?",),
    order=10,
)
