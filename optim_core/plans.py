"""A training run-to-be: its options, checked once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from optim_core.catalogue import as_rule, as_task
from optim_core.declare.errors import InvalidInput
from optim_core.declare.kinds import complete
from optim_core.options import MAX_STEPS, OPTIONS
from optim_core.param_groups import Placement, Policy, explain
from optim_core.problem import check_number
from optim_core.rule import Rule
from optim_core.schedules import Plan, as_plan
from optim_core.task import Task, TaskRun

Precision = Literal["fp32", "bf16", "fp16", "fp16_unscaled"]
EVALUATIONS = 20  # in a run, unless it says otherwise
T = TypeVar("T")


@dataclass(frozen=True)
class TraceOptions:
    """What is traced, see `Tracer`: every tensor every 10th step, histograms every 100th."""

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
                given[name] = int(check_number(name, given[name], 1, MAX_STEPS, whole=True))
        try:
            given["watch"] = [(str(name), int(index)) for name, index in given.get("watch", ())]
        except (TypeError, ValueError):
            raise InvalidInput("expected pairs of a name and an index.", field="watch") from None
        return cls(**given)


@dataclass(frozen=True, kw_only=True)
class Plans:
    """A checked training run-to-be: everything that `Loop` needs beside the sink."""

    task: Task
    task_settings: Mapping[str, Any]
    rule: Rule
    hyper: Mapping[str, Any]
    steps: int
    seed: int
    batch_size: int
    device: torch.device
    schedule: Plan | None
    decay_schedule: Plan | None
    groups: Policy
    clip: float | None
    precision: Precision
    l2_in_loss: float
    trace: TraceOptions
    validate_every: int

    def config(self) -> dict[str, Any]:
        """The plans as JSON data, complete with defaults."""
        return {
            "task": {"id": self.task.id, **self.task_settings},
            "optimizer": self.rule.id,
            "hyper": dict(self.hyper),
            "steps": self.steps,
            "seed": self.seed,
            "batch_size": self.batch_size,
            "device": str(self.device),
            "schedule": _plan_json(self.schedule),
            "decay_schedule": _plan_json(self.decay_schedule),
            "groups": self.groups,
            "clip": self.clip,
            "precision": self.precision,
            "l2_in_loss": self.l2_in_loss,
            "trace": asdict(self.trace),
            "validate_every": self.validate_every,
        }

    def placements(self, model: nn.Module) -> list[Placement]:
        """Which tensors decay, and why."""
        return explain(model, self.groups)

    def build(self) -> TaskRun:
        """The task, ready to train."""
        return self.task.run(self.seed, self.device, self.task_settings)


def plan(
    task: object,
    rule: object,
    *,
    steps: object,
    seed: object,
    batch_size: object,
    device: object,
    schedule: object,
    decay_schedule: object,
    groups: object,
    clip: object,
    precision: object,
    l2_in_loss: object,
    trace: object,
    validate_every: object,
    hyper: Mapping[str, Any],
) -> Plans:
    """The plans that these options make; raises InvalidInput with the path of the first wrong field."""
    found, settings = _at("task", _task, task)
    chosen = _at("optimizer", as_rule, rule)
    count = _option("steps", found.steps if steps is None else steps)
    decay_plan = _at("decay_schedule", as_plan, decay_schedule)
    if decay_plan and "weight_decay" not in chosen.settings:
        raise InvalidInput(f"{chosen.title} has no decay to schedule.", field="decay_schedule")
    where = _at("device", _device, device)
    every = max(1, count // EVALUATIONS) if validate_every is None else validate_every
    return Plans(
        task=found,
        task_settings=settings,
        rule=chosen,
        hyper=_at("hyper", chosen.complete, {**found.suits(chosen), **hyper}),
        steps=count,
        seed=_option("seed", seed),
        batch_size=_option("batch_size", found.batch_size if batch_size is None else batch_size),
        device=where,
        schedule=_at("schedule", as_plan, schedule),
        decay_schedule=decay_plan,
        groups=_option("groups", groups),
        clip=_option("clip", clip) if clip else None,  # 0 means never
        precision=_option("precision", precision),
        l2_in_loss=_option("l2_in_loss", l2_in_loss),
        trace=_at("trace", TraceOptions.checked, trace),
        validate_every=int(check_number("validate_every", every, 1, MAX_STEPS, whole=True)),
    )


def _task(given: object) -> tuple[Task, dict[str, Any]]:
    """A task and its settings from a task, an id or ``{"id": …, settings}``."""
    settings = dict(given) if isinstance(given, Mapping) else {}
    task = as_task(settings.pop("id", None) if isinstance(given, Mapping) else given)
    return task, complete(task.settings, settings)


def _device(given: object) -> torch.device:
    if isinstance(given, torch.device):
        return given
    if given == "auto":
        best = "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device("cuda" if torch.cuda.is_available() else best)
    try:
        device = torch.device(str(given))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InvalidInput(f"got {str(given)[:40]!r}: {str(error).splitlines()[0][:200]}") from None
    return device


def _plan_json(plan: Plan | None) -> dict[str, Any] | None:
    return None if plan is None else {"id": plan.schedule.id, **plan.settings}


def _option(name: str, given: object) -> Any:
    """The option as its declaration takes it."""
    return _at(name, OPTIONS[name].kind.check, given)


def _at(field: str, check: Callable[[Any], T], given: object) -> T:
    """``check(given)``, with its error's path put below ``field``."""
    try:
        return check(given)
    except InvalidInput as error:
        raise error.within(field) from None
