"""What the contract suite runs every optimizer on: settings drawn from its declaration, and a problem."""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from optim_core.catalogue import rules
from optim_core.decay import relative_norm
from optim_core.declare.kinds import Choice, Flag, Integer, Real
from optim_core.rule import Rule, Twin

Array = NDArray[np.float64]
SHAPES = ((), (1,), (7,), (5, 3), (2, 3, 4))


@dataclass(frozen=True)
class Case:
    """A rule under one combination of its flags and choices, with numbers drawn for the rest."""

    rule: Rule
    hyper: Mapping[str, Any]
    name: str

    @property
    def reals(self) -> tuple[str, ...]:
        return tuple(n for n, s in self.rule.settings.items() if isinstance(s.kind, Real))


def cases(*, at_least: int = 1, elementwise: bool | None = None) -> list[Case]:
    """Every rule under every combination of its flags and choices; at least so many draws a rule."""
    found = []
    for rule in rules().values():
        if elementwise is None or rule.elementwise == elementwise:
            words = list(combinations(rule))
            found += [drawn(rule, words[i % len(words)], i) for i in range(max(at_least, len(words)))]
    return found


def in_torch(cases: list[Case]) -> list[Case]:
    """The cases that torch has too, with the numbers at which it has them."""
    found = []
    for case in cases:
        reference = case.rule.reference
        if isinstance(reference, Twin):
            fixed = {k: v for k, v in reference.only.items() if k in case.reals}
            case = replace(case, hyper={**case.hyper, **fixed})
        if reference is not None and (not isinstance(reference, Twin) or reference.covers(case.hyper)):
            found.append(case)
    return found


def combinations(rule: Rule) -> Iterator[dict[str, Any]]:
    """Every combination of the rule's flags and choices."""
    options = {
        name: (False, True) if isinstance(setting.kind, Flag) else tuple(setting.kind.options)
        for name, setting in rule.settings.items()
        if isinstance(setting.kind, Flag | Choice)
    }
    return (dict(zip(options, chosen, strict=True)) for chosen in itertools.product(*options.values()))


def drawn(rule: Rule, words: Mapping[str, Any], draw: int = 0) -> Case:
    """The combination with numbers that suit their declarations."""
    name = "-".join(
        [rule.id, *(k if v is True else str(v) for k, v in words.items() if v is not False), str(draw)]
    )
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    hyper = rule.complete({**words, **numbers(rule, rng)})
    if draw % 2 == 0:  # sizes that matter on small tensors
        hyper |= {n: v for n, v in rule.demo.items() if isinstance(rule.settings[n].kind, Integer)}
    return Case(rule, hyper, name)


def numbers(rule: Rule, rng: np.random.Generator) -> dict[str, Any]:
    """A number for every numeric setting: near the default where that is positive, else in the slider."""
    found: dict[str, Any] = {}
    for name, setting in rule.settings.items():
        kind = setting.kind
        if isinstance(kind, Real):
            if kind.scale == "log":
                near = (
                    (setting.default / 3.0, setting.default * 3.0) if setting.default > 0.0 else kind.slider
                )
                low, high = (math.log(end) for end in near)
                found[name] = float(np.clip(math.exp(rng.uniform(low, high)), kind.low, kind.high))
            else:
                found[name] = float(rng.uniform(*kind.slider)) * (0.99 if kind.below else 1.0)
        elif isinstance(kind, Integer):
            found[name] = int(rng.integers(kind.slider[0], kind.slider[1] + 1))
    return found


class Bowl:
    """A gradient that stays benign: an ill-conditioned quadratic, and noise that depends on the step."""

    def __init__(self, shape: tuple[int, ...], steps: int, seed: int = 0):
        rng = np.random.default_rng(seed)
        size = math.prod(shape)
        self.start = rng.normal(size=size).reshape(shape)
        self.curvature = np.geomspace(0.02, 2.0, size).reshape(shape) if size > 1 else np.full(shape, 0.7)
        self.minimum = rng.normal(size=size).reshape(shape)
        self.noise = 0.3 * rng.normal(size=(steps + 1, *shape))

    def gradient(self, theta: Array, t: int) -> Array:
        return self.curvature * (theta - self.minimum) + self.noise[t]


def factors(steps: int) -> list[float]:
    """A learning-rate schedule, so that nothing holds for a constant rate only."""
    return [0.55 + 0.45 * math.cos(4.0 * t / steps) for t in range(steps + 1)]


def services(rule: Rule, theta: Any, factor: float, hyper: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the rule needs beside its settings."""
    norm = torch.linalg.vector_norm(theta) if isinstance(theta, torch.Tensor) else np.linalg.norm(theta)
    norm = relative_norm(norm, math.prod(theta.shape), (hyper or {}).get("relative_decay"))
    return {name: {"param_norm": norm, "schedule_factor": factor}[name] for name in rule.needs}
