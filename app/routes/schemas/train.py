"""What a request that starts training runs may hold; the declarations of optim_core check the values."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.routes.schemas.common import Finite, ScheduleChoice, Settings, Strict
from app.routes.schemas.runs import Name, RunSummary, Tags

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


class TrainRequest(Strict):
    """One training run, or several that differ in one field."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PAIR]})

    task: str
    settings: Settings = Field(default_factory=dict)
    optimizer: str
    hyper: Settings = Field(default_factory=dict)
    steps: int | None = Field(None, ge=1, description="The task's own number if left out.")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="Of the first weights and the order of the data.")
    batch_size: int | None = Field(None, ge=1, description="The task's own if left out.")
    schedule: ScheduleChoice | None = None
    decay_schedule: ScheduleChoice | None = None
    groups: str = Field("no_bias_no_norm", description="Which tensors decay: see the catalogue.")
    clip: Finite | None = Field(None, ge=0.0, description="The largest norm of the gradient; 0: any.")
    precision: str = Field("fp32", description="See the catalogue.")
    l2_in_loss: Finite = Field(0.0, ge=0.0, description="c adds c‖θ‖² of the decaying tensors to the loss.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps: see the catalogue.")
    trace: TraceChoice = Field(default_factory=lambda: TraceChoice.model_validate({}))
    validate_every: int | None = Field(None, ge=1, description="Steps from one validation to the next.")
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
