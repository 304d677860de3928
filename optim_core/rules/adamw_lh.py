r"""AdamW-LH: AdamW whose decay follows the schedule but not the learning rate.

    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}  % bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t) + \epsilon}}  % bias_correction, eps_in_root
    d_t = \frac{m_t}{1 - \beta_1^t}  % bias_correction
    \alpha_t = \frac{\eta}{\sqrt{v_t} + \epsilon}  % not bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t + \epsilon}}  % not bias_correction, eps_in_root
    d_t = m_t  % not bias_correction
    r_t = \phi_t \lambda  % not relative_decay
    r_t = \phi_t \lambda \max(\mathrm{RMS}(\theta_{t-1}), 10^{-3})  % relative_decay=true
    r_t = \phi_t \lambda \max(\lVert \theta \rVert, 10^{-3})  % relative_decay=norm
    \delta_t = r_t \theta_{t-1}  % decay_order=before
    \delta_t = r_t (\theta_{t-1} - \alpha_t d_t)  % decay_order=after

Loshchilov & Hutter 2019, algorithm 2, their own convention: φ_t is the learning-rate schedule's
factor, so that η and λ can be chosen apart from each other.
"""

from __future__ import annotations

from math import nan

from optim_core.arithmetic import Array, sqrt
from optim_core.decay import average_evenness, decoupled, decoupled_rate, equilibrium
from optim_core.rule import (
    Beta1,
    Beta2,
    BiasCorrection,
    DecayOrder,
    Epsilon,
    EpsilonInRoot,
    LearningRate,
    RelativeDecay,
    Rule,
    Step,
    WeightDecay,
)
from optim_core.rules.adam import State, init

__all__ = ["RULE", "init", "update"]


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-3,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    eps: Epsilon = 1e-8,
    eps_in_root: EpsilonInRoot = False,
    weight_decay: WeightDecay = 1e-2,
    decay_order: DecayOrder = "before",
    relative_decay: RelativeDecay = False,
    bias_correction: BiasCorrection = True,
    param_norm: Array = nan,
    schedule_factor: Array = 1.0,
) -> tuple[Step, State]:
    m = beta1 * state.m + (1.0 - beta1) * grad
    v = beta2 * state.v + (1.0 - beta2) * grad * grad
    correction1, correction2 = (1.0 - beta1**step, 1.0 - beta2**step) if bias_correction else (1.0, 1.0)
    root = sqrt(v / correction2 + eps) if eps_in_root else sqrt(v) / correction2**0.5 + eps
    effective_lr, direction = lr / root, m / correction1
    decay = decoupled(
        schedule_factor * weight_decay,
        param,
        effective_lr,
        direction,
        decay_order,
        relative_decay,
        param_norm,
    )
    return Step(effective_lr, direction, decay), State(m, v)


def decay_rate(
    *,
    weight_decay: Array,
    schedule_factor: Array,
    relative_decay: object,
    param_norm: Array | None = None,
) -> Array | None:
    return decoupled_rate(schedule_factor * weight_decay, relative_decay, param_norm)


def equilibrium_angle(
    *, weight_decay: Array, schedule_factor: Array, beta1: Array, relative_decay: object
) -> Array | None:
    return None if relative_decay else equilibrium(schedule_factor * weight_decay, average_evenness(beta1))


RULE = Rule(
    title="AdamW-LH",
    family="Adam",
    source="Loshchilov & Hutter 2019, algorithm 2",
    decay="decoupled",
    needs=("param_norm", "schedule_factor"),
)
