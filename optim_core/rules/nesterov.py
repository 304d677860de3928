r"""Nesterov momentum: step along the new gradient plus the velocity that it has just changed.

    w_t = 1 - \beta  % average
    w_t = 1  % not average
    v_t = \beta v_{t-1} + w_t g_t
    u_t = \beta u_{t-1} + w_t \lambda \theta_{t-1}  % not decoupled_weight_decay
    \alpha_t = \eta
    d_t = w_t g_t + \beta v_t
    \delta_t = \eta (w_t \lambda \theta_{t-1} + \beta u_t)  % not decoupled_weight_decay
    \delta_t = \eta \lambda \theta_{t-1}  % decoupled_weight_decay

Nesterov 1983 in torch's form, torch.optim.SGD(nesterov=True). Sutskever et al. 2013 put the learning
rate inside the velocity, so that a step remembers the rates of past ones; here the present rate
multiplies all of it. Under a constant rate the two are one.
"""

from __future__ import annotations

from optim_core.arithmetic import Array
from optim_core.rule import Decoupled, LearningRate, Momentum, Rule, Step, Twin, WeightDecay
from optim_core.rules import momentum as plain
from optim_core.rules.momentum import Average, State, init

__all__ = ["RULE", "init", "update"]


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-3,
    momentum: Momentum = 0.9,
    average: Average = False,
    weight_decay: WeightDecay = 0.0,
    decoupled_weight_decay: Decoupled = False,
) -> tuple[Step, State]:
    return plain.update(
        grad,
        state,
        param,
        step,
        lr=lr,
        momentum=momentum,
        average=average,
        nesterov=True,
        weight_decay=weight_decay,
        decoupled_weight_decay=decoupled_weight_decay,
    )


RULE = Rule(
    title="Nesterov",
    family="Gradient descent",
    source="Nesterov 1983; Sutskever et al. 2013",
    decay="coupled",
    step_size="gradient",
    symbols={"v_decay": "u"},
    reference=Twin(
        "SGD",
        lambda h: {
            "lr": h["lr"],
            "momentum": h["momentum"],
            "nesterov": h["momentum"] > 0.0,  # without momentum it is SGD, and torch wants it said so
            "weight_decay": h["weight_decay"],
        },
        only={"average": False, "decoupled_weight_decay": False},
        state={"momentum_buffer": ("v", "v_decay")},
    ),
)
