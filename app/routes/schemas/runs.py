"""What requests about runs hold, and what is answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.routes.schemas.common import Array, Finite, Settings, Strict

Name = Annotated[str, Field(max_length=120)]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=20)]
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class PatchRequest(Strict):
    """What a run is called."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "the good one", "tags": ["lab 2"]}]})

    name: Name | None = None
    tags: Tags | None = None


class ControlRequest(Strict):
    """What a running run should do; what is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"paused": True, "steps": 1, "hyper": {"lr": 0.001}}]}
    )

    paused: bool | None = None
    steps: int | None = Field(
        None, ge=1, le=100_000, description="Take so many more steps, then pause again."
    )
    hyper: dict[Literal["lr", "weight_decay"], Annotated[Finite, Field(ge=0.0, le=1e6)]] | None = Field(
        None, description="New values from the next step on; a schedule goes on multiplying them."
    )


class Control(BaseModel):
    """What the producer of a run should do; ``version`` goes up with every change."""

    version: int
    cancel: bool
    by: str = Field(description="Who cancels, where that is somebody other than the owner.")
    paused: bool
    steps: int = Field(description="Single steps that were granted since the run began.")
    hyper: dict[str, float]
    give_way: bool = Field(
        False,
        description="Leave the device, with a checkpoint to go on from; asked of our own jobs alone.",
    )


class RunSummary(BaseModel):
    """A run in the list, and the data of a ``state`` event."""

    id: str
    kind: str = Field(description="train: a job of this server; else what its producer says.")
    name: str
    task: str
    optimizer: str
    tags: list[str]
    owner: str = Field(description="Who started it: a visitor's public name, see `GET /api/room`.")
    config: dict[str, Any] = Field(description="The request that started it, complete with defaults.")
    status: str = Field(
        description="queued, starting, running, paused, finished, cancelled, failed or interrupted;"
        " deleted in a state event alone."
    )
    outcome: str | None = Field(description="How it ended: one of the catalogue's outcomes.")
    reason: str = Field(description="A sentence on its end.")
    step: int
    steps: int | None
    created: float = Field(description="Seconds since 1970, as all times.")
    started: float | None
    finished: float | None
    speed: float | None = Field(description="Steps a second, lately.")
    latest: dict[str, float | None] = Field(
        description="The last value of every column that belongs to no tensor."
    )
    next_seq: int = Field(description="The number of frames so far: a cursor at their end.")
    first_step: int | None = Field(description="The first step that the run told of.")
    progress: float | None = Field(description="From 0 to 1, counted from the first step.")
    eta: float | None = Field(description="Seconds that are left.")
    sparkline: list[float | None] = Field(description="The loss, at 60 to 120 points.")
    paused: bool
    away: bool = Field(description="It has given its device back, and goes on from its checkpoint later.")
    cancelling: bool
    changed: dict[str, float] = Field(
        description="Settings that were changed by hand, as they are before a schedule multiplies them."
    )


class QueuedSummary(RunSummary):
    """A run, and where it stands in the queue if it waits."""

    queue_position: int | None = Field(description="How many runs are before it in the queue.")
    queue_seconds: float | None = Field(
        description="About how long it will wait; null where the speed of a run before it is not known."
    )


class RunList(BaseModel):
    """One page of runs."""

    runs: list[QueuedSummary]
    total: int
    offset: int
    limit: int


class Tensor(BaseModel):
    """A tensor of the model, and why it is in its group."""

    model_config = ConfigDict(extra="allow")

    name: str
    shape: list[int]
    group: int | str
    decayed: bool
    reason: str = ""


class RunDetail(QueuedSummary):
    """A run with its tensors and columns."""

    tensors: list[Tensor]
    facts: dict[str, Any] = Field(description="What its producer tells besides: examples, weights, boundary…")
    columns: dict[str, int] = Field(
        description="Numbers in a row of each column; more than 1 for histograms."
    )
    control: Control


class SeriesAnswer(BaseModel):
    """A column over steps."""

    step: Array
    value: Array


class FramesAnswer(BaseModel):
    """Columns of a run."""

    next_seq: int = Field(description="Ask again, or stream, after this.")
    columns: dict[str, SeriesAnswer]
    events: list[dict[str, Any]]


class NewRunBody(Strict):
    """A run of a producer outside the server."""

    model_config = ConfigDict(extra="ignore")

    id: RunId | None = Field(None, description="Chosen by the producer, so that it may ask again.")
    existing: bool = Field(
        False, description="Go on with the run of this id; 404, and no new run, if it was deleted."
    )
    kind: Annotated[str, Field(max_length=20)] = "watch"
    name: Name = ""
    task: Annotated[str, Field(max_length=60)] = ""
    optimizer: Annotated[str, Field(max_length=60)] = ""
    config: Settings = Field({})
    steps: int | None = Field(None, ge=0, le=2**53)
    tags: Tags = Field([])
    tensors: Annotated[list[dict[str, Any]], Field(max_length=20_000)] = Field([])
    facts: dict[str, Any] = Field({}, description="What else a page may tell of it.")


class IngestRunRequest(Strict):
    """Makes a run known, or asks where to go on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"run": {"id": "my-run", "name": "ResNet", "steps": 1000}}]}
    )

    run: NewRunBody


class IngestRunAnswer(BaseModel):
    """The run, and the sequence number that its next frame must have."""

    id: str
    next_seq: int
    control: Control


class IngestFramesRequest(BaseModel):
    """Frames in order; none is a sign of life."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "frames": [
                        {
                            "run": "my-run",
                            "seq": 0,
                            "first_step": 1,
                            "columns": {
                                "step": {"dtype": "f4", "shape": [2], "bdata": "AAAAAAAAgD8="},
                                "loss": {"dtype": "f4", "shape": [2], "bdata": "AACAPwAAAD8="},
                            },
                            "events": [],
                        }
                    ]
                }
            ]
        }
    )

    frames: list[dict[str, Any]]


class IngestFramesAnswer(BaseModel):
    """What is expected next, and what the producer should do."""

    next_seq: int
    control: Control


class FinishRequest(Strict):
    """How a run ended."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": "finished", "reason": "All steps were taken."}]}
    )

    outcome: Annotated[str, Field(max_length=40)]
    reason: Annotated[str, Field(max_length=2_000)] = ""


class IdAnswer(BaseModel):
    """The run."""

    id: str
