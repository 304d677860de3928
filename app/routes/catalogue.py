"""Everything there is to choose from, with the declarations that forms are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.chart import Chart, charts
from app.compute.cache import Answer
from app.http.mathml import equations, mathml, surface_mathml
from app.jobs.devices import devices
from app.preset import Preset, presets
from app.routes.schemas.catalogue import CatalogueAnswer
from app.services import Services, Shared
from optim_core import Surface
from optim_core.catalogue import rules, tasks
from optim_core.declare.kinds import Choice, Integer, Setting, schema
from optim_core.formula.text import MAX_CHARACTERS
from optim_core.options import SURFACE_OPTIONS, TASK_OPTIONS
from optim_core.outcomes import Outcome
from optim_core.rule import Rule
from optim_core.schedules import schedules
from optim_core.surfaces.catalogue import surfaces, thumbnail
from optim_core.task import Task
from optim_core.transport.frames import pack

router = APIRouter(prefix="/api", tags=["catalogue"])


@router.get("/catalogue", response_model=CatalogueAnswer)
def catalogue(request: Request, shared: Shared) -> Response:
    """Optimizers, surfaces, tasks, options of training, schedules, charts, presets, limits and outcomes."""
    return answer(shared).respond(request)


def answer(services: Services) -> Answer:
    """The catalogue as bytes, made once."""
    return services.catalogue.answer(lambda: _content(services))


def _content(shared: Services) -> dict[str, Any]:
    return {
        "version": shared.version,
        "optimizers": [_optimizer(rule) for rule in rules().values()],
        "surfaces": [_surface(surface) for surface in surfaces().values()],
        "tasks": [_task(task) for task in tasks().values()],
        "training": schema(_training()),
        "simulation": schema(_simulation(shared)),
        "schedules": [
            {"id": s.id, "title": s.title, "summary": s.summary, "params": schema(s.settings)}
            for s in schedules().values()
        ],
        "charts": [_chart(chart) for chart in charts().values()],
        "experiments": [_experiment(preset) for preset in presets().values()],
        "labs": [],
        "limits": shared.settings.limits.model_dump() | {"formula": MAX_CHARACTERS},
        "outcomes": {outcome.value: outcome.sentence for outcome in Outcome},
    }


def _optimizer(rule: Rule) -> dict[str, Any]:
    names = ("id", "title", "summary", "notes", "family", "source", "decay", "elementwise", "step_size")
    return {name: getattr(rule, name) for name in names} | {
        "demo": dict(rule.demo),
        "hyper": schema(rule.settings),
        "state": list(rule.state_names),
        "formula": equations(rule),
    }


def _surface(surface: Surface) -> dict[str, Any]:
    landscape = surface.at()
    return {
        "id": surface.id,
        "title": surface.title,
        "summary": surface.summary,
        "source": surface.source,
        "formula": surface.formula,
        "latex": landscape.latex,
        "mathml": surface_mathml(landscape.latex),
        "params": schema(surface.parameters),
        "box": list(landscape.box),
        "starts": [list(start) for start in landscape.starts],
        "demo": dict(surface.demo),
        "thumbnail": pack(thumbnail(surface), "u1"),
    }


def _task(task: Task) -> dict[str, Any]:
    names = ("id", "title", "summary", "data", "batch_size", "steps", "schedule")
    facts = {name: getattr(task, name) for name in names}
    suggested = {rule.id: task.suits(rule) for rule in rules().values()}
    return facts | {"suggested": suggested, "settings": schema(task.settings)}


def _simulation(shared: Services) -> dict[str, Setting]:
    """What the pages ask of runs on a surface, within the limits of this server."""
    steps = SURFACE_OPTIONS["steps"]
    assert isinstance(steps.kind, Integer)
    most = min(steps.kind.high, shared.settings.limits.steps)
    kind = replace(steps.kind, high=most, slider=(10, min(5000, most)))
    clip = replace(SURFACE_OPTIONS["clip"], default=0.0)
    return {**SURFACE_OPTIONS, "steps": replace(steps, kind=kind), "clip": clip}


def _training() -> dict[str, Setting]:
    """What the form of a training run asks; what the task decides begins somewhere before there is one."""
    asked = {name: setting for name, setting in TASK_OPTIONS.items() if name != "validate_every"}
    begun = {"steps": 500, "batch_size": 64, "clip": 0.0}
    opened = {name: replace(asked[name], default=value) for name, value in begun.items()}
    return asked | opened | {"device": _device()}


def _device() -> Setting:
    """The devices of this machine as a choice."""
    words = {"auto": "The first GPU that is free, else the CPU."} | dict.fromkeys(devices(), "")
    return Setting("device", Choice(label="device", help="Where it runs.", options=words), "auto")


def _experiment(preset: Preset) -> dict[str, Any]:
    return {name: value for name, value in vars(preset).items() if name != "order"}


def _chart(chart: Chart) -> dict[str, Any]:
    figure = chart.figure.to_plotly_json()
    figure["layout"].pop("template", None)
    return {
        "id": chart.id,
        "title": chart.title,
        "caption": chart.caption,
        "what": chart.what,
        "latex": chart.latex,
        "mathml": mathml(chart.latex),
        "about": chart.about,
        "opening": chart.opening,
        "log_y": chart.log_y,
        "chooses_state": chart.chooses_state,
        "figure": {"data": figure["data"], "layout": figure["layout"]},
    }
