r"""Gradient descent: step against the gradient, by the learning rate.

    \alpha_t = \eta
    d_t = g_t

Robbins & Monro 1951; torch.optim.SGD.
"""

from __future__ import annotations

from typing import NamedTuple

from optim_core.arithmetic import Array
from optim_core.rule import LearningRate, Rule, Step, Twin


class State(NamedTuple):
    """Nothing is remembered."""


def init(param: Array) -> State:
    return State()


def update(
    grad: Array, state: State, param: Array, step: int, *, lr: LearningRate = 1e-3
) -> tuple[Step, State]:
    return Step(lr, grad, 0.0), state


RULE = Rule(
    title="SGD",
    family="Gradient descent",
    source="Robbins & Monro 1951",
    step_size="gradient",
    reference=Twin("SGD", lambda h: {"lr": h["lr"]}),
)
