r"""AdamW: Adam's step, and every weight shrinks by the same ηλ beside it.

    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}  % bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t) + \epsilon}}  % bias_correction, eps_in_root
    d_t = \frac{m_t}{1 - \beta_1^t}  % bias_correction
    \alpha_t = \frac{\eta}{\sqrt{v_t} + \epsilon}  % not bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t + \epsilon}}  % not bias_correction, eps_in_root
    d_t = m_t  % not bias_correction
    r_t = \eta \lambda  % not relative_decay
    r_t = \eta \lambda \max(\mathrm{RMS}(\theta_{t-1}), 10^{-3})  % relative_decay=true
    r_t = \eta \lambda \max(\lVert \theta \rVert, 10^{-3})  % relative_decay=norm
    \delta_t = r_t \theta_{t-1}  % decay_order=before
    \delta_t = r_t (\theta_{t-1} - \alpha_t d_t)  % decay_order=after

Loshchilov & Hutter 2019 in torch's convention: λ is multiplied by the scheduled learning rate, and
the weights shrink before the step. torch.optim.AdamW.
"""

from __future__ import annotations

from math import nan
from typing import Any

from torch import Tensor

from optim_core.arithmetic import Array, sqrt
from optim_core.decay import decoupled
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
    Twin,
    WeightDecay,
)
from optim_core.rules._kernels import GetParts, fused_adamw
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
) -> tuple[Step, State]:
    m = beta1 * state.m + (1.0 - beta1) * grad
    v = beta2 * state.v + (1.0 - beta2) * grad * grad
    correction1, correction2 = (1.0 - beta1**step, 1.0 - beta2**step) if bias_correction else (1.0, 1.0)
    root = sqrt(v / correction2 + eps) if eps_in_root else sqrt(v) / correction2**0.5 + eps
    effective_lr, direction = lr / root, m / correction1
    decay = decoupled(
        lr * weight_decay, param, effective_lr, direction, decay_order, relative_decay, param_norm
    )
    return Step(effective_lr, direction, decay), State(m, v)


def fused(
    grad: Tensor,
    state: State,
    param: Tensor,
    step: int,
    *,
    bias_correction: bool,
    eps_in_root: bool,
    decay_order: str,
    relative_decay: bool,
    **settings: Any,
) -> GetParts | None:
    as_torch = bias_correction and decay_order == "before" and not (relative_decay or eps_in_root)
    return fused_adamw(grad, *state, param, step, **settings) if as_torch else None


RULE = Rule(
    title="AdamW",
    family="Adam",
    source="Loshchilov & Hutter 2019, as in torch",
    decay="decoupled",
    needs=("param_norm",),
    reference=Twin(
        "AdamW",
        lambda h: {
            "lr": h["lr"],
            "betas": (h["beta1"], h["beta2"]),
            "eps": h["eps"],
            "weight_decay": h["weight_decay"],
        },
        only={
            "eps_in_root": False,
            "bias_correction": True,
            "decay_order": "before",
            "relative_decay": False,
        },
        state={"exp_avg": ("m",), "exp_avg_sq": ("v",)},
    ),
)
