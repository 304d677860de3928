r"""AMSGrad: Adam scaled by the largest second moment so far, so that rare large gradients are not forgotten.

    h_t = g_t + \lambda \theta_{t-1}  % not decoupled_weight_decay
    h_t = g_t  % decoupled_weight_decay
    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    \mu_t = \beta_1 \mu_{t-1} + (1 - \beta_1) \lambda \theta_{t-1}  % not decoupled_weight_decay
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) h_t^2
    w_t = \max(w_{t-1}, v_t)
    \alpha_t = \frac{\eta}{\sqrt{w_t / (1 - \beta_2^t)} + \epsilon}  % bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{w_t / (1 - \beta_2^t) + \epsilon}}  % bias_correction, eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{w_t} + \epsilon}  % not bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{w_t + \epsilon}}  % not bias_correction, eps_in_root
    d_t = \frac{m_t}{1 - \beta_1^t}  % bias_correction
    d_t = m_t  % not bias_correction
    \delta_t = \alpha_t \frac{\mu_t}{1 - \beta_1^t}  % not decoupled_weight_decay, bias_correction
    \delta_t = \alpha_t \mu_t  % not decoupled_weight_decay, not bias_correction
    \delta_t = \eta \lambda \theta_{t-1}  % decoupled_weight_decay

Reddi et al. 2018, algorithm 2; torch.optim.Adam(amsgrad=True). The paper has no bias correction; torch
takes the maximum first and corrects it afterwards, and so do we. Without bias correction no step size
rises again; with it they do: the correction 1 − β₂ᵗ grows, and by it the maximum is divided.
"""

from __future__ import annotations

from typing import NamedTuple

from optim_core.arithmetic import Array, maximum, sqrt, zeros_like
from optim_core.decay import average_evenness, equilibrium
from optim_core.rule import (
    Beta1,
    Beta2,
    BiasCorrection,
    Decoupled,
    Epsilon,
    EpsilonInRoot,
    LearningRate,
    Rule,
    Step,
    Twin,
    WeightDecay,
)


class State(NamedTuple):
    m: Array  # average gradient of the data loss
    m_decay: Array  # average of λθ
    v: Array  # average square of their sum
    v_max: Array  # its maximum so far


def init(param: Array) -> State:
    return State(zeros_like(param), zeros_like(param), zeros_like(param), zeros_like(param))


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
    weight_decay: WeightDecay = 0.0,
    decoupled_weight_decay: Decoupled = False,
    bias_correction: BiasCorrection = True,
) -> tuple[Step, State]:
    pull = 0.0 if decoupled_weight_decay else weight_decay * param
    total = grad + pull
    m = beta1 * state.m + (1.0 - beta1) * grad
    m_decay = beta1 * state.m_decay + (1.0 - beta1) * pull
    v = beta2 * state.v + (1.0 - beta2) * total * total
    v_max = maximum(state.v_max, v)
    correction1, correction2 = (1.0 - beta1**step, 1.0 - beta2**step) if bias_correction else (1.0, 1.0)
    root = sqrt(v_max / correction2 + eps) if eps_in_root else sqrt(v_max) / correction2**0.5 + eps
    effective_lr = lr / root
    coupled = effective_lr * (m_decay / correction1)
    decay = lr * weight_decay * param if decoupled_weight_decay else coupled
    return Step(effective_lr, m / correction1, decay), State(m, m_decay, v, v_max)


def decay_rate(*, lr: Array, weight_decay: Array, decoupled_weight_decay: bool) -> Array | None:
    return lr * weight_decay if decoupled_weight_decay else None


def equilibrium_angle(
    *, lr: Array, weight_decay: Array, beta1: Array, decoupled_weight_decay: bool
) -> Array | None:
    return equilibrium(lr * weight_decay, average_evenness(beta1)) if decoupled_weight_decay else None


RULE = Rule(
    title="AMSGrad",
    family="Adam",
    source="Reddi et al. 2018",
    decay="coupled",
    symbols={"m_decay": r"\mu", "v_max": "w"},
    reference=Twin(
        "Adam",
        lambda h: {
            "lr": h["lr"],
            "betas": (h["beta1"], h["beta2"]),
            "eps": h["eps"],
            "weight_decay": h["weight_decay"],
            "amsgrad": True,
        },
        only={"eps_in_root": False, "bias_correction": True, "decoupled_weight_decay": False},
        state={"exp_avg": ("m", "m_decay"), "exp_avg_sq": ("v",), "max_exp_avg_sq": ("v_max",)},
    ),
)
