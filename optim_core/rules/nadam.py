r"""NAdam: Adam with Nesterov's look-ahead and a momentum that warms up.

    h_t = g_t + \lambda \theta_{t-1}  % not decoupled_weight_decay
    h_t = g_t  % decoupled_weight_decay
    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    \mu_t = \beta_1 \mu_{t-1} + (1 - \beta_1) \lambda \theta_{t-1}  % not decoupled_weight_decay
    v_t = \beta_2 v_{t-1} + (1 - \beta_2) h_t^2
    b_t = \beta_1 (1 - \frac{1}{2} \cdot 0.96^{t \psi})
    c_t = \beta_1 (1 - \frac{1}{2} \cdot 0.96^{(t + 1) \psi})
    p_t = p_{t-1} b_t
    x_t = \frac{1 - b_t}{1 - p_t}
    y_t = \frac{c_t}{1 - p_t c_t}
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}  % not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t) + \epsilon}}  % eps_in_root
    d_t = x_t g_t + y_t m_t
    \delta_t = \alpha_t (x_t \lambda \theta_{t-1} + y_t \mu_t)  % not decoupled_weight_decay
    \delta_t = \eta \lambda \theta_{t-1}  % decoupled_weight_decay

Dozat 2016, where b_t is called μ_t and p_t is the product of all of them so far; torch.optim.NAdam.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from optim_core.arithmetic import Array, full_like, sqrt, zeros_like
from optim_core.declare.kinds import Real
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

MomentumDecay = Annotated[
    Array,
    Real(
        label="momentum decay ψ",
        symbol=r"\psi",
        help="How fast the momentum rises from β₁/2 to β₁.",
        low=0.0,
        high=10.0,
        slider=(1e-4, 1.0),
        scale="log",
    ),
]


class State(NamedTuple):
    m: Array  # average gradient of the data loss
    m_decay: Array  # average of λθ
    v: Array  # average square of their sum
    product: Array  # of all momenta so far


def init(param: Array) -> State:
    return State(zeros_like(param), zeros_like(param), zeros_like(param), full_like(param, 1.0))


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
    eps_in_root: EpsilonInRoot = False,
    momentum_decay: MomentumDecay = 4e-3,
    weight_decay: WeightDecay = 0.0,
    decoupled_weight_decay: Decoupled = False,
) -> tuple[Step, State]:
    pull = 0.0 if decoupled_weight_decay else weight_decay * param
    total = grad + pull
    m = beta1 * state.m + (1.0 - beta1) * grad
    m_decay = beta1 * state.m_decay + (1.0 - beta1) * pull
    v = beta2 * state.v + (1.0 - beta2) * total * total
    now = beta1 * (1.0 - 0.5 * 0.96 ** (step * momentum_decay))
    following = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * momentum_decay))
    product = state.product * now
    of_grad, of_average = (1.0 - now) / (1.0 - product), following / (1.0 - product * following)
    correction2 = 1.0 - beta2**step
    root = sqrt(v / correction2 + eps) if eps_in_root else sqrt(v) / correction2**0.5 + eps
    effective_lr = lr / root
    coupled = effective_lr * (of_grad * pull + of_average * m_decay)
    decay = lr * weight_decay * param if decoupled_weight_decay else coupled
    return Step(effective_lr, of_grad * grad + of_average * m, decay), State(m, m_decay, v, product)


def decay_rate(*, lr: Array, weight_decay: Array, decoupled_weight_decay: bool) -> Array | None:
    return lr * weight_decay if decoupled_weight_decay else None


RULE = Rule(
    title="NAdam",
    family="Adam",
    source="Dozat 2016",
    decay="coupled",
    symbols={"m_decay": r"\mu", "product": "p"},
    reference=Twin(
        "NAdam",
        lambda h: {
            "lr": h["lr"],
            "betas": (h["beta1"], h["beta2"]),
            "eps": h["eps"],
            "weight_decay": h["weight_decay"],
            "momentum_decay": h["momentum_decay"],
            "decoupled_weight_decay": h["decoupled_weight_decay"],
        },
        only={"eps_in_root": False},
        state={"exp_avg": ("m", "m_decay"), "exp_avg_sq": ("v",), "mu_product": ("product",)},
        numbers=("mu_product",),
    ),
)
