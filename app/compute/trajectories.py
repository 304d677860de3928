"""From a checked request to runs and back to JSON: the one place where the API calls the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from app.http.encoding import ArrayForm
from app.http.mathml import surface_mathml
from app.routes.schemas.common import RunChoice, ScheduleChoice, SurfaceChoice, TrajectoriesRequest
from app.settings import Limits
from optim_core.catalogue import as_rule
from optim_core.declare.errors import InvalidInput
from optim_core.declare.kinds import complete
from optim_core.declare.registry import lookup
from optim_core.derive import apart, derive
from optim_core.rule import Rule
from optim_core.schedules import Plan, schedules
from optim_core.simulate.trajectory import Column, Trajectory, simulate
from optim_core.surfaces.catalogue import surfaces
from optim_core.surfaces.landscape import Landscape, formula_landscape
from optim_core.surfaces.minima import Minimum

# Where an error of the simulator lies in the request: in the run, or in what all runs share.
_OF_THE_RUN = ("optimizer", "hyper", "schedule", "decay_schedule")


@dataclass(frozen=True)
class Walk:
    """One run-to-be, checked: the arguments of `simulate`."""

    rule: Rule
    hyper: Mapping[str, Any]
    arguments: Mapping[str, Any]  # surface, start, steps, schedule, decay_schedule, noise, seed
    index: int
    own_start: bool

    def run(self) -> Trajectory:
        """Simulates it; an error's field is its path in the request."""
        try:
            return simulate(rule=self.rule, **self.arguments, **self.hyper)
        except InvalidInput as error:
            head = error.field.partition(".")[0]
            own = head in _OF_THE_RUN or (head == "start" and self.own_start)
            raise (error.within(f"runs.{self.index}") if own else error) from None

    @cached_property
    def question(self) -> list[Any]:
        """What the answer depends on, besides the surface."""
        a = self.arguments
        plans = [
            plan and [plan.schedule.id, dict(plan.settings)] for plan in (a["schedule"], a["decay_schedule"])
        ]
        return [self.rule.id, dict(self.hyper), a["start"], a["steps"], plans, a["noise"], a["seed"]]


def landscape_of(choice: SurfaceChoice) -> Landscape:
    """The surface that the request chose; errors lie below ``surface``."""
    if choice.formula is not None:
        with _within("surface"):
            return _of_formula(choice.formula)
    with _within("surface.id"):
        declared = lookup(surfaces(), choice.id, "surface")
    with _within("surface.params"):
        return declared.at(**complete(declared.parameters, choice.params))


@lru_cache(maxsize=64)
def _of_formula(text: str) -> Landscape:
    """One object for one text, so that what is found out about it (its minima) is found once."""
    return formula_landscape(text)


def walks_of(request: TrajectoriesRequest, landscape: Landscape, limits: Limits) -> list[Walk]:
    """The runs that the request asks for, all checked before the first one starts."""
    limits.check("steps", request.steps, "steps", "steps")
    limits.check("runs", len(request.runs), "runs", "runs")
    limits.check("rows", len(request.runs) * (request.steps + 1), "steps", "rows (steps of all runs)")
    return [_walk(request, landscape, run, index) for index, run in enumerate(request.runs)]


def _walk(request: TrajectoriesRequest, landscape: Landscape, run: RunChoice, index: int) -> Walk:
    with _within(f"runs.{index}.optimizer"):
        rule = as_rule(run.optimizer)
    with _within(f"runs.{index}.hyper"):
        hyper = rule.complete(run.hyper)
    start = run.start or request.start
    arguments = {
        "surface": landscape,
        "start": tuple(start) if start else None,
        "steps": request.steps,
        "schedule": _plan(run.schedule, f"runs.{index}.schedule"),
        "decay_schedule": _plan(run.decay_schedule, f"runs.{index}.decay_schedule"),
        "noise": request.noise,
        "seed": request.seed,
    }
    return Walk(rule, hyper, arguments, index, run.start is not None)


def _plan(choice: ScheduleChoice | None, path: str) -> Plan | None:
    if choice is None:
        return None
    with _within(f"{path}.id"):
        schedule = lookup(schedules(), choice.id, "schedule")
    with _within(path):
        return Plan(schedule, complete(schedule.settings, choice.model_extra or {}))


def surface_answer(landscape: Landscape) -> dict[str, Any]:
    """What the page needs to know of the surface."""
    own = landscape.surface_id is None
    return {
        "id": landscape.surface_id,
        "formula": landscape.formula.text if own else None,
        "params": dict(landscape.params),
        "latex": landscape.latex,
        "mathml": surface_mathml(landscape.latex),
        "box": list(landscape.box),
        "starts": [list(start) for start in landscape.starts],
        "minima": minima_answer(landscape.minima_known),
    }


def minima_answer(minima: Sequence[Minimum]) -> list[dict[str, Any]]:
    """Each minimum with the (penalised) loss there; whether the box makes it, and whether none is lower."""
    return [{"x": m.x, "y": m.y, "loss": m.loss, "edge": m.edge, "global": m.is_global} for m in minima]


def run_answer(
    walk: Walk, columns: Mapping[str, Column], trajectory: Trajectory, form: ArrayForm
) -> dict[str, Any]:
    """One run as the API tells it."""
    rule, hyper = walk.rule, walk.hyper
    kind, rate = rule.decay_kind(hyper), _decoupled_rate(walk)
    return {
        "optimizer": rule.id,
        "hyper": dict(hyper),
        "start": list(trajectory.problem.start),
        "outcome": trajectory.outcome.value,
        "reason": trajectory.reason,
        "steps": len(trajectory) - 1,
        "decay": {"kind": kind, "strength": rule.decay_strength(hyper)},
        "averaging_time": 1.0 / rate if rate else None,
        "states": list(rule.state_names),
        "columns": {name: form.array(column) for name, column in columns.items()},
    }


def columns_of(trajectories: Sequence[Trajectory], *, derived: bool) -> list[dict[str, Column]]:
    """Each run's columns; ``derived`` adds those that follow and ``apart``, the distance to the first run."""
    if not derived:
        return [dict(trajectory.columns) for trajectory in trajectories]
    return [{**t.columns, **derive(t), "apart": apart(t, trajectories[0])} for t in trajectories]


def _decoupled_rate(walk: Walk) -> float:
    """ηλ of decoupled decay at full learning rate (λ where the rule leaves η out), else 0."""
    if walk.rule.decay_kind(walk.hyper) != "decoupled":
        return 0.0
    per_step = 1.0 if "schedule_factor" in walk.rule.needs else float(walk.hyper["lr"])
    return per_step * walk.rule.decay_strength(walk.hyper)


@contextmanager
def _within(path: str) -> Iterator[None]:
    """Puts the field of an InvalidInput below ``path``."""
    try:
        yield
    except InvalidInput as error:
        raise error.within(path) from None
