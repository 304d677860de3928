r"""LAMB: Adam's step, stretched so that a tensor moves in proportion to its own norm.

    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2
    r_t = \frac{1}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}  % bias_correction, not eps_in_root
    r_t = \frac{1}{\sqrt{v_t / (1 - \beta_2^t) + \epsilon}}  % bias_correction, eps_in_root
    r_t = \frac{1}{\sqrt{v_t} + \epsilon}  % not bias_correction, not eps_in_root
    r_t = \frac{1}{\sqrt{v_t + \epsilon}}  % not bias_correction, eps_in_root
    d_t = \frac{m_t}{1 - \beta_1^t}  % bias_correction
    d_t = m_t  % not bias_correction
    k_t = \frac{\lVert \theta \rVert}{\lVert r_t d_t + \lambda \theta_{t-1} \rVert}
    \alpha_t = \eta k_t r_t
    \delta_t = \eta k_t \lambda \theta_{t-1}

You et al. 2020, algorithm 2, with the identity for its φ. The trust ratio k_t is 1 where either norm
is 0. λθ is outside the moments but inside the trust ratio. Not elementwise: the norms are the tensor's.
"""

from __future__ import annotations

from typing import NamedTuple

from optim_core.arithmetic import Array, norm, sqrt, where, zeros_like
from optim_core.rule import (
    Beta1,
    Beta2,
    BiasCorrection,
    Epsilon,
    EpsilonInRoot,
    LearningRate,
    Rule,
    Step,
    WeightDecay,
)


class State(NamedTuple):
    m: Array  # average gradient
    v: Array  # average squared gradient


def init(param: Array) -> State:
    return State(zeros_like(param), zeros_like(param))


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    eps: Epsilon = 1e-6,
    eps_in_root: EpsilonInRoot = False,
    weight_decay: WeightDecay = 1e-2,
    bias_correction: BiasCorrection = True,
) -> tuple[Step, State]:
    m = beta1 * state.m + (1.0 - beta1) * grad
    v = beta2 * state.v + (1.0 - beta2) * grad * grad
    correction1, correction2 = (1.0 - beta1**step, 1.0 - beta2**step) if bias_correction else (1.0, 1.0)
    root = sqrt(v / correction2 + eps) if eps_in_root else sqrt(v) / correction2**0.5 + eps
    scale, direction = 1.0 / root, m / correction1
    pull = weight_decay * param
    size, length = norm(param), norm(scale * direction + pull)
    stretched = (size > 0.0) & (length > 0.0)
    trust = where(stretched, size, 1.0) / where(stretched, length, 1.0)
    rate = lr * trust
    return Step(rate * scale, direction, rate * pull), State(m, v)


RULE = Rule(
    title="LAMB",
    family="Others",
    source="You et al. 2020",
    decay="decoupled",
    elementwise=False,
    lr_ratio=5.0,
)
