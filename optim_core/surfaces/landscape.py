"""Landscapes: a surface whose parameters are set, or somebody's own formula, ready to be walked on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optim_core.formula.dialects import Dialect, Functions
from optim_core.formula.parse import Formula, parse
from optim_core.surfaces.bounds import is_bounded
from optim_core.surfaces.first_look import NEAR_BOX, FirstLook, first_look, search
from optim_core.surfaces.minima import Minimum, local_minima, points_of
from optim_core.surfaces.placement import Box, Placement, Point

Array = NDArray[np.float64]
Points = tuple[Point, ...]

DEFAULT_BOX = NEAR_BOX
DEFAULT_STARTS: Points = ((-3.0, 2.0), (3.0, 2.0), (3.0, -2.0), (-3.0, -2.0), (0.5, 0.5))


@dataclass(frozen=True, eq=False)
class Landscape:
    """A loss over (x, y): value, gradient and Hessian, and what is worth knowing about it.

    ``value(x, y)``, ``value_and_gradient(x, y) -> (f, fx, fy)`` and ``hessian(x, y) -> (fxx, fxy, fyy)``
    take floats and are fast; where the formula is undefined they may raise ValueError, OverflowError or
    ZeroDivisionError. ``functions("numpy" | "torch")`` are the same three on arrays and tensors.
    """

    formula: Formula
    surface_id: str | None = None  # None: somebody's own formula
    params: Mapping[str, float] = field(default_factory=dict)
    box: Box = DEFAULT_BOX
    starts: Points = DEFAULT_STARTS
    minima: Points = ()  # known ones; `find_minima` searches
    placement: Placement = field(default_factory=Placement)
    symbols: Mapping[str, str] = field(default_factory=dict)  # LaTeX of the formula's parameters

    @cached_property
    def value(self) -> Callable[[float, float], float]:
        return self._floats.value

    @cached_property
    def value_and_gradient(self) -> Callable[[float, float], tuple[float, float, float]]:
        return self._floats.value_and_gradient

    @cached_property
    def hessian(self) -> Callable[[float, float], tuple[float, float, float]]:
        return self._floats.hessian

    def functions(self, dialect: Dialect, weight_decay: float = 0.0) -> Functions:
        """The three functions of (x, y); with ``weight_decay`` of f + (weight_decay/2)·(x² + y²)."""
        values = [self.params[name] for name in self.formula.parameters]
        own = self.placement.functions(self.formula.functions(dialect, values))
        return _penalised(own, weight_decay) if weight_decay else own

    @property
    def latex(self) -> str:
        """The formula; of a moved or turned surface in u and v, with what these are."""
        if self.placement == Placement():
            return self.formula.latex_with(self.symbols)
        return (
            self.formula.latex_with({**self.symbols, "x": "u", "y": "v"})
            + rf", \quad {self.placement.latex()}"
        )

    def grid(
        self, box: Box | None = None, n_x: int = 101, n_y: int = 101, weight_decay: float = 0.0
    ) -> tuple[Array, Array, Array]:
        """x (n_x,), y (n_y,) and heights z (n_y, n_x), NaN where undefined; penalised if asked."""
        low_x, high_x, low_y, high_y = box or self.box
        x, y = np.linspace(low_x, high_x, n_x), np.linspace(low_y, high_y, n_y)
        with np.errstate(all="ignore"):
            z = self.functions("numpy", weight_decay).value(x[None, :], y[:, None])
        return x, y, np.where(np.isfinite(z), z, np.nan)

    def find_minima(self, box: Box | None = None, weight_decay: float = 0.0) -> Points:
        """Isolated local minima in ``box`` of the (penalised) loss, lowest first; none on its edge."""
        return points_of(local_minima(self.functions("numpy", weight_decay), box or self.box))

    def minima_in(self, box: Box | None = None, weight_decay: float = 0.0) -> tuple[Minimum, ...]:
        """All local minima in ``box``, lowest first, those on its border too.

        Global is what is as low as any minimum here, and as any that is declared or lies in the own box.
        """
        box = box or self.box
        found = local_minima(self.functions("numpy", weight_decay), box)
        others: tuple[Minimum, ...] = ()
        if not weight_decay and (self.minima or box != self.box):
            others = self.minima_known
        return _with_global(found, others)

    @cached_property
    def minima_known(self) -> tuple[Minimum, ...]:
        """The declared minima, or those found near the origin; none global if the box shows a lower value."""
        if self.surface_id is None:
            far_too = self.box == DEFAULT_BOX
            return _with_global(search(self.functions("numpy")), ()) if far_too else self.minima_in()
        if not self.minima:
            return ()
        x, y = np.array(self.minima).T
        with np.errstate(all="ignore"):
            losses = self.functions("numpy").value(x, y).tolist()
            lowest = float(np.nanmin(self.grid()[2]))
        declared = tuple(Minimum(*p, loss) for p, loss in zip(self.minima, losses, strict=True))
        return _with_global(declared, (Minimum(0.0, 0.0, lowest),))

    @cached_property
    def bounded(self) -> bool:
        """Whether there is a lowest value; elsewhere it falls without end and nothing can be reached."""
        return is_bounded(self.functions("numpy"), self.box)

    @cached_property
    def suggested(self) -> FirstLook | None:
        """What suits somebody's own formula; a built-in surface declares it."""
        if self.surface_id is not None:
            return None
        return first_look(self.functions("numpy"), self.minima_known)

    @cached_property
    def _floats(self) -> Functions:
        return self.functions("float")


def formula_landscape(text: str) -> Landscape:
    """The landscape of somebody's own formula in x and y; starts where it is undefined are left out."""
    formula = parse(text)
    x, y = np.array(DEFAULT_STARTS).T
    with np.errstate(all="ignore"):
        found = np.isfinite(formula.functions("numpy").value_and_gradient(x, y))  # (3, starts)
    starts = tuple(start for start, fits in zip(DEFAULT_STARTS, found.T, strict=True) if fits.all())
    return Landscape(formula, starts=starts or DEFAULT_STARTS)


def _with_global(minima: tuple[Minimum, ...], others: tuple[Minimum, ...]) -> tuple[Minimum, ...]:
    """``minima``, and whether each is as low as the lowest of all."""
    least = min((minimum.loss for minimum in (*minima, *others)), default=0.0)
    bound = least + 1e-9 * (1.0 + abs(least))
    return tuple(minimum._replace(is_global=minimum.loss <= bound) for minimum in minima)


def _penalised(own: Functions, weight_decay: float) -> Functions:
    half = weight_decay / 2

    def value_and_gradient(x: Any, y: Any) -> tuple[Any, Any, Any]:
        f, fx, fy = own.value_and_gradient(x, y)
        return f + half * (x * x + y * y), fx + weight_decay * x, fy + weight_decay * y

    def hessian(x: Any, y: Any) -> tuple[Any, Any, Any]:
        fxx, fxy, fyy = own.hessian(x, y)
        return fxx + weight_decay, fxy, fyy + weight_decay

    return Functions(lambda x, y: own.value(x, y) + half * (x * x + y * y), value_and_gradient, hessian)
