r"""SGDW: gradient descent with momentum, and every weight shrinks by the same ηλ beside it.

    v_t = \beta v_{t-1} + g_t
    \alpha_t = \eta
    d_t = v_t
    r_t = \eta \lambda  % not relative_decay
    r_t = \eta \lambda \max(\mathrm{RMS}(\theta_{t-1}), 10^{-3})  % relative_decay=true
    r_t = \eta \lambda \max(\lVert \theta \rVert, 10^{-3})  % relative_decay=norm
    \delta_t = r_t \theta_{t-1}  % decay_order=before
    \delta_t = r_t (\theta_{t-1} - \alpha_t d_t)  % decay_order=after

Loshchilov & Hutter 2019, algorithm 1, in the convention of torch's AdamW: λ is multiplied by the
learning rate. Without momentum this is SGD+L2; with it λθ stays outside the velocity, and they part.
The paper puts the scheduled learning rate inside the velocity (v ← βv + ηg, θ ← θ − v); here, as in
torch's SGD, the velocity gathers gradients and the present rate multiplies it. Under a constant rate
the two are one; when it falls, ours slows all of the velocity at once.
"""

from __future__ import annotations

from math import nan
from typing import NamedTuple

from optim_core.arithmetic import Array, zeros_like
from optim_core.decay import decoupled
from optim_core.rule import (
    DecayOrder,
    LearningRate,
    Momentum,
    RelativeDecay,
    Rule,
    Step,
    Twin,
    WeightDecay,
)


class State(NamedTuple):
    v: Array  # velocity


def init(param: Array) -> State:
    return State(zeros_like(param))


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-3,
    momentum: Momentum = 0.0,
    weight_decay: WeightDecay = 1e-2,
    decay_order: DecayOrder = "before",
    relative_decay: RelativeDecay = False,
    param_norm: Array = nan,
) -> tuple[Step, State]:
    v = momentum * state.v + grad
    decay = decoupled(lr * weight_decay, param, lr, v, decay_order, relative_decay, param_norm)
    return Step(lr, v, decay), State(v)


RULE = Rule(
    title="SGDW",
    family="Gradient descent",
    source="Loshchilov & Hutter 2019, algorithm 1",
    decay="decoupled",
    needs=("param_norm",),
    step_size="gradient",
    reference=Twin(  # torch has it only where it is SGD+L2
        "SGD",
        lambda h: {"lr": h["lr"], "weight_decay": h["weight_decay"]},
        only={"momentum": 0.0, "decay_order": "before", "relative_decay": False},
    ),
)
