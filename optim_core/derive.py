"""Columns that follow from a trajectory and its landscape: what charts show beside the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from optim_core.decay import RELATIVE_FLOOR, relative_norm
from optim_core.problem import Problem
from optim_core.simulate.trajectory import Column, Trajectory
from optim_core.surfaces.landscape import Landscape, Points


def derive(trajectory: Trajectory) -> dict[str, Column]:
    """Columns of the trajectory's length, row by row of the same step.

    gradient_part_norm   length of the step's part that the data caused
    decay_part_norm      length of the part that decay caused
    distance             from the nearest global minimum; NaN where there is none in sight
    update_ratio         |θ_t − θ_{t−1}| / |θ_{t−1}|
    sharpness            λ_max of the loss's Hessian at θ_t
    stability_limit      2/η: gradient descent is unstable where the sharpness is above it
    decay_rate_x, _y     decay part over θ_{t−1}, per coordinate; NaN where θ_{t−1} is 0
    expected_decay_rate  what decoupled decay would take: ηλ (λ times the schedule's factor for rules
                         that follow it), 2ηλ for the penalty λ‖θ‖²; only where there is a λ
    penalised_loss       loss + (c/2)‖θ‖², c = λ or 2λ; only under coupled decay
    """
    problem, t = trajectory.problem, trajectory.columns
    x, y, lr = t["x"], t["y"], t["lr"]
    with np.errstate(all="ignore"):
        derived = {
            "gradient_part_norm": np.hypot(t["gradient_part_x"], t["gradient_part_y"]),
            "decay_part_norm": np.hypot(t["decay_part_x"], t["decay_part_y"]),
            "distance": _distance(problem.landscape, x, y),
            "update_ratio": np.hypot(_moved(x), _moved(y)) / _before(t["weight_norm"]),
            "sharpness": _sharpness(problem.landscape, x, y),
            "stability_limit": 2.0 / lr,
            "decay_rate_x": t["decay_part_x"] / _nonzero(_before(x)),
            "decay_rate_y": t["decay_part_y"] / _nonzero(_before(y)),
        }
        if "weight_decay" in t:
            derived["expected_decay_rate"] = _expected_rate(problem, t)
        if problem.rule.decay_kind(problem.hyper) == "coupled":
            strength = t["weight_decay"] * problem.rule.decay_strength({**problem.hyper, "weight_decay": 1.0})
            strength = np.append(strength[1:2], strength[1:]) if len(strength) > 1 else strength
            derived["penalised_loss"] = t["loss"] + 0.5 * strength * (x * x + y * y)
    return derived


def apart(trajectory: Trajectory, other: Trajectory) -> Column:
    """Distance between two runs, row by row; NaN where the other has no such row."""
    rows = min(len(trajectory), len(other))
    distance = np.full(len(trajectory), np.nan)
    distance[:rows] = np.hypot(
        trajectory["x"][:rows] - other["x"][:rows], trajectory["y"][:rows] - other["y"][:rows]
    )
    return distance


@lru_cache(maxsize=128)
def minima_in_sight(landscape: Landscape) -> Points:
    """The minima that the surface declares, or those found in the box of one's own formula."""
    return landscape.minima if landscape.surface_id else landscape.find_minima()


@lru_cache(maxsize=128)
def global_minima(landscape: Landscape) -> Points:
    """The lowest of the minima in sight."""
    minima = minima_in_sight(landscape)
    if not minima:
        return ()
    with np.errstate(all="ignore"):
        losses = landscape.functions("numpy").value(*np.array(minima).T)
    lowest = np.fmin.reduce(losses)
    low = losses <= lowest + 1e-9 * (1.0 + abs(lowest))
    return tuple(point for point, kept in zip(minima, low, strict=True) if kept)


def _distance(landscape: Landscape, x: Column, y: Column) -> Column:
    nearest = np.full_like(x, np.nan)
    for at_x, at_y in global_minima(landscape):
        nearest = np.fmin(nearest, np.hypot(x - at_x, y - at_y))
    return nearest


def _sharpness(landscape: Landscape, x: Column, y: Column) -> Column:
    xx, xy, yy = landscape.functions("numpy").hessian(x, y)
    largest: Column = 0.5 * (xx + yy) + np.hypot(0.5 * (xx - yy), xy)
    return largest


def _expected_rate(problem: Problem, t: Mapping[str, Column]) -> Column:
    # A rule that asks for the schedule's factor decays by it in the place of η.
    per_step = t["schedule_factor"] if "schedule_factor" in t else t["lr"]
    rate = per_step * t["weight_decay"] * problem.rule.decay_strength({**problem.hyper, "weight_decay": 1.0})
    if problem.hyper.get("relative_decay"):
        norm = relative_norm(_before(t["weight_norm"]), 2, problem.hyper["relative_decay"])
        rate = rate * np.maximum(norm, RELATIVE_FLOOR)
    return rate


def _before(column: Column) -> Column:
    """The column one row later: what it was before each step; NaN at the start."""
    return np.concatenate(([np.nan], column[:-1]))


def _moved(column: Column) -> Column:
    return np.diff(column, prepend=np.nan)


def _nonzero(column: Column) -> Column:
    return np.where(column == 0.0, np.nan, column)
