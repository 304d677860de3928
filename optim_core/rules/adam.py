r"""Adam: step along the average gradient, scaled per coordinate by its root mean square.

    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}  % bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t) + \epsilon}}  % bias_correction, eps_in_root
    d_t = \frac{m_t}{1 - \beta_1^t}  % bias_correction
    \alpha_t = \frac{\eta}{\sqrt{v_t} + \epsilon}  % not bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t + \epsilon}}  % not bias_correction, eps_in_root
    d_t = m_t  % not bias_correction

Kingma & Ba 2015, algorithm 1; torch.optim.Adam.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from optim_core.arithmetic import Array, sqrt, zeros_like
from optim_core.rule import (
    Beta1,
    Beta2,
    BiasCorrection,
    Epsilon,
    EpsilonInRoot,
    LearningRate,
    Rule,
    Step,
    Twin,
)
from optim_core.rules._kernels import GetParts, fused_adamw


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
    eps: Epsilon = 1e-8,
    eps_in_root: EpsilonInRoot = False,
    bias_correction: BiasCorrection = True,
) -> tuple[Step, State]:
    m = beta1 * state.m + (1.0 - beta1) * grad
    v = beta2 * state.v + (1.0 - beta2) * grad * grad
    correction1, correction2 = (1.0 - beta1**step, 1.0 - beta2**step) if bias_correction else (1.0, 1.0)
    root = sqrt(v / correction2 + eps) if eps_in_root else sqrt(v) / correction2**0.5 + eps
    effective_lr = lr / root
    return Step(effective_lr, m / correction1, 0.0), State(m, v)


def fused(
    grad: Tensor,
    state: State,
    param: Tensor,
    step: int,
    *,
    bias_correction: bool,
    eps_in_root: bool,
    **settings: Any,
) -> GetParts | None:
    as_torch = bias_correction and not eps_in_root
    return fused_adamw(grad, *state, param, step, **settings) if as_torch else None


RULE = Rule(
    title="Adam",
    family="Adam",
    source="Kingma & Ba 2015",
    reference=Twin(
        "Adam",
        lambda h: {"lr": h["lr"], "betas": (h["beta1"], h["beta2"]), "eps": h["eps"]},
        only={"eps_in_root": False, "bias_correction": True},
        state={"exp_avg": ("m",), "exp_avg_sq": ("v",)},
    ),
)
