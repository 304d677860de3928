"""What the catalogue says of each thing that can be chosen."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app.routes.schemas.common import Packed

_SETTINGS = "JSON schema of the settings; x-slider, x-scale, x-symbol and x-options are hints for forms."


class EquationAnswer(BaseModel):
    """One line of an optimizer's equations."""

    latex: str
    mathml: str = Field(
        description="Each quantity is an mrow with data-quantity: grad, param_prev, effective_lr, direction,"
        " decay, step, schedule_factor, param_norm, hyper:NAME, state:NAME (at t), state_prev:NAME (at t-1)."
    )
    when: dict[str, Any] = Field(description="Settings with the values under which the line holds.")
    matrix: bool | None = Field(
        None, description="True where it holds for matrices only, false where for others."
    )


class OptimizerAnswer(BaseModel):
    """An optimizer."""

    id: str
    title: str
    summary: str
    notes: str = Field(
        description="Where the equations come from, and where they depart from the paper or torch."
    )
    family: str
    source: str
    decay: str
    elementwise: bool
    step_size: str = Field(
        description="Which learning rates suit it: those of plain descent (gradient), or adaptive."
    )
    demo: dict[str, Any] = Field(description="Settings for pictures, where the defaults show little.")
    hyper: dict[str, Any] = Field(description=_SETTINGS)
    state: list[str]
    formula: list[EquationAnswer]


class BuiltInSurface(BaseModel):
    """A built-in surface with default settings."""

    id: str
    title: str
    summary: str
    source: str
    formula: str
    latex: str
    mathml: str
    params: dict[str, Any] = Field(description=_SETTINGS)
    box: list[float]
    starts: list[list[float]]
    demo: dict[str, float] = Field(description="Steps, noise and learning rates that show what it is for.")
    thumbnail: Packed


class ScheduleAnswer(BaseModel):
    """A schedule."""

    id: str
    title: str
    summary: str
    params: dict[str, Any] = Field(description=_SETTINGS)


class TaskAnswer(BaseModel):
    """A training task."""

    id: str
    title: str
    summary: str
    data: str
    batch_size: int
    steps: int
    schedule: str | None = Field(description="A schedule of the learning rate that suits it.")
    suggested: dict[str, dict[str, Any]] = Field(
        description="For each optimizer the settings that suit the task, where they are not its defaults."
    )
    settings: dict[str, Any] = Field(description=_SETTINGS)


class ChartAnswer(BaseModel):
    """A chart: a Plotly figure whose traces name columns in their meta (x, y, label)."""

    id: str
    title: str
    caption: str = Field(description="What to see, in one sentence.")
    what: str
    latex: str
    mathml: str
    about: str = Field(description='"surface" or "run": whose columns it shows.')
    opening: bool
    log_y: bool
    chooses_state: bool = Field(
        description="Whether {state} in its columns stands for a state's name to choose."
    )
    figure: dict[str, Any]


class ExperimentAnswer(BaseModel):
    """An experiment that is set up already."""

    id: str
    title: str
    page: str = Field(description="Where it is offered: explore, compare or train; each opens on its first.")
    view: dict[str, Any] = Field(
        description="What the page shows, by the names of its address; what is left out is as the surface or"
        " the task suggests."
    )
    kept: bool = Field(description="Whether addresses that name no preset leave out what is as here.")
    sentences: list[str] = Field(description="What a guided scene tells above the picture; none otherwise.")
    question: str = Field(description="What it asks before it answers.")
    choices: list[str]
    answer: int = Field(description="The place of the right one among the choices.")
    because: str = Field(
        description="The answer; {0.loss:number} stands for where that column of the first runner ends."
    )
    sketch: list[list[float]] = Field(description="Lines of a thumbnail, heights from 0 to 1.")
    seconds: float = Field(description="What its runs took on two cores without a GPU; 0 where unknown.")
    adds: str = Field(description="An optimizer that may join the others with one click; none if empty.")


class CatalogueAnswer(BaseModel):
    """Everything there is to choose from."""

    version: str
    optimizers: list[OptimizerAnswer]
    surfaces: list[BuiltInSurface]
    tasks: list[TaskAnswer]
    training: dict[str, Any] = Field(
        description="JSON schema of what a run may be told besides, by its path in the request."
    )
    simulation: dict[str, Any] = Field(
        description="JSON schema of what runs on a surface may be told besides, by its path in the request."
    )
    schedules: list[ScheduleAnswer]
    charts: list[ChartAnswer]
    experiments: list[ExperimentAnswer]
    labs: list[Any]
    limits: dict[str, int]
    outcomes: dict[str, str] = Field(description="A sentence for each way in which a run can end.")
