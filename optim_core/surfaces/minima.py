"""Local minima of a surface in a box: a grid scan, then Newton's method, and at kinks the valleys' floors.

Newton's method needs slopes. At a kink there are none, and a valley whose floor is a kink (|y − 0.7x|) lies
between the grid's points. Hence also every column and every row of the grid is searched for its own minima:
together they are the valleys' floors, and a minimum is where a floor is lowest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optim_core.formula.dialects import Functions
from optim_core.surfaces.floors import GRID, MOST_CANDIDATES, Scan, floors, kinks, sides
from optim_core.surfaces.placement import Box, Point

Array = NDArray[np.float64]

NEWTON_STEPS = 50
LENGTHS = np.array([[3.0], [1.5], [1.0], [0.5], [0.2], [0.05], [0.01], [0.001]])  # 3: at once into x⁴
ZOOM_STEPS, ZOOM = 40, 0.65  # in the end 3e-8 of a cell


class Minimum(NamedTuple):
    """A local minimum in a box; ``edge``: only because the box ends there."""

    x: float
    y: float
    loss: float
    edge: bool = False
    is_global: bool = False  # as low as any that is known


def points_of(minima: tuple[Minimum, ...]) -> tuple[Point, ...]:
    """Where those are that do not depend on the box."""
    return tuple((minimum.x, minimum.y) for minimum in minima if not minimum.edge)


def local_minima(functions: Functions, box: Box) -> tuple[Minimum, ...]:
    """Isolated local minima of ``functions`` (numpy dialect) in ``box``, lowest first.

    Finds what the scan resolves: two minima closer than a 128th of the box may count as one. Minima
    that are not isolated, such as those along a line, are not reported.
    """
    size = box[1] - box[0] + box[3] - box[2]
    with np.errstate(all="ignore"):
        scan = Scan.of(functions, box)
        if not np.isfinite(scan.lowest):
            return ()
        ways = [floors(scan, turned) for turned in (False, True)]
        starts = [_dents(scan), *((floor.x, floor.y) for floor in ways)]
        x, y = (np.concatenate(parts) for parts in zip(*starts, strict=True))
        ends = _smooth_minima(functions, box, x, y, scan.spread)
        places = np.cumsum([start[0].size for start in starts])[:-1]
        dents, *of_floors = zip(*(np.split(part, places) for part in ends), strict=True)
        found = [dents[:3]]
        for turned, floor, (x, y, smooth, still) in zip((False, True), ways, of_floors, strict=True):
            here = np.hypot(x - floor.x, y - floor.y) < 2 * size / GRID  # others lost their way
            found += [(x, y, smooth & here), kinks(scan, turned, floor.where(~(still & here)))]
        inner = [(x[kept], y[kept], np.zeros(kept.sum(), bool)) for x, y, kept in found]
        x, y, edge = (np.concatenate(parts) for parts in zip(*inner, sides(scan), strict=True))
        loss = functions.value(x, y)
        real = loss >= scan.lowest - 10 * scan.spread  # lower only towards a pole
        real &= edge | _is_continuous(functions, box, x, y)
    kept: list[Minimum] = []
    for k in np.lexsort((y, x, edge, np.round(loss / (scan.spread or 1.0), 12))):
        point = Minimum(float(x[k]), float(y[k]), float(loss[k]), bool(edge[k]))
        if real[k] and all(abs(point.x - p.x) + abs(point.y - p.y) > 1e-3 * size for p in kept):
            kept.append(point)
    return tuple(kept)


def _dents(scan: Scan) -> tuple[Array, Array]:
    """Grid points no higher than their eight neighbours (lower than one)."""
    z = scan.z
    framed = np.pad(z, 1, constant_values=np.inf)
    shifts = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    around = np.stack([framed[i : i + GRID, j : j + GRID] for i, j in shifts])  # (8, y, x)
    rows, columns = np.nonzero(np.isfinite(z) & (z <= around.min(0)) & (z < around.max(0)))
    order = np.argsort(z[rows, columns], kind="stable")[:MOST_CANDIDATES]
    return scan.x[columns[order]], scan.y[rows[order]]


def _smooth_minima(
    functions: Functions, box: Box, x: Array, y: Array, spread: float
) -> tuple[Array, Array, Any, Any]:
    """Where Newton's method leads from (x, y), which of these are isolated minima, and which stationary."""
    size = box[1] - box[0] + box[3] - box[2]
    x, y = _newton(functions, box, x, y)
    low, high = _eigenvalues(*functions.hessian(x, y))
    _, g_x, g_y = functions.value_and_gradient(x, y)
    still = (np.hypot(*_newton_step(functions, x, y)) < 1e-6 * size) | ((g_x == 0) & (g_y == 0))
    still &= (box[0] <= x) & (x <= box[1]) & (box[2] <= y) & (y <= box[3])
    sure = still & (low > 1e-9 * high) & (low * size**2 > 1e-9 * spread)
    doubtful = still & ~sure
    sure[doubtful] = _attracts(functions, box, x[doubtful], y[doubtful])
    return x, y, sure, still & _is_smooth(functions, x, y, high, 1e-6 * size)


def _is_smooth(functions: Functions, x: Array, y: Array, bend: Array, near: float) -> Any:
    """Whether slopes close to a stationary point are what its curvature makes them; at a kink they jump."""
    around = [functions.value_and_gradient(x + near * a, y + near * b)[1:] for a, b in ((1, 0.7), (-0.7, -1))]
    return np.logical_and.reduce([np.hypot(g_x, g_y) < 10 * near * bend for g_x, g_y in around])


def _polish(functions: Functions, box: Box, x: Array, y: Array) -> tuple[Array, Array]:
    """Newton's method; where that ends at no stationary point, a search without slopes."""
    x, y = _newton(functions, box, x, y)
    step_x, step_y = _newton_step(functions, x, y)
    size = box[1] - box[0] + box[3] - box[2]
    lost = ~(np.hypot(step_x, step_y) < 1e-6 * size)
    if lost.any():
        x[lost], y[lost] = _zoom(functions, box, x[lost], y[lost])
    return x, y


def _newton(functions: Functions, box: Box, x: Array, y: Array) -> tuple[Array, Array]:
    """Newton's method: of several lengths of each step the one that leads lowest."""
    size = box[1] - box[0] + box[3] - box[2]
    x, y, z = x.copy(), y.copy(), functions.value(x, y).copy()
    moving = np.arange(x.size)
    for _ in range(NEWTON_STEPS):
        step_x, step_y = _newton_step(functions, x[moving], y[moving])
        length = LENGTHS * np.minimum(1.0, size / 8 / np.hypot(step_x, step_y))  # (lengths, points)
        tried_x, tried_y = x[moving] + length * step_x, y[moving] + length * step_y
        tried = functions.value(tried_x, tried_y)
        lowest = np.where(np.isnan(tried), np.inf, tried).argmin(0), np.arange(moving.size)
        moved = (tried[lowest] < z[moving]) & (np.hypot(step_x, step_y) > 1e-12 * size)
        moving = moving[moved]
        if not moving.size:
            break
        x[moving], y[moving], z[moving] = tried_x[lowest][moved], tried_y[lowest][moved], tried[lowest][moved]
    return x, y


def _zoom(functions: Functions, box: Box, x: Array, y: Array) -> tuple[Array, Array]:
    """The lowest point of a 5×5 pattern, again and again, while the pattern shrinks."""
    offsets = np.linspace(-1, 1, 5)
    pattern_x = np.repeat(offsets, 5)[:, None] * (box[1] - box[0]) / GRID  # (25, 1)
    pattern_y = np.tile(offsets, 5)[:, None] * (box[3] - box[2]) / GRID
    each = np.arange(x.size)
    for k in range(ZOOM_STEPS):
        around_x, around_y = x + pattern_x * ZOOM**k, y + pattern_y * ZOOM**k  # (25, points)
        z = functions.value(around_x, around_y)
        lowest = np.where(np.isnan(z), np.inf, z).argmin(0)
        x, y = around_x[lowest, each], around_y[lowest, each]
    return x, y


def _attracts(functions: Functions, box: Box, x: Array, y: Array) -> Array:
    """Whether a search that starts a little beside each point comes back to it: on a line it does not."""
    radius = 5e-3 * (box[1] - box[0] + box[3] - box[2])
    around_x = x + radius * np.array([[1.0], [-1.0], [0.0], [0.0]])  # (4, points)
    around_y = y + radius * np.array([[0.0], [0.0], [1.0], [-1.0]])
    back_x, back_y = _polish(functions, box, around_x.ravel(), around_y.ravel())
    distance = np.hypot(back_x.reshape(4, -1) - x, back_y.reshape(4, -1) - y)
    return np.asarray((distance < radius / 2).all(0))


def _newton_step(functions: Functions, x: Array, y: Array) -> tuple[Array, Array]:
    """−(H + μI)⁻¹g, with μ large enough for a descent."""
    _, g_x, g_y = functions.value_and_gradient(x, y)
    a, b, c = functions.hessian(x, y)
    low, high = _eigenvalues(a, b, c)
    mu = np.maximum(0.0, -2 * low) + 1e-14 * np.maximum(np.abs(low), np.abs(high)) + 1e-300
    a, c = a + mu, c + mu
    determinant = a * c - b * b
    return (b * g_y - c * g_x) / determinant, (b * g_x - a * g_y) / determinant


def _eigenvalues(a: Array, b: Array, c: Array) -> tuple[Array, Array]:
    middle, radius = (a + c) / 2, np.hypot((a - c) / 2, b)
    return middle - radius, middle + radius


def _is_continuous(functions: Functions, box: Box, x: Array, y: Array) -> Any:
    """Whether the surface close by is hardly higher than at the point: near a pole it is."""
    angle = np.arange(8)[:, None] * np.pi / 4
    cell_x, cell_y = (box[1] - box[0]) / GRID, (box[3] - box[2]) / GRID

    def rise(radius: float) -> Any:
        ring = functions.value(x + radius * cell_x * np.cos(angle), y + radius * cell_y * np.sin(angle))
        inside = np.where(np.isfinite(ring), ring, -np.inf)  # outside of its domain a formula says nothing
        return inside.max(0) - functions.value(x, y)

    return rise(1e-8) <= 0.3 * rise(0.1)
