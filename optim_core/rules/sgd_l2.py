r"""SGD+L2: gradient descent on the loss plus a squared-norm penalty.

    \alpha_t = \eta
    d_t = g_t
    \delta_t = \eta \lambda \theta_{t-1}  % penalty=half
    \delta_t = 2 \eta \lambda \theta_{t-1}  % penalty=full

torch.optim.SGD(weight_decay=λ). For plain SGD this is weight decay itself.
"""

from __future__ import annotations

from typing import NamedTuple

from optim_core.arithmetic import Array
from optim_core.decay import equilibrium, penalty_gradient
from optim_core.rule import LearningRate, Penalty, Rule, Step, Twin, WeightDecay


class State(NamedTuple):
    """Nothing is remembered."""


def init(param: Array) -> State:
    return State()


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-3,
    weight_decay: WeightDecay = 1e-2,
    penalty: Penalty = "half",
) -> tuple[Step, State]:
    return Step(lr, grad, lr * penalty_gradient(param, weight_decay, penalty)), state


def decay_rate(*, lr: Array, weight_decay: Array, penalty: str) -> Array:
    return lr * penalty_gradient(1.0, weight_decay, penalty)


def equilibrium_angle(*, lr: Array, weight_decay: Array, penalty: str) -> Array:
    return equilibrium(decay_rate(lr=lr, weight_decay=weight_decay, penalty=penalty))


RULE = Rule(
    title="SGD+L2",
    family="Gradient descent",
    source="Hanson & Pratt 1988",
    decay="coupled",
    step_size="gradient",
    reference=Twin(
        "SGD",
        lambda h: {
            "lr": h["lr"],
            "weight_decay": h["weight_decay"] * (2.0 if h["penalty"] == "full" else 1.0),
        },
    ),
)
