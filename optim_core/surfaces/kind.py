"""What a built-in surface declares: a formula with settings, and how to look at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from optim_core.declare.kinds import Real, Setting, complete
from optim_core.formula.parse import parse
from optim_core.surfaces.landscape import Landscape, Points
from optim_core.surfaces.placement import Box, Placement, Point

_PLACEMENT = {
    "offset_x": Real(
        label="Shift along x",
        help="Moves the surface along x; decay pulls towards the origin, which stays.",
        low=-100,
        high=100,
        slider=(-5, 5),
        symbol="o_x",
    ),
    "offset_y": Real(
        label="Shift along y",
        help="Moves the surface along y; decay pulls towards the origin, which stays.",
        low=-100,
        high=100,
        slider=(-5, 5),
        symbol="o_y",
    ),
    "rotation": Real(
        label="Rotation",
        help="Turns the surface, in degrees; rules that scale each coordinate by itself feel it.",
        low=-180,
        high=180,
        slider=(-180, 180),
        symbol=r"\varphi",
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """One built-in surface.

    ``box``, ``starts`` and ``minima`` are where the formula puts them: a landscape moves them along.
    """

    id: str
    title: str
    summary: str  # one sentence: what is to be learned here
    source: str
    formula: str  # in x, y and its own settings
    parameters: Mapping[str, Setting]  # its own, then offset_x, offset_y and rotation, as every surface has
    box: Box
    starts: Points  # the first is the default
    minima: Callable[..., Points]  # of its own settings; none where no minimum is isolated
    demo: Mapping[str, float]  # see `demo`

    def at(self, **params: Any) -> Landscape:
        """The surface with these settings, and defaults for the others; InvalidInput for a wrong one."""
        values = complete(self.parameters, params)
        own = {name: value for name, value in values.items() if name not in _PLACEMENT}
        placed = Placement(**{name: values[name] for name in _PLACEMENT})
        starts = tuple(_short(placed.point(*start)) for start in self.starts)
        minima = tuple(placed.point(*point) for point in self.minima(**own))
        return Landscape(
            parse(self.formula, tuple(own)),
            surface_id=self.id,
            params=values,
            box=placed.box(self.box, (*starts, *minima)),
            starts=starts,
            minima=minima,
            placement=placed,
            symbols={name: self.parameters[name].kind.symbol for name in own},
        )


def declare(
    id: str,
    title: str,
    summary: str,
    formula: str,
    *settings: Setting,
    box: Box,
    starts: Points,
    demo: Mapping[str, float],
    minima: Callable[..., Points] = lambda **_: (),
    source: str = "",
    placed: tuple[float, float, float] = (0.0, 0.0, 0.0),  # defaults of offset_x, offset_y, rotation
) -> Surface:
    """A surface whose settings are ``settings`` and those of its place."""
    place = {
        name: Setting(name, kind, at) for (name, kind), at in zip(_PLACEMENT.items(), placed, strict=True)
    }
    return Surface(
        id=id,
        title=title,
        summary=summary,
        source=source,
        formula=formula,
        parameters={setting.name: setting for setting in settings} | place,
        box=box,
        starts=starts,
        minima=minima,
        demo=demo,
    )


def demo(*, steps: int, lr_gradient: float, lr_adaptive: float, noise: float = 0.0) -> Mapping[str, float]:
    """Good settings for a first look.

    ``lr_gradient`` keeps plain gradient descent stable from the default start, ``lr_adaptive`` suits rules
    as Adam; ``noise`` is the standard deviation of what is added to each coordinate of the gradient.
    """
    return {"steps": steps, "noise": noise, "lr_gradient": lr_gradient, "lr_adaptive": lr_adaptive}


def number(
    name: str,
    default: float,
    low: float,
    high: float,
    label: str,
    help: str,
    *,
    scale: Literal["linear", "log"] = "linear",
    symbol: str = "",
) -> Setting:
    """A setting of the formula, with a slider over all that is allowed."""
    slider = (low, high)
    kind = Real(label=label, help=help, low=low, high=high, slider=slider, scale=scale, symbol=symbol or name)
    return Setting(name, kind, float(default))


def fixed(*points: Point) -> Callable[..., Points]:
    """Minima that no setting moves."""
    return lambda **_: points


def _short(point: Point) -> Point:
    """A start is a choice, not a result: short numbers read better."""
    return round(point[0], 4), round(point[1], 4)
