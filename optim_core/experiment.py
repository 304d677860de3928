"""What is to be run: one optimizer on one problem, described once and checked once.

An experiment is the same thing to a script, a request, a form, a worker, the store and a file: JSON data
``{"surface": … or "task": …, options…, "optimizer", "hyper", "schedule", "decay_schedule"}``, which
`Experiment.checked` takes and `Experiment.config` gives back, complete with defaults. The path of a field
in an error is its path in that data. What may be told besides the optimizer's own settings is declared in
`optim_core.options`; forms, flags, schemas and documentation are made from these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import torch
from torch import nn

from optim_core.catalogue import as_rule, as_task
from optim_core.declare.errors import InvalidInput, at
from optim_core.declare.kinds import Setting, complete, show
from optim_core.declare.registry import lookup
from optim_core.options import SURFACE_OPTIONS, TASK_OPTIONS, Precision
from optim_core.param_groups import Placement, Policy, explain
from optim_core.rule import Rule
from optim_core.schedules import BoundSchedule, as_schedule
from optim_core.surfaces.catalogue import as_landscape, surfaces
from optim_core.surfaces.landscape import Landscape, formula_landscape
from optim_core.task import Task, TaskRun

Point: TypeAlias = tuple[float, float]
MAX_COORDINATE = 1e9
# Added to a gradient's norm before clipping divides by it, as torch.nn.utils.clip_grad_norm_ does.
CLIP_EPSILON = 1e-6
EVALUATIONS = 20  # in a training run, unless it says otherwise


@dataclass(frozen=True, kw_only=True)
class OptimizerChoice:
    """A rule with its settings and the schedules of η and λ."""

    rule: Rule
    hyper: Mapping[str, Any]
    schedule: BoundSchedule | None = None
    decay_schedule: BoundSchedule | None = None

    @classmethod
    def checked(cls, given: Mapping[str, Any], problem: Problem) -> OptimizerChoice:
        """From ``{"optimizer", "hyper"?, "schedule"?, "decay_schedule"?}``; raises InvalidInput.

        Settings that are left out are those that suit the problem, else the rule's defaults.
        """
        with at("optimizer"):
            rule = as_rule(given.get("optimizer"))
        with at("hyper"):
            hyper = rule.complete({**problem.suits(rule), **(given.get("hyper") or {})})
        with at("schedule"):
            schedule = as_schedule(given.get("schedule"))
        with at("decay_schedule"):
            decay_schedule = as_schedule(given.get("decay_schedule"))
            if decay_schedule and "weight_decay" not in rule.settings:
                raise InvalidInput(f"{rule.title} has no decay to schedule.", hint="Leave it out.")
        return cls(rule=rule, hyper=hyper, schedule=schedule, decay_schedule=decay_schedule)

    def config(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "optimizer": self.rule.id,
            "hyper": dict(self.hyper),
            "schedule": self.schedule and self.schedule.config(),
            "decay_schedule": self.decay_schedule and self.decay_schedule.config(),
        }


@dataclass(frozen=True, kw_only=True)
class SurfaceProblem:
    """A surface to descend, from a start, with noise on its gradient."""

    landscape: Landscape
    start: Point
    steps: int
    noise: float = 0.0
    seed: int = 0
    clip: float | None = None

    @classmethod
    def checked(cls, given: Mapping[str, Any]) -> SurfaceProblem:
        """From ``{"surface", "start"?, options…}``; raises InvalidInput."""
        with at("surface"):
            landscape = as_surface(given.get("surface"))
        start = given.get("start")
        options = checked_options(SURFACE_OPTIONS, given)
        return cls(
            landscape=landscape,
            start=landscape.starts[0] if start is None else check_point("start", start),
            **options | {"clip": options["clip"] or None},
        )

    def suits(self, rule: Rule) -> Mapping[str, Any]:
        """No surface has settings of its own."""
        return {}

    def noise_values(self) -> Sequence[Sequence[float]] | None:
        """Gradient noise (steps, 2); a longer run of the same seed begins with a shorter one's."""
        return _noise(self.noise, self.seed, self.steps) if self.noise else None

    def config(self) -> dict[str, Any]:
        """As JSON data."""
        names = SURFACE_OPTIONS
        return {"surface": surface_config(self.landscape), "start": list(self.start)} | {
            name: getattr(self, name) for name in names
        }


@dataclass(frozen=True)
class TraceOptions:
    """What is traced, see `Tracer`: every tensor every 10th step, histograms ten times as rarely."""

    every: int = 10
    histogram_every: int | None = None
    select: str | Sequence[str] = "*"
    watch: Sequence[tuple[str, int]] = ()

    @classmethod
    def checked(cls, options: object) -> TraceOptions:
        """From ``{"every": 1, "watch": [["head.bias", 3]]}``; raises InvalidInput."""
        if not (options is None or isinstance(options, Mapping)):
            raise InvalidInput(f"got {type(options).__name__}, expected an object.")
        given = dict(options or {})
        unknown = set(given) - {"every", "histogram_every", "select", "watch"}
        if unknown:
            raise InvalidInput(
                f"there is no option {min(unknown)[:40]!r} here;"
                " known: every, histogram_every, select, watch."
            )
        for name in ("every", "histogram_every"):
            if given.get(name) is not None:
                with at(name):
                    given[name] = TASK_OPTIONS["trace.every"].kind.check(given[name])
        try:
            given["watch"] = [(str(name), int(index)) for name, index in given.get("watch", ())]
        except (TypeError, ValueError):
            raise InvalidInput("expected pairs of a name and an index.", field="watch") from None
        return cls(**given)


@dataclass(frozen=True, kw_only=True)
class TaskProblem:
    """A task to train, and how."""

    task: Task
    settings: Mapping[str, Any]
    steps: int
    seed: int
    batch_size: int
    device: torch.device
    groups: Policy
    clip: float | None
    precision: Precision
    l2_in_loss: float
    trace: TraceOptions
    validate_every: int

    @classmethod
    def checked(cls, given: Mapping[str, Any]) -> TaskProblem:
        """From ``{"task", "settings"?, options…, "trace"?}``; raises InvalidInput."""
        with at("task"):
            task = as_task(given.get("task"))
        with at("settings"):
            settings = complete(task.settings, given.get("settings") or {})
        own = {"steps": task.steps, "batch_size": task.batch_size}
        options = checked_options({n: s for n, s in TASK_OPTIONS.items() if "." not in n}, given, own)
        with at("trace"):
            trace = TraceOptions.checked(given.get("trace"))
        with at("device"):
            device = as_device(options["device"])
        every = options["validate_every"] or max(1, options["steps"] // EVALUATIONS)
        return cls(
            task=task,
            settings=settings,
            **options
            | {"device": device, "clip": options["clip"] or None, "validate_every": every, "trace": trace},
        )

    def suits(self, rule: Rule) -> Mapping[str, Any]:
        """Settings of the rule that suit the task."""
        return self.task.suits(rule)

    def placements(self, model: nn.Module) -> list[Placement]:
        """Which tensors decay, and why."""
        return explain(model, self.groups)

    def build(self) -> TaskRun:
        """The task, ready to train."""
        return self.task.run(self.seed, self.device, self.settings)

    def config(self) -> dict[str, Any]:
        """As JSON data."""
        names = [name for name in TASK_OPTIONS if "." not in name]
        return {"task": self.task.id, "settings": dict(self.settings)} | {
            **{name: getattr(self, name) for name in names},
            "device": str(self.device),
            "trace": asdict(self.trace),
        }


Problem: TypeAlias = SurfaceProblem | TaskProblem
P = TypeVar("P", SurfaceProblem, TaskProblem)


@dataclass(frozen=True, kw_only=True)
class Experiment(Generic[P]):
    """One optimizer on one problem: a run-to-be."""

    problem: P
    optimizer: OptimizerChoice

    @property
    def rule(self) -> Rule:
        return self.optimizer.rule

    @property
    def hyper(self) -> Mapping[str, Any]:
        return self.optimizer.hyper

    @property
    def steps(self) -> int:
        return self.problem.steps

    def config(self) -> dict[str, Any]:
        """The experiment as JSON data, complete with defaults."""
        return {**self.problem.config(), **self.optimizer.config()}

    def lr_factors(self) -> list[float] | None:
        """The learning rate's factor at each step, or None when it stays 1."""
        schedule = self.optimizer.schedule
        return schedule.factors(self.steps) if schedule else None

    def decay_factors(self) -> list[float] | None:
        """The factor of λ at each step, or None when it stays 1."""
        schedule = self.optimizer.decay_schedule
        return schedule.factors(self.steps) if schedule else None


def surface_experiment(given: Mapping[str, Any]) -> Experiment[SurfaceProblem]:
    """The experiment on a surface that ``given`` describes; raises InvalidInput with the field's path."""
    problem = SurfaceProblem.checked(given)
    return Experiment(problem=problem, optimizer=OptimizerChoice.checked(given, problem))


def task_experiment(given: Mapping[str, Any]) -> Experiment[TaskProblem]:
    """The training run that ``given`` describes; raises InvalidInput with the field's path."""
    problem = TaskProblem.checked(given)
    return Experiment(problem=problem, optimizer=OptimizerChoice.checked(given, problem))


@lru_cache(maxsize=4)  # runs that are compared share their noise
def _noise(scale: float, seed: int, steps: int) -> Sequence[Sequence[float]]:
    generator = np.random.Generator(np.random.PCG64(seed))
    values: list[list[float]] = (scale * generator.standard_normal((steps, 2))).tolist()
    return values


# --- Fields -------------------------------------------------------------------------------------------


def checked_options(
    declared: Mapping[str, Setting], given: Mapping[str, Any], own: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Every declared option, as given or else its default; ``own`` replaces defaults of None."""
    values = {}
    for name, setting in declared.items():
        value = given.get(name)
        if value is None:
            value = (own or {}).get(name, setting.default)
        with at(name):
            values[name] = None if value is None else setting.kind.check(value)
    return values


def as_surface(given: object) -> Landscape:
    """A landscape from one, an id, a formula, ``{"id", "params"?}`` or ``{"formula"}``."""
    if not isinstance(given, Mapping):
        return as_landscape(given)
    if given.get("formula") is not None:
        return formula_landscape(given["formula"])
    with at("id"):
        declared = lookup(surfaces(), given.get("id"), "surface")
    with at("params"):
        return declared.at(**complete(declared.parameters, given.get("params") or {}))


def surface_config(landscape: Landscape) -> dict[str, Any]:
    """A landscape as JSON data."""
    if landscape.surface_id is None:
        return {"formula": landscape.formula.text}
    return {"id": landscape.surface_id, "params": dict(landscape.params)}


def check_point(field: str, value: object) -> Point:
    """``value`` as a point of the plane; raises InvalidInput."""
    try:
        x, y = (float(coordinate) for coordinate in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"got {show(value)}, expected two numbers (x, y).", field=field) from None
    if not (math.hypot(x, y) <= MAX_COORDINATE):
        raise InvalidInput(
            f"got ({x:g}, {y:g}), allowed is at most {MAX_COORDINATE:g} from the origin.", field=field
        )
    return x, y


def as_device(given: object) -> torch.device:
    """torch's device of this name; "auto" is the best there is. Raises InvalidInput."""
    if given == "auto":
        best = "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device("cuda" if torch.cuda.is_available() else best)
    try:
        device = torch.device(str(given))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InvalidInput(f"got {str(given)[:40]!r}: {str(error).splitlines()[0][:200]}") from None
    return device


def flat_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as `Experiment.config` gives it, from one of version 0.1.0: ``{"task": {"id", …}}``."""
    task = config.get("task")
    if not isinstance(task, Mapping):
        return dict(config)
    settings = {name: value for name, value in task.items() if name != "id"}
    return {"task": task.get("id"), "settings": settings} | {n: v for n, v in config.items() if n != "task"}
