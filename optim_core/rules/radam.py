r"""RAdam: plain momentum until enough gradients are averaged to trust Adam's scaling.

    h_t = g_t + \lambda \theta_{t-1}  % not decoupled_weight_decay
    h_t = g_t  % decoupled_weight_decay
    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    \mu_t = \beta_1 \mu_{t-1} + (1 - \beta_1) \lambda \theta_{t-1}  % not decoupled_weight_decay
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) h_t^2
    \rho_{\infty} = \frac{2}{1 - \beta_2} - 1
    \rho_t = \rho_{\infty} - \frac{2 t \beta_2^t}{1 - \beta_2^t}
    x_t = (\rho_t - 4) (\rho_t - 2) \rho_{\infty}
    y_t = (\rho_{\infty} - 4) (\rho_{\infty} - 2) \rho_t
    r_t = \begin{cases} \sqrt{x_t (1 - \beta_2^t) / y_t} & \rho_t > 5 \\ 1 & \text{otherwise} \end{cases}
    q_t = \begin{cases} \sqrt{v_t} + \epsilon & \rho_t > 5 \\ 1 & \rho_t \le 5 \end{cases}  % not eps_in_root
    q_t = \begin{cases} \sqrt{v_t + \epsilon} & \rho_t > 5 \\ 1 & \rho_t \le 5 \end{cases}  % eps_in_root
    \alpha_t = \frac{\eta r_t}{q_t}
    d_t = \frac{m_t}{1 - \beta_1^t}
    \delta_t = \alpha_t \frac{\mu_t}{1 - \beta_1^t}  % not decoupled_weight_decay
    \delta_t = \eta \lambda \theta_{t-1}  % decoupled_weight_decay

Liu et al. 2020, algorithm 2; torch.optim.RAdam. The paper rectifies from ρ_t > 4 on, torch and we
from ρ_t > 5 on.
"""

from __future__ import annotations

from typing import NamedTuple

from optim_core.arithmetic import Array, sqrt, where, zeros_like
from optim_core.decay import average_evenness, equilibrium
from optim_core.rule import (
    Beta1,
    Beta2,
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
    weight_decay: WeightDecay = 0.0,
    decoupled_weight_decay: Decoupled = False,
) -> tuple[Step, State]:
    pull = 0.0 if decoupled_weight_decay else weight_decay * param
    total = grad + pull
    m = beta1 * state.m + (1.0 - beta1) * grad
    m_decay = beta1 * state.m_decay + (1.0 - beta1) * pull
    v = beta2 * state.v + (1.0 - beta2) * total * total
    correction1 = 1.0 - beta1**step
    effective_lr = lr * _rectified_scale(v, step, beta2, eps, eps_in_root)
    coupled = effective_lr * (m_decay / correction1)
    decay = lr * weight_decay * param if decoupled_weight_decay else coupled
    return Step(effective_lr, m / correction1, decay), State(m, m_decay, v)


def _rectified_scale(v: Array, step: int, beta2: Array, eps: Array, eps_in_root: bool) -> Array:
    """r_t / q_t: rectified 1/(√v̂ + ε), or 1 while ρ_t ≤ 5, where neither the root nor 1/y need exist."""
    kept = beta2**step
    correction2 = 1.0 - kept
    rho_inf = 2.0 / (1.0 - beta2) - 1.0
    rho = rho_inf - 2.0 * step * kept / correction2
    enough = rho > 5.0
    x = (rho - 4.0) * (rho - 2.0) * rho_inf
    y = (rho_inf - 4.0) * (rho_inf - 2.0) * rho
    # Ones stand in where the results are not wanted: floats would raise, and NaN would spread.
    rectifier = sqrt(where(enough, x * correction2, 1.0) / where(enough, y, 1.0))
    root = sqrt(v + eps) if eps_in_root else sqrt(v) + eps
    return rectifier / where(enough, root, 1.0)


def decay_rate(*, lr: Array, weight_decay: Array, decoupled_weight_decay: bool) -> Array | None:
    return lr * weight_decay if decoupled_weight_decay else None


def equilibrium_angle(
    *, lr: Array, weight_decay: Array, beta1: Array, decoupled_weight_decay: bool
) -> Array | None:
    return equilibrium(lr * weight_decay, average_evenness(beta1)) if decoupled_weight_decay else None


RULE = Rule(
    title="RAdam",
    family="Adam",
    source="Liu et al. 2020",
    decay="coupled",
    lr_ratio=5.0,
    symbols={"m_decay": r"\mu"},
    reference=Twin(
        "RAdam",
        lambda h: {
            "lr": h["lr"],
            "betas": (h["beta1"], h["beta2"]),
            "eps": h["eps"],
            "weight_decay": h["weight_decay"],
            "decoupled_weight_decay": h["decoupled_weight_decay"],
        },
        only={"eps_in_root": False},
        state={"exp_avg": ("m", "m_decay"), "exp_avg_sq": ("v",)},
    ),
)
