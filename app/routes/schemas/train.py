"""What a request that starts training runs may hold; the declarations of optim_core check the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.routes.schemas.common import ScheduleChoice, Settings, Strict, declared_fields
from app.routes.schemas.runs import Name, RunSummary, Tags
from optim_core.options import TASK_OPTIONS

_PAIR: dict[str, JsonValue] = {
    "task": "digits_mlp",
    "optimizer": "adamw",
    "hyper": {"lr": 0.001, "weight_decay": 0.1},
    "steps": 500,
    "schedule": {"id": "cosine", "end": 0.1},
    "vary": {"optimizer": ["adam_l2", "adamw"]},
}


class TraceChoice(Strict):
    """What is measured of each tensor, and how often."""

    every: int = Field(10, ge=1, description="Steps from one measurement to the next.")
    histogram_every: int | None = Field(None, ge=1, description="The same for histograms; 10 times as rare.")
    select: str | list[str] = Field("*", description="Tensors: names or patterns with *.")
    watch: list[tuple[str, int]] = Field(
        default_factory=list, description="Single coordinates: [tensor, index in the flattened tensor]."
    )


if TYPE_CHECKING:
    _TaskOptions = Strict
else:
    _TaskOptions = declared_fields("TaskOptions", {n: s for n, s in TASK_OPTIONS.items() if "." not in n})


class TrainRequest(_TaskOptions):
    """One training run, or several that differ in one field."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PAIR]})

    task: str
    settings: Settings = Field(default_factory=dict)
    optimizer: str
    hyper: Settings = Field(default_factory=dict)
    schedule: ScheduleChoice | None = None
    decay_schedule: ScheduleChoice | None = None
    trace: TraceChoice = Field(default_factory=lambda: TraceChoice.model_validate({}))
    name: Name = ""
    tags: Tags = Field(default_factory=list)
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] | None = Field(
        None,
        max_length=1,
        description="A field's path with its values (hyper.lr: [0.001, 0.01]): one run for each.",
    )


class CloneRequest(Strict):
    """A run again, with changes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"changes": {"hyper": {"lr": 0.01}}}]})

    changes: dict[str, Any] = Field(
        default_factory=dict, description="Fields as in a new run; hyper and settings are merged by name."
    )


class StartAnswer(BaseModel):
    """The runs that wait or begin now."""

    id: str = Field(description="The first of them.")
    ids: list[str]
    runs: list[RunSummary]
