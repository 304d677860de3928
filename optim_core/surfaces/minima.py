"""Local minima of a surface in a box: a grid scan, then Newton's method on all candidates at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optim_core.formula.dialects import Functions
from optim_core.surfaces.placement import Box, Point

Array = NDArray[np.float64]

GRID = 129  # points per axis of the scan
MOST_CANDIDATES = 160
NEWTON_STEPS = 50
LENGTHS = np.array([[3.0], [1.5], [1.0], [0.5], [0.2], [0.05], [0.01], [0.001]])  # 3: at once into x⁴
ZOOM_STEPS, ZOOM = 40, 0.65  # in the end 3e-8 of a cell


def local_minima(functions: Functions, box: Box) -> tuple[Point, ...]:
    """Isolated local minima of ``functions`` (numpy dialect) inside ``box``, lowest first.

    Finds what the scan resolves: two minima closer than a 128th of the box may count as one. Minima
    that are not isolated, such as those along a line, are not reported.
    """
    with np.errstate(all="ignore"):
        x, y, spread = _scan(functions, box)
        x, y = _polish(functions, box, x, y)
        inside = (box[0] <= x) & (x <= box[1]) & (box[2] <= y) & (y <= box[3])
        x, y = x[inside], y[inside]
        z = functions.value(x, y)
        a, b, c = functions.hessian(x, y)
        low, high = _eigenvalues(a, b, c)
        size = box[1] - box[0] + box[3] - box[2]
        sure = (low > 1e-9 * high) & (low * size**2 > 1e-9 * spread)
        sure &= np.hypot(*_newton_step(functions, x, y)) < 1e-6 * size
        sure[~sure] = _attracts(functions, box, x[~sure], y[~sure])
        x, y, z = x[sure], y[sure], z[sure]
    kept: list[Point] = []
    for k in np.lexsort((y, x, np.round(z / (spread or 1.0), 12))):
        point = float(x[k]), float(y[k])
        if all(abs(point[0] - p) + abs(point[1] - q) > 1e-3 * size for p, q in kept):
            kept.append(point)
    return tuple(kept)


def _scan(functions: Functions, box: Box) -> tuple[Array, Array, float]:
    """Grid points no higher than their eight neighbours (lower than one), and the range of values."""
    x, y = np.linspace(box[0], box[1], GRID), np.linspace(box[2], box[3], GRID)
    z = np.where(np.isfinite(found := functions.value(x[None, :], y[:, None])), found, np.inf)  # (y, x)
    framed = np.pad(z, 1, constant_values=np.inf)
    shifts = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    around = np.stack([framed[i : i + GRID, j : j + GRID] for i, j in shifts])  # (8, y, x)
    lowest = np.isfinite(z) & (z <= around.min(0)) & (z < around.max(0))
    rows, columns = np.nonzero(lowest)
    order = np.argsort(z[rows, columns], kind="stable")[:MOST_CANDIDATES]
    finite = z[np.isfinite(z)]
    spread = float(np.ptp(finite)) if finite.size else 0.0
    return x[columns[order]], y[rows[order]], spread


def _polish(functions: Functions, box: Box, x: Array, y: Array) -> tuple[Array, Array]:
    """Newton's method; where that ends at no stationary point, as at a kink, a search without slopes."""
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
