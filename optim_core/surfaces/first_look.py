"""A first look at somebody's own formula: where to look, where to start, and how far to step.

A built-in surface declares all that; of a formula it is found out, so that typing one shows something.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optim_core.formula.dialects import Functions
from optim_core.surfaces.minima import Minimum, local_minima
from optim_core.surfaces.placement import Box, Point

Array = NDArray[np.float64]

NEAR_BOX: Box = (-5.0, 5.0, -5.0, 5.0)
FAR_BOX: Box = (-50.0, 50.0, -50.0, 50.0)  # where minima are looked for if none lies near
MOST_MINIMA = 12  # more are a pattern: the near box shows it
LEAST_HALF = 3.0  # of a view around one minimum
GRID = 65  # points per axis at which curvature is looked at
# Shares of the view's half sizes, from its middle, at which a start is tried.
PLACES = ((-0.7, 0.5), (0.7, 0.5), (0.7, -0.5), (-0.7, -0.5), (0.4, 0.7), (-0.3, 0.2), (0.15, 0.1))
TRAVEL_STEPS = 60  # in which an adaptive rule, that moves about η a step, reaches the minimum
FEWEST, USUAL, MOST = 200, 400, 1000  # steps


class FirstLook(NamedTuple):
    """What suits a formula."""

    box: Box
    start: Point
    lr_gradient: float  # 1/λmax: plain descent with it falls in every step
    lr_adaptive: float
    steps: int
    curvature: (
        float  # λmax: the largest eigenvalue, by size, of the Hessian where descent from the start may come
    )


def view_of(minima: tuple[Minimum, ...]) -> Box:
    """A box that shows the minima, and the origin, to which decay pulls, where that is not far."""
    inner = [(m.x, m.y) for m in minima if not m.edge]
    if not 0 < len(inner) <= MOST_MINIMA:
        return NEAR_BOX
    points = np.array(inner)
    half = float(max(np.ptp(points, axis=0).max(), LEAST_HALF if len(inner) == 1 else 0.5))
    if np.abs(points).max() < 3 * half:
        points = np.vstack([points, [0.0, 0.0]])
    low, high = points.min(0), points.max(0)
    half = max(half, float((high - low).max()) * 0.75)
    unit = 10.0 ** math.floor(math.log10(half)) / 2  # numbers that a person would type
    ends = [(low + high) / 2 - half, (low + high) / 2 + half]
    (x0, y0), (x1, y1) = np.floor(ends[0] / unit) * unit, np.ceil(ends[1] / unit) * unit
    return float(x0), float(x1), float(y0), float(y1)


def search(functions: Functions) -> tuple[Minimum, ...]:
    """The minima of ``functions`` (numpy dialect) near the origin; if there are none, those farther out."""
    near = local_minima(functions, NEAR_BOX)
    if any(not minimum.edge for minimum in near):
        return near
    far = local_minima(functions, FAR_BOX)
    return far if any(not minimum.edge for minimum in far) else near


def first_look(functions: Functions, minima: tuple[Minimum, ...]) -> FirstLook:
    """What suits ``functions`` (numpy dialect), whose ``minima`` are these."""
    box = view_of(minima)
    with np.errstate(all="ignore"):
        start = _start(functions, box)
        curvature = _curvature(functions, box, start)
        distance = _distance(start, box, minima)
        gradient = float(np.hypot(*_at(functions, start)[1:]))
        rate = 1 / curvature if curvature > 0 else distance / TRAVEL_STEPS / gradient if gradient > 0 else 0.1
        steps = _steps(functions, curvature, start, minima)
    return FirstLook(
        box, start, _rounded_down(rate, 2), _rounded_down(distance / TRAVEL_STEPS, 1), steps, curvature
    )


def _start(functions: Functions, box: Box) -> Point:
    """A place in sight with a slope; the first where none has one."""
    half_x, half_y = (box[1] - box[0]) / 2, (box[3] - box[2]) / 2
    middle_x, middle_y = box[0] + half_x, box[2] + half_y
    tried = [(round(middle_x + a * half_x, 3), round(middle_y + b * half_y, 3)) for a, b in PLACES]
    for start in tried:
        value, *gradient = _at(functions, start)
        if np.isfinite([value, *gradient]).all() and any(gradient):
            return start
    return tried[0]


def _curvature(functions: Functions, box: Box, start: Point) -> float:
    """The largest eigenvalue, by size, wherever in the box the surface is no higher than at the start.

    Of the grid's points those beside such a one count too: between them it may rise.
    """
    x, y = np.meshgrid(np.linspace(box[0], box[1], GRID), np.linspace(box[2], box[3], GRID))
    height = np.broadcast_to(functions.value(x, y), x.shape)  # (y, x)
    below = np.pad(height <= _at(functions, start)[0], 1)
    near = np.logical_or.reduce([np.roll(below, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    near = near[1:-1, 1:-1]
    at_x, at_y = np.append(x[near], start[0]), np.append(y[near], start[1])  # (points,)
    a, b, c = (np.broadcast_to(part, at_x.shape) for part in functions.hessian(at_x, at_y))
    sizes = np.abs((a + c) / 2) + np.hypot((a - c) / 2, b)
    return float(sizes[np.isfinite(sizes)].max(initial=0.0))


def _distance(start: Point, box: Box, minima: tuple[Minimum, ...]) -> float:
    """From the start to the nearest of the lowest minima; half the view where there are none."""
    goals = [m for m in minima if m.is_global and not m.edge] or [m for m in minima if not m.edge]
    ways = [math.dist(start, (goal.x, goal.y)) for goal in goals]
    return min([way for way in ways if way > 0], default=(box[1] - box[0]) / 2)


def _steps(functions: Functions, curvature: float, start: Point, minima: tuple[Minimum, ...]) -> int:
    """So many that plain descent comes close to the nearest minimum: about four times its condition."""
    inner = [m for m in minima if not m.edge]
    if not inner:
        return USUAL
    goal = min(inner, key=lambda m: math.dist(start, (m.x, m.y)))
    a, b, c = (float(part) for part in functions.hessian(np.array(goal.x), np.array(goal.y)))
    flat = (a + c) / 2 - math.hypot((a - c) / 2, b)
    if not flat > 1e-6 * curvature:
        return USUAL
    return min(max(math.ceil(4 * curvature / flat / 50) * 50, FEWEST), MOST)


def _at(functions: Functions, point: Point) -> tuple[float, float, float]:
    value, along_x, along_y = functions.value_and_gradient(np.array(point[0]), np.array(point[1]))
    return float(value), float(along_x), float(along_y)


def _rounded_down(value: float, digits: int) -> float:
    """To so many significant digits, so that what is stable stays so."""
    unit = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return float(f"{math.floor(value / unit * (1 + 1e-12)) * unit:.{digits}g}")
