r"""Schedule-free AdamW: Adam's steps on a fast point, whose average is the weights.

    v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}  % not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{v_t / (1 - \beta_2^t) + \epsilon}}  % eps_in_root
    h_t = \max(h_{t-1}, \eta)
    w_t = w_{t-1} + h_t^2
    c_t = \frac{h_t^2}{w_t}
    y_t = \theta_{t-1} - (1 - \beta_1) (a_{t-1} + b_{t-1})
    d_t = c_t (g_t + a_{t-1} / \alpha_t)
    \delta_t = c_t (b_{t-1} + \eta \lambda y_t)
    a_t = (1 - c_t) (a_{t-1} + \alpha_t g_t)
    b_t = (1 - c_t) (b_{t-1} + \eta \lambda y_t)

Defazio et al. 2024, algorithm 1. θ is the paper's x; its z is θ − a − b, where a is how far the
gradients, and b how far the decay, have carried z ahead of θ: both are linear, so the split is exact.
The gradient g_t is taken at y_t, between the two. Bias correction as in the authors' later releases
(the paper multiplies the learning rate by √(1−β₂ᵗ)); warm-up is left to the schedule. The average
weighs by the square of the largest learning rate so far, as the authors' code does (the paper's
algorithm by that of the present one; under warm-up the two are the same). So the average moves on
where the learning rate has fallen to 0: the effective one shown there is that of the largest.
"""

from __future__ import annotations

from typing import NamedTuple

from optim_core.arithmetic import Array, maximum, sqrt, where, zeros_like
from optim_core.rule import Beta1, Beta2, Epsilon, EpsilonInRoot, LearningRate, Rule, Step, WeightDecay


class State(NamedTuple):
    v: Array  # average squared gradient
    lead: Array  # θ − z, the part that the gradients made
    lead_decay: Array  # θ − z, the part that the decay made
    lr_max: Array  # the largest learning rate so far
    weight_sum: Array  # of its squares, which weigh the average


def init(param: Array) -> State:
    return State(*(zeros_like(param) for _ in State._fields))


def view(param: Array, state: State, *, beta1: Beta1 = 0.9) -> Array:
    """y = (1 − β₁)z + β₁θ, where the gradient is evaluated."""
    return param - (1.0 - beta1) * (state.lead + state.lead_decay)


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 2.5e-3,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    eps: Epsilon = 1e-8,
    eps_in_root: EpsilonInRoot = False,
    weight_decay: WeightDecay = 1e-2,
) -> tuple[Step, State]:
    v = beta2 * state.v + (1.0 - beta2) * grad * grad
    correction2 = 1.0 - beta2**step
    root = sqrt(v / correction2 + eps) if eps_in_root else sqrt(v) / correction2**0.5 + eps
    lr_max = maximum(state.lr_max, lr)
    weight_sum = state.weight_sum + lr_max * lr_max
    # While the learning rate has always been 0, nothing moves: quotients are 0 over the 1 in its place.
    share = lr_max * lr_max / where(weight_sum > 0.0, weight_sum, 1.0)
    lead = state.lead + lr / root * grad
    lead_decay = state.lead_decay + lr * weight_decay * view(param, state, beta1=beta1)
    effective_lr = (lr + (lr <= 0.0) * lr_max) / root
    direction = share * lead / where(effective_lr > 0.0, effective_lr, 1.0)
    kept = 1.0 - share
    return Step(effective_lr, direction, share * lead_decay), State(
        v, kept * lead, kept * lead_decay, lr_max, weight_sum
    )


RULE = Rule(
    title="Schedule-free AdamW",
    family="Others",
    source="Defazio et al. 2024",
    decay="decoupled",
    symbols={"lead": "a", "lead_decay": "b", "lr_max": "h", "weight_sum": "w"},
)
