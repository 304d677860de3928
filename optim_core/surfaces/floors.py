"""Searches along the lines of a grid: the floors of valleys, where these are lowest, and the box's sides.

Every column (or row) of the grid is searched for its own minima. Those of neighbouring lines together are
the floor of a valley, be it smooth or a kink between the grid's points; it is followed to its lowest place.
Of (u, v) below, u counts the lines and v runs along each: (x, y), or (y, x) where ``turned``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optim_core.formula.dialects import Functions
from optim_core.surfaces.placement import Box

Array = NDArray[np.float64]

GRID = 129  # points per axis of the scan
MOST_CANDIDATES = 160
MOST_KINKS = 80
SECTION = np.linspace(
    0, 1, 17
)  # where a line is searched, again and again between the lowest one's neighbours
FLOOR_ROUNDS = 11
# A floor must rise by so much of the surface's range within one line, or it is level.
LEVEL = 1e-7


@dataclass(frozen=True)
class Scan:
    """A surface over the grid of a box; infinite where it is not defined."""

    functions: Functions
    x: Array
    y: Array
    z: Array  # (y, x)
    lowest: float
    spread: float  # highest minus lowest

    @classmethod
    def of(cls, functions: Functions, box: Box) -> Scan:
        """The scan of ``functions`` (numpy dialect)."""
        x, y = np.linspace(box[0], box[1], GRID), np.linspace(box[2], box[3], GRID)
        z = _high(functions.value(x[None, :], y[:, None]))
        finite = z[np.isfinite(z)]
        return cls(
            functions, x, y, z, finite.min(initial=np.inf), float(np.ptp(finite)) if finite.size else 0.0
        )

    def loss(self, turned: bool, u: Any, v: Array) -> Array:
        """At (u, v), which broadcast."""
        u = np.broadcast_to(u, v.shape)
        return _high(self.functions.value(v, u) if turned else self.functions.value(u, v))

    def axes(self, turned: bool) -> tuple[Array, Array]:
        """The grid's u and v."""
        return (self.y, self.x) if turned else (self.x, self.y)


class Floors(NamedTuple):
    """Places where a valley's floor, followed from line to line, is lowest; each an array of them all."""

    x: Array
    y: Array
    u: Array
    v: Array
    v_before: Array  # where the floor is on the lines before and after
    v_after: Array
    rise: Array  # the lower of the heights there
    gap: Array  # along the line, to the next floor

    def where(self, mask: Any) -> Floors:
        """Some of them."""
        return Floors(*(part[mask] for part in self))


def floors(scan: Scan, turned: bool) -> Floors:
    """Where the floors along the columns (rows if ``turned``) are lowest."""
    axis_u, axis_v = scan.axes(turned)
    along, line = _dips(scan.z.T if turned else scan.z)
    if not 0 < along.size <= GRID * GRID / 2:
        return Floors(*[np.zeros(0)] * 8)
    # One dip of the grid may hold several: each that 17 points show is followed.
    tried = axis_v[along - 1] + (axis_v[along + 1] - axis_v[along - 1]) * SECTION[:, None]
    inner, which = _dips(scan.loss(turned, axis_u[line], tried))
    low, high, line = tried[inner - 1, which], tried[inner + 1, which], line[which]
    u = axis_u[line]
    v, height = _section(lambda v: scan.loss(turned, u, v), low, high, 4)
    depth = np.minimum(scan.loss(turned, u, low), scan.loss(turned, u, high)) - height
    sharp = ~(np.abs(scan.loss(turned, u, v + 1e-3 * (high - low)) - height) < 1e-4 * depth)
    if sharp.any():  # a kink, of which four rounds do not see the bottom
        v[sharp], height[sharp] = _section(lambda v: scan.loss(turned, u[sharp], v), low[sharp], high[sharp])
    far = 2 * (axis_v[-1] - axis_v[0])
    key = line * far + (v - axis_v[0])  # line by line
    key, order = np.unique(np.round(key / far, 9), return_index=True)
    u, v, height, line = u[order], v[order], height[order], line[order]

    def beside(step: int) -> tuple[Array, Array]:
        """v and height of the nearest floor on the line before or after; infinite height if there is none."""
        at = np.searchsorted(key, key + step)
        options = np.stack([np.clip(at - 1, 0, key.size - 1), np.clip(at, 0, key.size - 1)])
        distance = np.where(line[options] == line + step, np.abs(v[options] - v), np.inf)
        nearest = np.take_along_axis(options, distance.argmin(0)[None], 0)[0]
        there = np.isfinite(distance.min(0))
        return np.where(there, v[nearest], v), np.where(there, height[nearest], np.inf)

    (v_before, before), (v_after, after) = beside(-1), beside(1)
    gap = np.diff(key, prepend=-np.inf, append=np.inf) * far
    lowest = np.flatnonzero((height <= before) & (height <= after))
    lowest = lowest[np.argsort(height[lowest], kind="stable")[:MOST_CANDIDATES]]
    x, y = (v, u) if turned else (u, v)
    rise, gap = np.minimum(before, after), np.minimum(gap[:-1], gap[1:])
    return Floors(x, y, u, v, v_before, v_after, rise, gap).where(lowest)


def kinks(scan: Scan, turned: bool, floor: Floors) -> tuple[Array, Array, Any]:
    """The lowest points of floors, found without slopes, and which of them are minima inside the box."""
    none = np.zeros(0), np.zeros(0), np.zeros(0, bool)
    if not floor.u.size:
        return none
    floor = floor.where(slice(MOST_KINKS))
    (u0, u1, *_), (v0, v1, *_) = scan.axes(turned)
    size, rise = u1 - u0 + v1 - v0, floor.rise
    # The floor between three of its points is sought within ``reach`` of the straight lines between them.
    u = np.stack([floor.u - (u1 - u0), floor.u, floor.u + (u1 - u0)])
    v = np.stack([floor.v_before, floor.v, floor.v_after])
    reach = np.minimum(np.maximum(v1 - v0, np.abs(v[0] - 2 * v[1] + v[2])), 0.45 * floor.gap)
    for turn in range(FLOOR_ROUNDS):
        points = u[0] + (u[2] - u[0]) * SECTION[:, None]  # (17, floors)
        half = np.where(points < u[1], 0, 1)
        each = np.arange(u.shape[1])
        slope = np.nan_to_num((v[half + 1, each] - v[half, each]) / (u[half + 1, each] - u[half, each]))
        centre = v[1] + slope * (points - u[1])
        rounds = np.log(reach.max() / (1e-16 * size)) / np.log(8) + 1  # an eighth each
        seen, heights = _section(
            partial(scan.loss, turned, points), centre - reach, centre + reach, int(np.clip(rounds, 6, 18))
        )
        if turn == 0:  # two kinks in one cell: each that shows goes on by itself
            k, each = _dips(heights)
            rise, reach = rise[each], reach[each]
        else:
            k = np.clip(heights.argmin(0), 1, SECTION.size - 2)
        promising = rise - heights[k, each] > LEVEL * scan.spread * (0.01 if turn < 3 else 0.5)
        k, each, rise, reach = k[promising], each[promising], rise[promising], reach[promising]
        if not k.size:
            return none
        u, v = (np.stack([a[k - 1, each], a[k, each], a[k + 1, each]]) for a in (points, seen))
        height = heights[k, each]
        reach = np.maximum(reach / 4, 1e-15 * size)
    steep = rise - height > LEVEL * scan.spread
    x, y = (v[1], u[1]) if turned else (u[1], v[1])
    steep &= (scan.x[0] < x) & (x < scan.x[-1]) & (scan.y[0] < y) & (y < scan.y[-1])
    return x, y, steep


def side(scan: Scan, number: int) -> tuple[Array, Array, Any]:
    """Minima along one of the box's four sides: x, y, and whether it is lower, or not defined, beyond it."""
    turned = number >= 2  # left and right are lines along y, bottom and top lines along x
    axis_u, axis_v = scan.axes(turned)
    at, next_in = axis_u[[0, 1]] if number % 2 == 0 else axis_u[[-1, -2]]
    inward, cell = next_in - at, axis_v[1] - axis_v[0]
    heights = scan.loss(turned, at, axis_v)
    k = _dips(np.pad(heights, 1, constant_values=np.inf)[:, None])[0] - 1
    if not k.size:
        return np.zeros(0), np.zeros(0), np.zeros(0, bool)

    def lowest_on(cells: Array, v: Array, reach: float) -> tuple[Array, Array]:
        """v and height of the lowest points around ``v`` of the lines so many ``cells`` (n, 1) inward."""
        around = np.maximum(v - reach, axis_v[0]), np.minimum(v + reach, axis_v[-1])
        low, high = (np.broadcast_to(end, (cells.size, v.size)) for end in around)
        return _section(lambda v: scan.loss(turned, at + cells * inward, v), low, high)

    (v,), (height,) = lowest_on(np.zeros((1, 1)), axis_v[k], cell)
    next_to = np.pad(heights, 1, constant_values=np.inf)
    # A kink that leaves the box falls inwards, and at half a cell may be out of reach already.
    *inside, outside = lowest_on(np.array([[0.5], [0.05], [1e-3], [-1e-3]]), v, cell / 2)[1]
    level = 1e-12 * scan.spread
    strict = np.minimum(np.minimum(next_to[k], next_to[k + 2]), inside[0]) - height > level
    strict &= np.minimum(inside[1], inside[2]) >= height
    corner = (v == axis_v[0]) | (v == axis_v[-1])
    beyond = corner | ~(outside > height)
    v, u = v[strict], np.full(int(strict.sum()), at)
    return (v, u, beyond[strict]) if turned else (u, v, beyond[strict])


def _section(f: Callable[[Array], Array], low: Array, high: Array, rounds: int = 17) -> tuple[Array, Array]:
    """The lowest point of ``f`` between ``low`` and ``high``, and its height, for many lines at once.

    Each round leaves an eighth of the line.
    """
    shape = (SECTION.size,) + (1,) * low.ndim
    at, height = low, low
    for _ in range(rounds):
        tried = low + (high - low) * SECTION.reshape(shape)
        heights = f(tried)
        k = heights.argmin(0)[None]
        at, height = (np.take_along_axis(a, k, 0)[0] for a in (tried, heights))
        low = np.take_along_axis(tried, np.maximum(k - 1, 0), 0)[0]
        high = np.take_along_axis(tried, np.minimum(k + 1, SECTION.size - 1), 0)[0]
    return at, height


def _dips(z: Array) -> tuple[Any, Any]:
    """Indices (along, line) of what is no higher than both neighbours along axis 0, and lower than one."""
    inner = z[1:-1]
    dips = np.isfinite(inner) & (inner <= z[:-2]) & (inner <= z[2:]) & ((inner < z[:-2]) | (inner < z[2:]))
    along, line = np.nonzero(dips)
    return along + 1, line


def _high(z: Array) -> Array:
    return np.where(np.isfinite(z), z, np.inf)
