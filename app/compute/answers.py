"""What is computed for an answer, apart from all that serves it, so that another process can do it."""

from __future__ import annotations

from typing import Any

from app.compute.trajectories import (
    columns_of,
    landscape_of,
    minima_answer,
    run_answer,
    surface_answer,
    walks_of,
)
from app.http.encoding import ArrayForm, to_json
from app.routes.schemas.common import GridRequest, TrajectoriesRequest
from app.settings import Limits
from optim_core.declare.errors import InvalidInput
from optim_core.surfaces.placement import Box

WIDEST = 1e9  # as far from the origin as a start may be


def trajectories(body: TrajectoriesRequest, limits: Limits, form: ArrayForm, derived: bool) -> bytes:
    """The runs that ``body`` asks for, as JSON; raises InvalidInput."""
    landscape = landscape_of(body.surface)
    walks = walks_of(body, landscape, limits)
    trajectories = [walk.run() for walk in walks]
    found = zip(walks, columns_of(trajectories, derived=derived), trajectories, strict=True)
    return to_json({"surface": surface_answer(landscape), "runs": [run_answer(*run, form) for run in found]})


def grid(body: GridRequest, limits: Limits, form: ArrayForm) -> bytes:
    """The heights that ``body`` asks for, as JSON; raises InvalidInput."""
    landscape = landscape_of(body.surface)
    box = _box(body.box) if body.box else landscape.box
    n_x, n_y = _points(body.n, limits)

    def heights(weight_decay: float) -> dict[str, Any]:
        x, y, z = landscape.grid(box, n_x, n_y, weight_decay)
        minima = minima_answer(landscape.minima_in(box, weight_decay))
        return {"x": form.array(x), "y": form.array(y), "z": form.array(z), "minima": minima}

    answer = {**heights(0.0), "box": list(box), "surface": surface_answer(landscape)}
    if body.weight_decay:
        found = heights(body.weight_decay)
        penalised = {"weight_decay": body.weight_decay, "z": found["z"], "minima": found["minima"]}
        answer["penalised"] = penalised
    return to_json(answer)


def ready() -> None:
    """Does nothing: by then all of this is loaded."""


def _box(given: list[float]) -> Box:
    low_x, high_x, low_y, high_y = given
    if not (low_x < high_x and low_y < high_y and max(map(abs, given)) <= WIDEST):
        raise InvalidInput(
            f"got {given}, expected [x low, x high, y low, y high], each low below its high,"
            f" none further than {WIDEST:g} from 0.",
            field="box",
        )
    return low_x, high_x, low_y, high_y


def _points(given: int | list[int], limits: Limits) -> tuple[int, int]:
    n_x, n_y = (given, given) if isinstance(given, int) else (given[0], given[1])
    limits.check("grid", max(n_x, n_y), "n", "points along a side")
    if min(n_x, n_y) < 2:
        raise InvalidInput(f"got {given}, allowed are at least 2 points along a side.", field="n")
    return n_x, n_y
