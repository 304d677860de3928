r"""RMSProp: divide the gradient by the root of a running average of its square.

    h_t = g_t + \lambda \theta_{t-1}  % not decoupled_weight_decay
    h_t = g_t  % decoupled_weight_decay
    s_t = \beta s_{t-1} + (1 - \beta) h_t^2
    a_t = \beta a_{t-1} + (1 - \beta) h_t  % centered
    r_t = \sqrt{s_t} + \epsilon  % not centered, not eps_in_root
    r_t = \sqrt{s_t + \epsilon}  % not centered, eps_in_root
    r_t = \sqrt{\max(s_t - a_t^2, 0)} + \epsilon  % centered, not eps_in_root
    r_t = \sqrt{\max(s_t - a_t^2, 0) + \epsilon}  % centered, eps_in_root
    b_t = \mu b_{t-1} + \frac{g_t}{r_t}
    c_t = \mu c_{t-1} + \frac{\lambda \theta_{t-1}}{r_t}  % not decoupled_weight_decay
    \alpha_t = \frac{\eta}{r_t}
    d_t = r_t b_t
    \delta_t = \eta c_t  % not decoupled_weight_decay
    \delta_t = \eta \lambda \theta_{t-1}  % decoupled_weight_decay

Tieleman & Hinton 2012, Graves 2013 (centred); torch.optim.RMSprop, where β is called alpha. Momentum
gathers steps that are already divided, so the direction is the buffer in the units of this step's
gradient. ε is inside the root in TensorFlow and in d2l.ai. Where rounding makes s − a² negative, torch
gives NaN; here it counts as zero.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from optim_core.arithmetic import Array, maximum, sqrt, zeros_like
from optim_core.decay import average_evenness, equilibrium
from optim_core.declare.kinds import Flag, Real
from optim_core.rule import Decoupled, Epsilon, EpsilonInRoot, LearningRate, Rule, Step, Twin, WeightDecay

Smoothing = Annotated[
    Array,
    Real(
        label="smoothing β",
        symbol=r"\beta",
        help="How much of the average squared gradient is kept; torch calls it alpha.",
        low=0.0,
        high=1.0,
        below=True,
        slider=(0.0, 0.9999),
    ),
]
BufferMomentum = Annotated[
    Array,
    Real(
        label="momentum μ",
        symbol=r"\mu",
        help="How much of the previous, already divided, steps is kept.",
        low=0.0,
        high=1.0,
        below=True,
        slider=(0.0, 0.999),
    ),
]
Centered = Annotated[
    bool,
    Flag(label="centred", help="Subtract the squared average gradient: divide by the deviation instead."),
]


class State(NamedTuple):
    s: Array  # average squared gradient
    a: Array  # average gradient, if centred
    b: Array  # momentum of the divided gradients
    b_decay: Array  # momentum of the divided λθ


def init(param: Array) -> State:
    return State(zeros_like(param), zeros_like(param), zeros_like(param), zeros_like(param))


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-2,
    alpha: Smoothing = 0.99,
    eps: Epsilon = 1e-8,
    eps_in_root: EpsilonInRoot = False,
    momentum: BufferMomentum = 0.0,
    centered: Centered = False,
    weight_decay: WeightDecay = 0.0,
    decoupled_weight_decay: Decoupled = False,
) -> tuple[Step, State]:
    pull = 0.0 if decoupled_weight_decay else weight_decay * param
    total = grad + pull
    s = alpha * state.s + (1.0 - alpha) * total * total
    if centered:
        a = alpha * state.a + (1.0 - alpha) * total
        square = maximum(s - a * a, 0.0)
    else:
        a, square = state.a, s
    root = sqrt(square + eps) if eps_in_root else sqrt(square) + eps
    b = momentum * state.b + grad / root
    b_decay = momentum * state.b_decay + pull / root
    decay = lr * weight_decay * param if decoupled_weight_decay else lr * b_decay
    return Step(lr / root, root * b, decay), State(s, a, b, b_decay)


def decay_rate(*, lr: Array, weight_decay: Array, decoupled_weight_decay: bool) -> Array | None:
    return lr * weight_decay if decoupled_weight_decay else None


def equilibrium_angle(
    *, lr: Array, weight_decay: Array, momentum: Array, decoupled_weight_decay: bool
) -> Array | None:
    return equilibrium(lr * weight_decay, average_evenness(momentum)) if decoupled_weight_decay else None


RULE = Rule(
    title="RMSProp",
    family="Adaptive",
    source="Tieleman & Hinton 2012",
    decay="coupled",
    lr_ratio=1.0,
    symbols={"b_decay": "c"},
    reference=Twin(
        "RMSprop",
        lambda h: {name: h[name] for name in ("lr", "alpha", "eps", "momentum", "centered", "weight_decay")},
        only={"eps_in_root": False, "decoupled_weight_decay": False},
        state={"square_avg": ("s",), "grad_avg": ("a",), "momentum_buffer": ("b", "b_decay")},
    ),
)
