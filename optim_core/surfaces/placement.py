"""Where a surface lies: moved by an offset and turned about the moved origin.

Decay pulls towards the origin, so what it costs depends on where the minimum is; an optimizer that
scales each coordinate by itself depends on how the surface is turned. Both are settings of every surface.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from optim_core.formula.dialects import Functions

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # x_low, x_high, y_low, y_high


@dataclass(frozen=True)
class Placement:
    """The formula's own coordinates are u = c·(x−ox) + s·(y−oy), v = −s·(x−ox) + c·(y−oy).

    (ox, oy) is the offset; c and s are cosine and sine of the rotation, which is in degrees.
    """

    offset_x: float = 0.0
    offset_y: float = 0.0
    rotation: float = 0.0

    def point(self, u: float, v: float) -> Point:
        """(x, y) of the formula's point (u, v)."""
        c, s = self._turn()
        return self.offset_x + c * u - s * v, self.offset_y + s * u + c * v

    def box(self, box: Box, in_sight: Iterable[Point]) -> Box:
        """``box`` moved, and grown where the origin (if it was moved) or a point of ``in_sight`` is out."""
        low_x, high_x, low_y, high_y = box
        margin_x, margin_y = 0.05 * (high_x - low_x), 0.05 * (high_y - low_y)
        low_x, high_x = low_x + self.offset_x, high_x + self.offset_x
        low_y, high_y = low_y + self.offset_y, high_y + self.offset_y
        if self.offset_x or self.offset_y:
            in_sight = (*in_sight, (0.0, 0.0))
        for x, y in in_sight:
            low_x = min(low_x, x - margin_x) if x < low_x else low_x
            high_x = max(high_x, x + margin_x) if x > high_x else high_x
            low_y = min(low_y, y - margin_y) if y < low_y else low_y
            high_y = max(high_y, y + margin_y) if y > high_y else high_y
        return low_x, high_x, low_y, high_y

    def functions(self, own: Functions) -> Functions:
        """``own``, which takes (u, v), as functions of (x, y); derivatives exact, any dialect."""
        ox, oy = self.offset_x, self.offset_y
        c, s = self._turn()
        value, value_and_gradient, hessian = own.value, own.value_and_gradient, own.hessian
        if not self.rotation:
            if not ox and not oy:
                return own
            return Functions(
                lambda x, y: value(x - ox, y - oy),
                lambda x, y: value_and_gradient(x - ox, y - oy),
                lambda x, y: hessian(x - ox, y - oy),
            )

        def turned_value(x: Any, y: Any) -> Any:
            dx, dy = x - ox, y - oy
            return value(c * dx + s * dy, c * dy - s * dx)

        def turned_value_and_gradient(x: Any, y: Any) -> tuple[Any, Any, Any]:
            dx, dy = x - ox, y - oy
            f, fu, fv = value_and_gradient(c * dx + s * dy, c * dy - s * dx)
            return f, c * fu - s * fv, s * fu + c * fv

        def turned_hessian(x: Any, y: Any) -> tuple[Any, Any, Any]:
            dx, dy = x - ox, y - oy
            fuu, fuv, fvv = hessian(c * dx + s * dy, c * dy - s * dx)
            cc, cs, ss = c * c, c * s, s * s
            return (
                cc * fuu - 2 * cs * fuv + ss * fvv,
                cs * (fuu - fvv) + (cc - ss) * fuv,
                ss * fuu + 2 * cs * fuv + cc * fvv,
            )

        return Functions(turned_value, turned_value_and_gradient, turned_hessian)

    def latex(self) -> str:
        """The definitions of u and v."""
        x, y = _shifted("x", self.offset_x), _shifted("y", self.offset_y)
        if not self.rotation:
            return rf"u = {x}, \quad v = {y}"
        if self.offset_x:
            x = rf"\left({x}\right)"
        if self.offset_y:
            y = rf"\left({y}\right)"
        angle = rf"{self.rotation:g}^{{\circ}}"
        return rf"u = {x} \cos {angle} + {y} \sin {angle}, \quad v = {y} \cos {angle} - {x} \sin {angle}"

    def _turn(self) -> tuple[float, float]:
        angle = math.radians(self.rotation)
        return math.cos(angle), math.sin(angle)


def _shifted(name: str, offset: float) -> str:
    if not offset:
        return name
    return f"{name} {'-' if offset > 0 else '+'} {abs(offset):g}"
