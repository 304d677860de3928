r"""Adam+L2: Adam on the loss plus a squared-norm penalty, so that λθ passes through both moments.

    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    \mu_t = \beta_1 \mu_{t-1} + (1 - \beta_1) \lambda \theta_{t-1}  % penalty=half
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) (g_t + \lambda \theta_{t-1})^2  % penalty=half
    \mu_t = \beta_1 \mu_{t-1} + (1 - \beta_1) 2 \lambda \theta_{t-1}  % penalty=full
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) (g_t + 2 \lambda \theta_{t-1})^2  % penalty=full
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}  % bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t) + \epsilon}}  % bias_correction, eps_in_root
    d_t = \frac{m_t}{1 - \beta_1^t}  % bias_correction
    \delta_t = \alpha_t \frac{\mu_t}{1 - \beta_1^t}  % bias_correction
    \alpha_t = \frac{\eta}{\sqrt{v_t} + \epsilon}  % not bias_correction, not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t + \epsilon}}  % not bias_correction, eps_in_root
    d_t = m_t  % not bias_correction
    \delta_t = \alpha_t \mu_t  % not bias_correction

torch.optim.Adam(weight_decay=λ). The first moment is linear, so one average of g and one of λθ over
the one shared second moment split the step exactly. The decay rate α_t λ differs per coordinate:
strong where gradients are small. That is the fault which AdamW mends (Loshchilov & Hutter 2019).
"""

from __future__ import annotations

from typing import NamedTuple

from optim_core.arithmetic import Array, sqrt, zeros_like
from optim_core.decay import penalty_gradient
from optim_core.rule import (
    Beta1,
    Beta2,
    BiasCorrection,
    Epsilon,
    EpsilonInRoot,
    LearningRate,
    Penalty,
    Rule,
    Step,
    Twin,
    WeightDecay,
)


class State(NamedTuple):
    m: Array  # average gradient of the data loss
    m_decay: Array  # average gradient of the penalty
    v: Array  # average square of their sum


def init(param: Array) -> State:
    return State(zeros_like(param), zeros_like(param), zeros_like(param))


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
    penalty: Penalty = "half",
    bias_correction: BiasCorrection = True,
) -> tuple[Step, State]:
    pull = penalty_gradient(param, weight_decay, penalty)
    total = grad + pull
    m = beta1 * state.m + (1.0 - beta1) * grad
    m_decay = beta1 * state.m_decay + (1.0 - beta1) * pull
    v = beta2 * state.v + (1.0 - beta2) * total * total
    correction1, correction2 = (1.0 - beta1**step, 1.0 - beta2**step) if bias_correction else (1.0, 1.0)
    root = sqrt(v / correction2 + eps) if eps_in_root else sqrt(v) / correction2**0.5 + eps
    effective_lr = lr / root
    return Step(effective_lr, m / correction1, effective_lr * (m_decay / correction1)), State(m, m_decay, v)


RULE = Rule(
    title="Adam+L2",
    family="Adam",
    source="Kingma & Ba 2015 with an L2 penalty",
    decay="coupled",
    symbols={"m_decay": r"\mu"},
    reference=Twin(
        "Adam",
        lambda h: {
            "lr": h["lr"],
            "betas": (h["beta1"], h["beta2"]),
            "eps": h["eps"],
            "weight_decay": h["weight_decay"] * (2.0 if h["penalty"] == "full" else 1.0),
        },
        only={"eps_in_root": False, "bias_correction": True},
        state={"exp_avg": ("m", "m_decay"), "exp_avg_sq": ("v",)},
    ),
)
