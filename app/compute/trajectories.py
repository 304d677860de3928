"""From a request's data to trajectories and back to JSON: where the API calls the simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Any

from cachetools import LRUCache, cached

from app.http.encoding import ArrayForm
from app.http.mathml import surface_mathml
from app.settings import Limits
from optim_core.declare.errors import at
from optim_core.derive import apart, derive
from optim_core.experiment import (
    Experiment,
    OptimizerChoice,
    SurfaceProblem,
    as_surface,
    check_point,
    surface_config,
)
from optim_core.finding import Runs, find
from optim_core.recording import Series
from optim_core.simulate.trajectory import Column, Trajectory
from optim_core.surfaces.landscape import Landscape
from optim_core.surfaces.minima import Minimum
from optim_core.surfaces.placement import Box

SurfaceExperiment = Experiment[SurfaceProblem]

TAIL = 2  # rows that are told of every column, asked for or not: the last step, from where to where


@cached(LRUCache(64), key=repr, lock=Lock())
def surface_of(given: Mapping[str, Any]) -> Landscape:
    """The surface of a request; one object for one description, so that its minima are found once."""
    with at("surface"):
        return as_surface(given)


def experiments_of(request: Mapping[str, Any], limits: Limits) -> list[SurfaceExperiment]:
    """The runs that the request asks for, all checked before the first one starts."""
    landscape, runs = surface_of(request["surface"]), request["runs"]
    limits.check("steps", request["steps"], "steps", "steps")
    limits.check("runs", len(runs), "runs", "runs")
    limits.check("rows", len(runs) * (request["steps"] + 1), "steps", "rows (steps of all runs)")
    shared = SurfaceProblem.checked({**request, "surface": landscape})
    found = []
    for index, run in enumerate(runs):
        with at(f"runs.{index}"):
            own = {} if run.get("start") is None else {"start": check_point("start", run["start"])}
            problem = SurfaceProblem(**{**vars(shared), **own})
            found.append(Experiment(problem=problem, optimizer=OptimizerChoice.checked(run, problem)))
    return found


def surface_answer(landscape: Landscape) -> dict[str, Any]:
    """What the page needs to know of the surface."""
    return {
        "id": None,
        "formula": None,
        "params": {},
        **surface_config(landscape),
        "latex": landscape.latex,
        "mathml": surface_mathml(landscape.latex),
        "box": list(landscape.box),
        "bounded": landscape.bounded,
        "suggested": landscape.suggested and landscape.suggested._asdict(),
        "starts": [list(start) for start in landscape.starts],
        "minima": minima_answer(landscape.minima_known),
    }


def minima_answer(minima: Sequence[Minimum]) -> list[dict[str, Any]]:
    """Each minimum with the (penalised) loss there; whether the box makes it, and whether none is lower."""
    return [{"x": m.x, "y": m.y, "loss": m.loss, "edge": m.edge, "global": m.is_global} for m in minima]


@lru_cache(maxsize=256)
def penalised_minima(landscape: Landscape, box: Box, strength: float) -> list[dict[str, Any]]:
    """The minima of loss + (strength/2)‖θ‖², which is what a rule with coupled decay descends."""
    return minima_answer(landscape.minima_in(box, strength))


def run_answer(
    experiment: SurfaceExperiment,
    columns: Mapping[str, Column],
    trajectory: Trajectory,
    form: ArrayForm,
    wanted: Callable[[str], bool],
    minima: bool,
    box: Box | None,
) -> dict[str, Any]:
    """One run as the API tells it; with the penalised ``minima`` in ``box`` where its decay is coupled."""
    rule, hyper, landscape = experiment.rule, experiment.hyper, experiment.problem.landscape
    kind, strength = rule.decay_kind(hyper), rule.decay_strength(hyper)
    answer = {
        "optimizer": rule.id,
        "hyper": dict(hyper),
        "start": list(experiment.problem.start),
        "outcome": trajectory.outcome.value,
        "reason": trajectory.reason,
        "steps": len(trajectory) - 1,
        "decay": {"kind": kind, "strength": strength},
        "averaging_time": rule.averaging_time(hyper),
        "states": list(rule.state_names),
        "columns": {name: form.array(column) for name, column in columns.items() if wanted(name)},
        "tail": {name: column[-TAIL:].tolist() for name, column in columns.items()},
    }
    if kind == "coupled" and minima:
        answer["minima"] = penalised_minima(landscape, box or landscape.box, strength)
    return answer


def findings_of(
    trajectories: Sequence[Trajectory], columns: Sequence[Mapping[str, Column]]
) -> list[dict[str, Any]]:
    """What can be said of these runs, of which these columns are known; each run is known by its place."""
    runs: Runs = {
        place: replace(run.recording, series={n: Series(run.recording.steps("x"), c) for n, c in own.items()})
        for place, (run, own) in enumerate(zip(trajectories, columns, strict=True))
    }
    return [finding.to_json() for finding in find(runs, "trajectory")]


def columns_of(
    trajectories: Sequence[Trajectory], *, derived: bool, wanted: Callable[[str], bool] = lambda name: True
) -> list[dict[str, Column]]:
    """Each run's columns; ``derived`` adds those that follow and ``apart``, the distance to the first run.

    Of those that follow only the wanted ones are computed.
    """
    found = [dict(trajectory.columns) for trajectory in trajectories]
    if derived:
        for trajectory, columns in zip(trajectories, found, strict=True):
            columns |= derive(trajectory, wanted)
            columns["apart"] = apart(trajectory, trajectories[0])
    return found
