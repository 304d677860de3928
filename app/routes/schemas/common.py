"""What requests may hold. Values of settings are checked by the declarations of optim_core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    WithJsonSchema,
    create_model,
    model_validator,
)

from optim_core.declare.kinds import Choice, Flag, Integer, Real, Setting, Text
from optim_core.options import SURFACE_OPTIONS

Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Pair = Annotated[list[Finite], Field(min_length=2, max_length=2)]
Box = Annotated[list[Finite], Field(min_length=4, max_length=4, description="[x low, x high, y low, y high]")]
Settings = Annotated[
    dict[str, Any], Field(description="Settings by name; those left out have their defaults.")
]

_Example = dict[str, JsonValue]
_SURFACE: _Example = {"id": "rosenbrock"}
_FORMULA: _Example = {"formula": "x^2 + 10*y^2"}
_SCHEDULE: _Example = {"id": "cosine", "end": 0.1}
_RUNS: list[JsonValue] = [
    {"optimizer": "adam_l2", "hyper": {"lr": 0.05, "weight_decay": 0.1}},
    {"optimizer": "adamw", "hyper": {"lr": 0.05, "weight_decay": 0.1}, "schedule": _SCHEDULE},
]
_TRAJECTORY: _Example = {
    "surface": _SURFACE,
    "start": [-1.5, 2.0],
    "steps": 500,
    "noise": 0.0,
    "seed": 0,
    "runs": _RUNS,
}
_SCRIPT: _Example = {**_TRAJECTORY, "run": 1}
_GRID: _Example = {"surface": _SURFACE, "box": [-2.0, 2.0, -1.0, 3.0], "n": 128, "weight_decay": 0.1}


class Strict(BaseModel):
    """No unknown fields, no numbers in strings."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_TYPES: Mapping[type, Any] = {Real: Finite, Integer: int, Choice: str, Flag: bool, Text: str}


def declared_fields(name: str, settings: Mapping[str, Setting]) -> type[Strict]:
    """A model with a field for each of these options; the declarations themselves check the values."""
    fields: dict[str, Any] = {}
    for setting in settings.values():
        bounds = {key: value for key, value in setting.kind.schema().items() if not key.startswith("x-")}
        kind: Any = Annotated[_TYPES[type(setting.kind)], WithJsonSchema(bounds)]
        field = Field(setting.default, description=setting.kind.help)
        fields[setting.name] = (kind | None if setting.default is None else kind, field)
    return create_model(name, __base__=Strict, **fields)


class SurfaceChoice(Strict):
    """A built-in surface by ``id``, or one's own ``formula`` in x and y."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SURFACE, _FORMULA]})

    id: str | None = None
    params: Settings = {}
    formula: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> SurfaceChoice:
        if (self.id is None) == (self.formula is None):
            raise ValueError("either an id or a formula")
        if self.formula is not None and self.params:
            raise ValueError("no params beside a formula")
        return self


class ScheduleChoice(Strict):
    """A schedule by ``id``, its settings beside it; it multiplies the learning rate (or λ) at every step."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_SCHEDULE]})

    id: str


class RunChoice(Strict):
    """One optimizer with its hyperparameters."""

    optimizer: str
    hyper: Settings = {}
    schedule: ScheduleChoice | None = None
    decay_schedule: ScheduleChoice | None = None
    start: Pair | None = Field(None, description="Its own start; otherwise the request's.")


if TYPE_CHECKING:
    _SurfaceOptions = Strict
else:
    _SurfaceOptions = declared_fields("SurfaceOptions", SURFACE_OPTIONS)


class TrajectoriesRequest(_SurfaceOptions):
    """Runs side by side: same surface, same start, same noise."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TRAJECTORY]})

    surface: SurfaceChoice
    start: Pair | None = Field(None, description="[x, y]; the surface's own start if left out.")
    runs: list[RunChoice] = Field(min_length=1)
    columns: list[Annotated[str, Field(max_length=200)]] | None = Field(
        None, description="Which columns: names or patterns with * and ?; all if left out."
    )
    box: Box | None = Field(
        None, description="Where minima of penalised losses are looked for; the surface's own if left out."
    )
    minima: bool = Field(
        True,
        description="Whether to look for them; without, an answer is there sooner, as for a moving slider.",
    )


class ScriptRequest(TrajectoriesRequest):
    """The same, and which of the runs to write as a script."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SCRIPT]})

    run: int = Field(0, ge=0, description="Index in runs.")


class GridRequest(Strict):
    """A surface's values over a box."""

    model_config = ConfigDict(json_schema_extra={"examples": [_GRID]})

    surface: SurfaceChoice
    box: Box | None = Field(None, description="The surface's own box if left out.")
    n: int | Annotated[list[int], Field(min_length=2, max_length=2)] = Field(
        128, description="Points along each side, or [along x, along y]."
    )
    weight_decay: Finite = Field(
        0.0, ge=0.0, le=1e6, description="λ: adds the grid of the penalised loss f + (λ/2)‖θ‖²."
    )


class ErrorBody(BaseModel):
    """What is wrong, where, and what to do."""

    code: str
    message: str
    field: str | None = None
    hint: str | None = None


class ErrorAnswer(BaseModel):
    """Every answer that is not a success."""

    error: ErrorBody


class Packed(BaseModel):
    """An array as base64 of little-endian numbers; with ``?arrays=json`` a plain list stands in its place."""

    dtype: str = Field(examples=["f8"])
    shape: list[int]
    bdata: str


Array = Packed | list[Any]


class MinimumAnswer(BaseModel):
    """A local minimum, lowest first."""

    x: float
    y: float
    loss: float | None
    edge: bool = Field(description="Only because the box ends there: no goal, no reference for distances.")
    is_global: bool = Field(alias="global", description="As low as any that is known.")


class SuggestedAnswer(BaseModel):
    """What suits somebody's own formula, found from its minima and its curvature."""

    box: list[float] = Field(description="Shows the minima, and the origin where it is not far.")
    start: list[float]
    lr_gradient: float = Field(description="1/curvature, rounded down: plain descent falls in every step.")
    lr_adaptive: float = Field(description="Leads a rule as Adam to the nearest minimum in about 60 steps.")
    steps: int
    curvature: float = Field(
        description="The largest eigenvalue, by size, of the Hessian where descent from the start may come."
    )


class SurfaceAnswer(BaseModel):
    """The surface that was walked on."""

    id: str | None
    formula: str | None
    params: dict[str, Any]
    latex: str
    mathml: str
    box: list[float]
    starts: list[list[float]]
    minima: list[MinimumAnswer] = Field(description="Each minimum in sight.")
    bounded: bool = Field(description="Whether there is a lowest value; where not, nothing can be reached.")
    suggested: SuggestedAnswer | None = Field(
        None, description="For a formula of one's own; a built-in surface declares it in the catalogue."
    )


class DecayAnswer(BaseModel):
    """How λ acts in a run, and how strongly (2λ for the penalty λ‖θ‖²)."""

    kind: str = Field(examples=["coupled"])
    strength: float


class RunAnswer(BaseModel):
    """One run; row 0 of its columns is the start."""

    optimizer: str
    hyper: dict[str, Any]
    start: list[float]
    outcome: str
    reason: str
    steps: int = Field(description="Steps taken; fewer than asked for if it ended early.")
    decay: DecayAnswer
    averaging_time: float | None = Field(
        description="1/rate steps at the full learning rate; null where the rule declares no constant rate."
    )
    states: list[str]
    columns: dict[str, Array]
    tail: dict[str, list[float | None]] = Field(
        description="The last two rows of what was measured, whichever columns were asked for."
    )
    minima: list[dict[str, float | None]] | None = Field(
        None, description="Under coupled decay: the minima of the penalised loss in the request's box."
    )


class ColumnRef(BaseModel):
    """A run's column."""

    run: int | str
    column: str


class FindingAnswer(BaseModel):
    """One thing that can be said; runs are known by their place in the request, or by their id."""

    code: str = Field(examples=["decay_taken.both"])
    severity: str = Field(description="fault, risk or information.")
    run: int | str | None
    step: int | None
    tensor: str | None
    value: float | None = Field(description="What was measured, where it is held against a threshold.")
    threshold: float | None
    numbers: dict[str, float | None]
    text: str
    advice: str
    source: str
    template: str = Field(
        description="The text with places for numbers, runs and words: {loss:number}. Kinds: number and"
        " factor (3 and 2 significant digits), percent, count, steps."
    )
    runs: dict[str, int | str] = Field(description="Places that stand for the names of runs.")
    words: dict[str, str] = Field(description="Places that stand for other texts.")
    columns: dict[str, ColumnRef] = Field(
        description="Places whose number is a column's value: of another step the sentence tells that one's."
    )
    steps: list[int] | None = Field(description="First and last of the steps at which it can be said so.")


class FindingsAnswer(BaseModel):
    """What can be said of the runs."""

    findings: list[FindingAnswer]


class TrajectoriesAnswer(BaseModel):
    """All runs, in the order of the request."""

    surface: SurfaceAnswer
    runs: list[RunAnswer]
    findings: list[FindingAnswer]


class PenalisedAnswer(BaseModel):
    """The surface f + (λ/2)‖θ‖² over the same grid."""

    weight_decay: float
    z: Array
    minima: list[MinimumAnswer]


class GridAnswer(BaseModel):
    """Values z of shape (len(y), len(x)); NaN where the formula is not defined."""

    x: Array
    y: Array
    z: Array
    box: list[float]
    minima: list[MinimumAnswer]
    penalised: PenalisedAnswer | None = None
    surface: SurfaceAnswer


class ScriptAnswer(BaseModel):
    """A runnable Python script."""

    code: str
