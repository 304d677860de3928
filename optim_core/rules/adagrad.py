r"""Adagrad: the learning rate of each coordinate falls with the squared gradients that it has seen.

    h_t = g_t + \lambda \theta_{t-1}  % not decoupled_weight_decay
    h_t = g_t  % decoupled_weight_decay
    s_t = s_{t-1} + h_t^2
    r_t = \frac{\eta}{1 + (t - 1) \kappa}
    \alpha_t = \frac{r_t}{\sqrt{s_t} + \epsilon}  % not eps_in_root
    \alpha_t = \frac{r_t}{\sqrt{s_t + \epsilon}}  % eps_in_root
    d_t = g_t
    \delta_t = \alpha_t \lambda \theta_{t-1}  % not decoupled_weight_decay
    \delta_t = r_t \lambda \theta_{t-1}  % decoupled_weight_decay

Duchi et al. 2011; torch.optim.Adagrad. s only grows, so the steps die away.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from optim_core.arithmetic import Array, full_like, sqrt
from optim_core.declare.kinds import Real
from optim_core.rule import Decoupled, Epsilon, EpsilonInRoot, LearningRate, Rule, Step, Twin, WeightDecay

LearningRateDecay = Annotated[
    Array,
    Real(
        label="learning-rate decay κ",
        symbol=r"\kappa",
        help="Divides the learning rate by 1 + (t−1)κ.",
        low=0.0,
        high=1e3,
        slider=(1e-6, 1.0),
        scale="log",
    ),
]
InitialAccumulator = Annotated[
    float,
    Real(
        label="initial accumulator s₀",
        symbol="s_0",
        help="The sum of squares before the first step; a large one calms the first steps.",
        low=0.0,
        high=1e6,
        slider=(1e-6, 1e2),
        scale="log",
    ),
]


class State(NamedTuple):
    s: Array  # sum of squared gradients


def init(param: Array, *, initial_accumulator_value: InitialAccumulator = 0.0) -> State:
    return State(full_like(param, initial_accumulator_value))


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-2,
    lr_decay: LearningRateDecay = 0.0,
    initial_accumulator_value: InitialAccumulator = 0.0,  # read by init
    eps: Epsilon = 1e-10,
    eps_in_root: EpsilonInRoot = False,
    weight_decay: WeightDecay = 0.0,
    decoupled_weight_decay: Decoupled = False,
) -> tuple[Step, State]:
    pull = weight_decay * param
    total = grad if decoupled_weight_decay else grad + pull
    s = state.s + total * total
    rate = lr / (1.0 + (step - 1) * lr_decay)
    root = sqrt(s + eps) if eps_in_root else sqrt(s) + eps
    effective_lr = rate / root
    decay = (rate if decoupled_weight_decay else effective_lr) * pull
    return Step(effective_lr, grad, decay), State(s)


RULE = Rule(
    title="Adagrad",
    family="Adaptive",
    source="Duchi et al. 2011",
    decay="coupled",
    reference=Twin(
        "Adagrad",
        lambda h: {
            "lr": h["lr"],
            "lr_decay": h["lr_decay"],
            "initial_accumulator_value": h["initial_accumulator_value"],
            "eps": h["eps"],
            "weight_decay": h["weight_decay"],
        },
        only={"eps_in_root": False, "decoupled_weight_decay": False},
        state={"sum": ("s",)},
    ),
)
