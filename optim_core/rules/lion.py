r"""Lion: every coordinate steps by the learning rate, and only the sign is learned.

    c_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    m_t = \beta_2 m_{t-1} + (1 - \beta_2) g_t
    \alpha_t = \eta
    d_t = \mathrm{sign}(c_t)
    r_t = \eta \lambda  % not relative_decay
    r_t = \eta \lambda \max(\mathrm{RMS}(\theta_{t-1}), 10^{-3})  % relative_decay=true
    r_t = \eta \lambda \max(\lVert \theta \rVert, 10^{-3})  % relative_decay=norm
    \delta_t = r_t \theta_{t-1}  % decay_order=before
    \delta_t = r_t (\theta_{t-1} - \alpha_t d_t)  % decay_order=after

Chen et al. 2023, program 1.
"""

from __future__ import annotations

from math import nan
from typing import NamedTuple

from optim_core.arithmetic import Array, sign, zeros_like
from optim_core.decay import decoupled, decoupled_rate
from optim_core.rule import (
    Beta1,
    Beta2,
    DecayOrder,
    LearningRate,
    RelativeDecay,
    Rule,
    Step,
    WeightDecay,
)


class State(NamedTuple):
    m: Array  # average gradient


def init(param: Array) -> State:
    return State(zeros_like(param))


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-4,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.99,
    weight_decay: WeightDecay = 0.0,
    decay_order: DecayOrder = "before",
    relative_decay: RelativeDecay = False,
    param_norm: Array = nan,
) -> tuple[Step, State]:
    direction = sign(beta1 * state.m + (1.0 - beta1) * grad)
    m = beta2 * state.m + (1.0 - beta2) * grad
    decay = decoupled(lr * weight_decay, param, lr, direction, decay_order, relative_decay, param_norm)
    return Step(lr, direction, decay), State(m)


def decay_rate(
    *, lr: Array, weight_decay: Array, relative_decay: object, param_norm: Array | None = None
) -> Array | None:
    return decoupled_rate(lr * weight_decay, relative_decay, param_norm)


RULE = Rule(
    title="Lion",
    family="Others",
    source="Chen et al. 2023",
    decay="decoupled",
    needs=("param_norm",),
    lr_ratio=0.3,
)
