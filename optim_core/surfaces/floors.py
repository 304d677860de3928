"""Searches along the lines of a grid: the floors of valleys, where these are lowest, and the box's sides.

Every column (or row) of the grid is searched for its own minima. Those of neighbouring lines together are
the floor of a valley, be it smooth or a kink between the grid's points; it is followed to its lowest place.
Of (u, v) below, u counts the lines and v runs along each: (x, y), or (y, x) where ``turned``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
ROUNDS, QUICK_ROUNDS = 17, 3  # of a search along a line; each leaves an eighth of it
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


class _Dips(NamedTuple):
    """Where a side of the box is lower than beside it; each an array of them all."""

    turned: Any  # whether the side runs along x
    at: Array  # the other coordinate
    inward: Array  # to the next line of the grid
    v: Array  # along the side
    first: Array  # the ends of the side
    last: Array
    cell: Array
    beside: Array  # the lower of the heights next to it

    def loss(self, scan: Scan, cells: Array, v: Array) -> Array:
        """So many ``cells`` inward, at ``v`` along the side; both broadcast against the dips."""
        across = np.broadcast_to(self.at + cells * self.inward, v.shape)
        return _high(scan.functions.value(np.where(self.turned, v, across), np.where(self.turned, across, v)))

    def lowest(self, scan: Scan, cells: Array, reach: float, rounds: int = ROUNDS) -> tuple[Array, Array]:
        """v and height of the lowest points within ``reach`` cells of v, on lines so many cells inward."""
        around = self.v - reach * self.cell, self.v + reach * self.cell
        low, high = np.maximum(around[0], self.first), np.minimum(around[1], self.last)
        low, high = (np.broadcast_to(end, (cells.size, self.v.size)) for end in (low, high))
        return _section(lambda v: self.loss(scan, cells, v), low, high, rounds)

    def where(self, mask: Any) -> _Dips:
        """Some of them."""
        return _Dips(*(part[mask] for part in self))


def sides(scan: Scan) -> tuple[Array, Array, Any]:
    """Minima along the box's sides: x, y, and whether it is lower, or not defined, beyond the box."""
    dips = _Dips(*(np.concatenate(parts) for parts in zip(*_dips_of_sides(scan), strict=True)))
    dips = dips.where(_may_be_minima(scan, dips))
    if not dips.v.size:
        return np.zeros(0), np.zeros(0), np.zeros(0, bool)
    (v,), (height,) = dips.lowest(scan, np.zeros((1, 1)), 1.0)
    level = 1e-12 * scan.spread
    kept = dips.beside - height > level
    dips, height = dips._replace(v=v).where(kept), height[kept]
    # A kink that leaves the box falls inwards, and at half a cell may be out of reach already.
    *inside, outside = dips.lowest(scan, np.array([[0.5], [0.05], [1e-3], [-1e-3]]), 0.5)[1]
    kept = (inside[0] - height > level) & (np.minimum(inside[1], inside[2]) >= height)
    dips, outside, height = dips.where(kept), outside[kept], height[kept]
    beyond = (dips.v == dips.first) | (dips.v == dips.last) | ~(outside > height)
    across = dips.at
    return np.where(dips.turned, dips.v, across), np.where(dips.turned, across, dips.v), beyond


def _may_be_minima(scan: Scan, dips: _Dips) -> Any:
    """Leaves out what is lower straight inwards, as most are, by more than a quick look may be wrong."""
    (v,), (height,) = dips.lowest(scan, np.zeros((1, 1)), 1.0, QUICK_ROUNDS)
    near = 8.0**-QUICK_ROUNDS * dips.cell * np.array([[2.0], [-2.0]])
    doubt = dips.loss(scan, np.zeros((1, 1)), v + near).max(0) - height
    ahead = dips.loss(scan, np.array([[0.5], [0.05]]), np.broadcast_to(v, (2, v.size))).min(0)
    return ~(ahead < height - doubt)


def _dips_of_sides(scan: Scan) -> Iterator[_Dips]:
    for turned in (False, True):
        axis_u, axis_v = scan.axes(turned)
        lines = scan.z if turned else scan.z.T  # (u, v)
        for at, next_in in ((0, 1), (-1, -2)):
            heights = np.pad(lines[at], 1, constant_values=np.inf)
            k = _dips(heights[:, None])[0]
            yield _Dips(
                turned=np.full(k.size, turned),
                at=np.full(k.size, axis_u[at]),
                inward=np.full(k.size, axis_u[next_in] - axis_u[at]),
                v=axis_v[k - 1],
                first=np.full(k.size, axis_v[0]),
                last=np.full(k.size, axis_v[-1]),
                cell=np.full(k.size, axis_v[1] - axis_v[0]),
                beside=np.minimum(heights[k - 1], heights[k + 1]),
            )


def _section(
    f: Callable[[Array], Array], low: Array, high: Array, rounds: int = ROUNDS
) -> tuple[Array, Array]:
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
