r"""Adamax: Adam scaled by the largest recent gradient in place of the root mean square.

    h_t = g_t + \lambda \theta_{t-1}  % not decoupled_weight_decay
    h_t = g_t  % decoupled_weight_decay
    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    \mu_t = \beta_1 \mu_{t-1} + (1 - \beta_1) \lambda \theta_{t-1}  % not decoupled_weight_decay
    u_t = \max(\beta_2 u_{t-1}, \lvert h_t \rvert + \epsilon)
    \alpha_t = \frac{\eta}{u_t}
    d_t = \frac{m_t}{1 - \beta_1^t}
    \delta_t = \alpha_t \frac{\mu_t}{1 - \beta_1^t}  % not decoupled_weight_decay
    \delta_t = \eta \lambda \theta_{t-1}  % decoupled_weight_decay

Kingma & Ba 2015, algorithm 2, with torch's ε inside the maximum; torch.optim.Adamax.
"""

from __future__ import annotations

from typing import NamedTuple

from optim_core.arithmetic import Array, absolute, maximum, zeros_like
from optim_core.decay import average_evenness, equilibrium
from optim_core.rule import Beta1, Beta2, Decoupled, Epsilon, LearningRate, Rule, Step, Twin, WeightDecay


class State(NamedTuple):
    m: Array  # average gradient of the data loss
    m_decay: Array  # average of λθ
    u: Array  # largest size of their sum, forgetting by β₂


def init(param: Array) -> State:
    return State(zeros_like(param), zeros_like(param), zeros_like(param))


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 2e-3,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    eps: Epsilon = 1e-8,
    weight_decay: WeightDecay = 0.0,
    decoupled_weight_decay: Decoupled = False,
) -> tuple[Step, State]:
    pull = 0.0 if decoupled_weight_decay else weight_decay * param
    m = beta1 * state.m + (1.0 - beta1) * grad
    m_decay = beta1 * state.m_decay + (1.0 - beta1) * pull
    u = maximum(beta2 * state.u, absolute(grad + pull) + eps)
    correction = 1.0 - beta1**step
    effective_lr = lr / u
    coupled = effective_lr * (m_decay / correction)
    decay = lr * weight_decay * param if decoupled_weight_decay else coupled
    return Step(effective_lr, m / correction, decay), State(m, m_decay, u)


def decay_rate(*, lr: Array, weight_decay: Array, decoupled_weight_decay: bool) -> Array | None:
    return lr * weight_decay if decoupled_weight_decay else None


def equilibrium_angle(
    *, lr: Array, weight_decay: Array, beta1: Array, decoupled_weight_decay: bool
) -> Array | None:
    return equilibrium(lr * weight_decay, average_evenness(beta1)) if decoupled_weight_decay else None


RULE = Rule(
    title="Adamax",
    family="Adam",
    source="Kingma & Ba 2015",
    decay="coupled",
    symbols={"m_decay": r"\mu"},
    reference=Twin(
        "Adamax",
        lambda h: {
            "lr": h["lr"],
            "betas": (h["beta1"], h["beta2"]),
            "eps": h["eps"],
            "weight_decay": h["weight_decay"],
        },
        only={"decoupled_weight_decay": False},
        state={"exp_avg": ("m", "m_decay"), "exp_inf": ("u",)},
    ),
)
