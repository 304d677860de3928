"""Schedules: the factor on a learning rate (or on λ) at every step of a run.

A schedule is a function ``f(step, steps, *, settings…)`` that returns the factor at ``step``
(1 … ``steps``). The factors are those that torch's scheduler of the same name gives when it is
stepped after each optimizer step. Any schedule may have a linear warm-up in front.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

from optim_core.declare.errors import InvalidInput
from optim_core.declare.kinds import Integer, Real, Setting, complete, declared
from optim_core.declare.registry import lookup

Fraction = Annotated[
    float,
    Real(label="part of the run", help="As a fraction of all steps.", low=0.0, high=1.0, slider=(0.0, 1.0)),
]
EndFactor = Annotated[
    float,
    Real(
        label="end factor", help="The factor at the end of the run.", low=0.0, high=100.0, slider=(0.0, 1.0)
    ),
]
WARM_UP = Setting(
    "warmup_steps",
    Integer(
        label="warm-up steps",
        help="Steps over which the factor rises linearly before the schedule itself begins.",
        low=0,
        high=10_000_000,
        slider=(0, 500),
    ),
    0,
)
WARM_UP_START = Setting(
    "warmup_start",
    Integer(
        label="warm-up begins at",
        help="1: at 1/w of w warm-up steps, so that every step moves. 0: at 0, as in transformers.",
        low=0,
        high=1,
        slider=(0, 1),
    ),
    1,
)


@dataclass(frozen=True)
class Schedule:
    """A declared schedule: ``factor(step, steps, **settings)``."""

    id: str
    title: str
    summary: str
    settings: Mapping[str, Setting]
    factor: Callable[..., float]

    def at(self, **given: Any) -> Plan:
        """The schedule with its settings chosen; raises InvalidInput."""
        return Plan(self, complete(self.settings, given))


@dataclass(frozen=True)
class Plan:
    """A schedule with its settings."""

    schedule: Schedule
    settings: Mapping[str, Any]

    def __call__(self, step: int, steps: int) -> float:
        """The factor at ``step`` (from 1) of a run of ``steps``."""
        settings = dict(self.settings)
        warm_up, start = settings.pop(WARM_UP.name), settings.pop(WARM_UP_START.name)
        rising = step <= warm_up
        factor = self.schedule.factor(1 if rising else step - warm_up, max(steps - warm_up, 1), **settings)
        return (step - 1 + start) / warm_up * factor if rising else factor

    def factors(self, steps: int) -> list[float]:
        """The factors of steps 1 … ``steps``."""
        return [self(step, steps) for step in range(1, steps + 1)]


def constant(step: int, steps: int) -> float:
    """The same factor throughout."""
    return 1.0


def linear(step: int, steps: int, *, end: EndFactor = 0.0) -> float:
    """A straight line from 1 to the end factor (torch's LinearLR)."""
    return 1.0 + (end - 1.0) * (step - 1) / steps


def cosine(step: int, steps: int, *, end: EndFactor = 0.0) -> float:
    """Half a cosine from 1 to the end factor (Loshchilov & Hutter 2017; torch's CosineAnnealingLR)."""
    return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * (step - 1) / steps))


def step_decay(
    step: int,
    steps: int,
    *,
    drops: Annotated[
        int, Integer(label="drops", help="How often the factor drops.", low=1, high=100, slider=(1, 10))
    ] = 2,
    gamma: Annotated[
        float,
        Real(label="drop factor γ", help="What a drop multiplies by.", low=0.0, high=1.0, slider=(0.01, 1.0)),
    ] = 0.1,
) -> float:
    """Equal stretches, the factor multiplied by γ between them (torch's StepLR)."""
    return float(gamma ** ((step - 1) // math.ceil(steps / (drops + 1))))


def exponential(step: int, steps: int, *, end: EndFactor = 0.01) -> float:
    """A constant ratio from step to step, down to the end factor (torch's ExponentialLR)."""
    return float(end ** ((step - 1) / steps))


def one_cycle(
    step: int,
    steps: int,
    *,
    rise: Fraction = 0.3,
    start: Annotated[
        float,
        Real(
            label="start factor", help="The factor at the first step.", low=0.0, high=1.0, slider=(0.0, 1.0)
        ),
    ] = 0.04,
    end: EndFactor = 4e-6,
) -> float:
    """Up to 1 and down again, both by half cosines (Smith & Topin 2018; torch's OneCycleLR)."""
    peak = rise * steps - 1.0
    position = step - 1.0
    if position <= peak:
        return _half_cosine(start, 1.0, position / peak if peak else 1.0)
    fall = steps - 1.0 - peak
    return _half_cosine(1.0, end, (position - peak) / fall if fall > 0.0 else 1.0)


def warmup_stable_decay(
    step: int,
    steps: int,
    *,
    rise: Fraction = 0.05,
    fall: Fraction = 0.2,
    end: EndFactor = 0.0,
) -> float:
    """A linear rise, a plateau at 1, and a linear fall at the end (Hu et al. 2024)."""
    rising, falling = rise * steps, fall * steps
    if step < rising:
        return step / rising
    left = steps - step + 1
    return end + (1.0 - end) * left / falling if left < falling else 1.0


def ramp(step: int, steps: int, *, end: EndFactor = 1.0) -> float:
    """A straight line from 0 up to the end factor: λ(t) = λ·t/T, meant for decay."""
    return end * step / steps


def _half_cosine(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * fraction))


def _declare(title: str, factor: Callable[..., float], name: str = "") -> Schedule:
    settings = {**declared(factor), WARM_UP.name: WARM_UP, WARM_UP_START.name: WARM_UP_START}
    return Schedule(name or factor.__name__, title, inspect.getdoc(factor) or "", settings, factor)


_SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        schedule.id: schedule
        for schedule in (
            _declare("constant", constant),
            _declare("linear", linear),
            _declare("cosine", cosine),
            _declare("step", step_decay, "step"),
            _declare("exponential", exponential),
            _declare("one-cycle", one_cycle),
            _declare("warm-up–stable–decay", warmup_stable_decay),
            _declare("ramp up", ramp),
        )
    }
)


def schedules() -> Mapping[str, Schedule]:
    """Every schedule, by id."""
    return _SCHEDULES


def as_plan(given: object) -> Plan | None:
    """A plan from None, a plan, an id (``"cosine"``) or ``{"id": "cosine", "end": 0.1}``."""
    if given is None or isinstance(given, Plan):
        return given
    if isinstance(given, Mapping):
        settings = dict(given)
        return lookup(_SCHEDULES, settings.pop("id", None), "schedule").at(**settings)
    if isinstance(given, str):
        return lookup(_SCHEDULES, given, "schedule").at()
    raise InvalidInput(
        f"got {type(given).__name__}, expected a schedule's id or an object such as"
        " {'id': 'cosine', 'end': 0.1}."
    )
