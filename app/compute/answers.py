"""What is computed for an answer, apart from all that serves it, so that another process can do it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.compute.trajectories import (
    columns_of,
    experiments_of,
    findings_of,
    minima_answer,
    run_answer,
    surface_answer,
    surface_of,
)
from app.export.script import script_of
from app.export.tables import csv_rows
from app.http.columns import Columns
from app.http.encoding import ArrayForm, to_json
from app.settings import Limits
from optim_core.declare.errors import InvalidInput
from optim_core.finding import needed
from optim_core.simulate.trajectory import run
from optim_core.surfaces.placement import Box

WIDEST = 1e9  # as far from the origin as a start may be


def trajectories(request: Mapping[str, Any], limits: Limits, form: ArrayForm, derived: bool) -> bytes:
    """The runs that ``request`` asks for, as JSON; raises InvalidInput."""
    experiments = experiments_of(request, limits)
    wanted, box = Columns.of(request["columns"]), _box(request["box"]) if request["box"] else None
    trajectories = [run(experiment) for experiment in experiments]
    columns = columns_of(trajectories, derived=derived, wanted=lambda name: wanted(name) or told(name))
    found = zip(experiments, columns, trajectories, strict=True)
    surface = surface_answer(experiments[0].problem.landscape)
    runs = [run_answer(*one, form, wanted, request["minima"], box) for one in found]
    return to_json({"surface": surface, "runs": runs, "findings": findings_of(trajectories, columns)})


def told(name: str) -> bool:
    """Whether the column is wanted in any case: for what is said of runs, or for the last steps."""
    return name in ("distance", "weight_norm") or needed("trajectory", name)


def grid(request: Mapping[str, Any], limits: Limits, form: ArrayForm) -> bytes:
    """The heights that ``request`` asks for, as JSON; raises InvalidInput."""
    landscape, strength = surface_of(request["surface"]), request["weight_decay"]
    box = _box(request["box"]) if request["box"] else landscape.box
    n_x, n_y = _points(request["n"], limits)

    def heights(weight_decay: float) -> dict[str, Any]:
        x, y, z = landscape.grid(box, n_x, n_y, weight_decay)
        minima = minima_answer(landscape.minima_in(box, weight_decay))
        return {"x": form.array(x), "y": form.array(y), "z": form.array(z), "minima": minima}

    answer = {**heights(0.0), "box": list(box), "surface": surface_answer(landscape)}
    if strength:
        found = heights(strength)
        answer["penalised"] = {"weight_decay": strength, "z": found["z"], "minima": found["minima"]}
    return to_json(answer)


def trajectories_csv(request: Mapping[str, Any], limits: Limits, derived: bool) -> bytes:
    """The runs that ``request`` asks for, as one long table; raises InvalidInput."""
    experiments = experiments_of(request, limits)
    columns = columns_of([run(experiment) for experiment in experiments], derived=derived)
    cells = sum(len(own) * len(own["step"]) for own in columns)
    limits.check("cells", cells, "steps", "cells (steps of all runs × columns)")
    ids = [experiment.rule.id for experiment in experiments]
    return "".join(csv_rows(list(zip(ids, columns, strict=True)))).encode()


def script(request: Mapping[str, Any], limits: Limits) -> bytes:
    """One of the runs that ``request`` asks for as a Python script, in JSON; raises InvalidInput."""
    experiments, place = experiments_of(request, limits), request["run"]
    if place >= len(experiments):
        raise InvalidInput(f"got {place}, allowed is 0 to {len(experiments) - 1}.", field="run")
    return to_json({"code": script_of(experiments[place])})


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
