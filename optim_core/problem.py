"""What is to be run: surface, rule, start, schedules and noise, checked once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from optim_core.catalogue import as_rule
from optim_core.declare.errors import InvalidInput
from optim_core.rule import Rule
from optim_core.schedules import Plan, as_plan
from optim_core.surfaces.catalogue import as_landscape
from optim_core.surfaces.landscape import Landscape

Point: TypeAlias = tuple[float, float]
T = TypeVar("T")

MAX_STEPS = 10_000_000
MAX_NOISE = 1e6
MAX_CLIP = 1e12
# Added to a gradient's norm before clipping divides by it, as torch.nn.utils.clip_grad_norm_ does.
CLIP_EPSILON = 1e-6
MAX_COORDINATE = 1e9


@dataclass(frozen=True)
class Problem:
    """A checked run-to-be; `Problem.checked` makes one from whatever a user gave."""

    landscape: Landscape
    rule: Rule
    hyper: Mapping[str, Any]
    start: Point
    steps: int
    schedule: Plan | None = None
    decay_schedule: Plan | None = None
    noise: float = 0.0
    seed: int = 0
    clip: float | None = None

    @classmethod
    def checked(
        cls,
        surface: object,
        rule: Rule | str,
        start: object,
        steps: object,
        schedule: object,
        decay_schedule: object,
        noise: object,
        seed: object,
        hyper: Mapping[str, Any],
        clip: object = None,
    ) -> Problem:
        """The run-to-be; raises InvalidInput with the path of the first field that is wrong."""
        landscape = as_landscape(surface)
        found = _at("optimizer", as_rule, rule)
        return cls(
            landscape,
            found,
            _at("hyper", found.complete, hyper),
            landscape.starts[0] if start is None else check_point("start", start),
            int(check_number("steps", steps, 1, MAX_STEPS, whole=True)),
            _at("schedule", as_plan, schedule),
            _check_decay_schedule(found, decay_schedule),
            check_number("noise", noise, 0.0, MAX_NOISE),
            int(check_number("seed", seed, 0, 2**63 - 1, whole=True)),
            check_clip(clip),
        )

    def lr_factors(self) -> list[float] | None:
        """The learning rate's factor at each step, or None when it stays 1."""
        return self.schedule.factors(self.steps) if self.schedule else None

    def decay_factors(self) -> list[float] | None:
        """The factor of λ at each step, or None when it stays 1."""
        return self.decay_schedule.factors(self.steps) if self.decay_schedule else None

    def noise_values(self) -> list[list[float]] | None:
        """Gradient noise (steps, 2); a longer run of the same seed begins with a shorter one's."""
        if not self.noise:
            return None
        generator = np.random.Generator(np.random.PCG64(self.seed))
        values: list[list[float]] = (self.noise * generator.standard_normal((self.steps, 2))).tolist()
        return values


def check_number(field: str, value: object, low: float, high: float, *, whole: bool = False) -> float:
    """``value`` if it is a finite number in [low, high]; raises InvalidInput."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high or (whole and value != int(value)):  # type: ignore[operator,call-overload]
        kind = "a whole number" if whole else "a number"
        raise InvalidInput(f"got {str(value)[:40]}, allowed is {kind} from {low:g} to {high:g}.", field=field)
    return value  # type: ignore[return-value]


def check_clip(value: object) -> float | None:
    """The largest norm of a gradient; None, and so 0, means any. Raises InvalidInput."""
    return None if value is None else check_number("clip", value, 0.0, MAX_CLIP) or None


def check_point(field: str, value: object) -> Point:
    """``value`` as a point of the plane; raises InvalidInput."""
    try:
        x, y = (float(coordinate) for coordinate in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"got {str(value)[:40]}, expected two numbers (x, y).", field=field) from None
    if not (math.hypot(x, y) <= MAX_COORDINATE):
        raise InvalidInput(
            f"got ({x:g}, {y:g}), allowed is at most {MAX_COORDINATE:g} from the origin.", field=field
        )
    return x, y


def _check_decay_schedule(rule: Rule, given: object) -> Plan | None:
    plan = _at("decay_schedule", as_plan, given)
    if plan and "weight_decay" not in rule.settings:
        raise InvalidInput(
            f"{rule.title} has no decay to schedule.", field="decay_schedule", hint="Leave it out."
        )
    return plan


def _at(field: str, check: Callable[[Any], T], given: object) -> T:
    """``check(given)``, with its error's path put below ``field``."""
    try:
        return check(given)
    except InvalidInput as error:
        raise error.within(field) from None
