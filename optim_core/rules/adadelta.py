r"""Adadelta: scale each gradient by the ratio of recent steps to recent gradients.

    h_t = g_t + \lambda \theta_{t-1}  % not decoupled_weight_decay
    h_t = g_t  % decoupled_weight_decay
    s_t = \rho s_{t-1} + (1 - \rho) h_t^2
    r_t = \frac{\sqrt{q_{t-1} + \epsilon}}{\sqrt{s_t + \epsilon}}
    q_t = \rho q_{t-1} + (1 - \rho) (r_t h_t)^2
    \alpha_t = \eta r_t
    d_t = g_t
    \delta_t = \alpha_t \lambda \theta_{t-1}  % not decoupled_weight_decay
    \delta_t = \eta \lambda \theta_{t-1}  % decoupled_weight_decay

Zeiler 2012, algorithm 1, with torch's learning rate (the paper's is 1); torch.optim.Adadelta. ε stands
under the root, and sets the size of the first steps.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from optim_core.arithmetic import Array, sqrt, zeros_like
from optim_core.declare.kinds import Real
from optim_core.rule import Decoupled, LearningRate, Rule, Step, Twin, WeightDecay

Rho = Annotated[
    Array,
    Real(
        label="smoothing ρ",
        symbol=r"\rho",
        help="How much of the averages of squared gradients and squared steps is kept.",
        low=0.0,
        high=1.0,
        below=True,
        slider=(0.0, 0.9999),
    ),
]
EpsilonUnderRoot = Annotated[
    Array,
    Real(
        label="ε, added under the roots",
        symbol=r"\epsilon",
        help="Keeps the ratio finite; the first steps are about √ε long.",
        low=0.0,
        high=1e3,
        slider=(1e-12, 1.0),
        scale="log",
    ),
]


class State(NamedTuple):
    s: Array  # average squared gradient
    q: Array  # average squared step


def init(param: Array) -> State:
    return State(zeros_like(param), zeros_like(param))


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1.0,
    rho: Rho = 0.9,
    eps: EpsilonUnderRoot = 1e-6,
    weight_decay: WeightDecay = 0.0,
    decoupled_weight_decay: Decoupled = False,
) -> tuple[Step, State]:
    pull = weight_decay * param
    total = grad if decoupled_weight_decay else grad + pull
    s = rho * state.s + (1.0 - rho) * total * total
    ratio = sqrt(state.q + eps) / sqrt(s + eps)
    moved = ratio * total
    q = rho * state.q + (1.0 - rho) * moved * moved
    effective_lr = lr * ratio
    decay = (lr if decoupled_weight_decay else effective_lr) * pull
    return Step(effective_lr, grad, decay), State(s, q)


def decay_rate(*, lr: Array, weight_decay: Array, decoupled_weight_decay: bool) -> Array | None:
    return lr * weight_decay if decoupled_weight_decay else None


RULE = Rule(
    title="Adadelta",
    family="Adaptive",
    source="Zeiler 2012",
    decay="coupled",
    demo={"lr": 1.0, "eps": 1e-5},
    reference=Twin(
        "Adadelta",
        lambda h: {name: h[name] for name in ("lr", "rho", "eps", "weight_decay")},
        only={"decoupled_weight_decay": False},
        state={"square_avg": ("s",), "acc_delta": ("q",)},
    ),
)
