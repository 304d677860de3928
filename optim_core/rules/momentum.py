r"""Momentum: step along a velocity that remembers past gradients.

    w_t = 1 - \beta  % average
    w_t = \begin{cases} 1 & t = 1 \\ 1 & \beta = 0 \\ 1 - \tau & t > 1 \end{cases}  % not average
    v_t = \beta v_{t-1} + w_t g_t
    u_t = \beta u_{t-1} + w_t \lambda \theta_{t-1}  % not decoupled_weight_decay
    \alpha_t = \eta
    d_t = v_t  % not nesterov
    d_t = w_t g_t + \beta v_t  % nesterov
    \delta_t = \eta u_t  % not nesterov, not decoupled_weight_decay
    \delta_t = \eta (w_t \lambda \theta_{t-1} + \beta u_t)  % nesterov, not decoupled_weight_decay
    \delta_t = \eta \lambda \theta_{t-1}  % decoupled_weight_decay

Polyak 1964; torch.optim.SGD(momentum=β). The velocity is linear: u is the part of it that λθ made.
The sum (torch's form; its first gradient is not dampened, nor is any without momentum) moves up to
1/(1−β) times as far as the average. torch has Nesterov's step only without dampening; here a dampened
g_t enters it dampened. Where papers put the learning rate inside the velocity, torch and we multiply
it from outside: the same under a constant rate, another path under a schedule.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from optim_core.arithmetic import Array, minimum, sign, zeros_like
from optim_core.declare.kinds import Flag, Real
from optim_core.rule import Decoupled, LearningRate, Momentum, Rule, Step, Twin, WeightDecay

Dampening = Annotated[
    Array,
    Real(
        label="dampening τ",
        symbol=r"\tau",
        help="How much of each new gradient is left out of the velocity; the average form has no use for it.",
        low=0.0,
        high=1.0,
        slider=(0.0, 1.0),
    ),
]
Average = Annotated[
    bool,
    Flag(label="average form", help="v = βv + (1−β)g, an average of gradients, in place of torch's sum."),
]
Nesterov = Annotated[
    bool,
    Flag(label="Nesterov", help="Look ahead: step along the new gradient plus β times the velocity."),
]


class State(NamedTuple):
    v: Array  # velocity from the data's gradients
    v_decay: Array  # velocity from λθ


def init(param: Array) -> State:
    return State(zeros_like(param), zeros_like(param))


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-3,
    momentum: Momentum = 0.9,
    dampening: Dampening = 0.0,
    average: Average = False,
    nesterov: Nesterov = False,
    weight_decay: WeightDecay = 0.0,
    decoupled_weight_decay: Decoupled = False,
) -> tuple[Step, State]:
    pull = 0.0 if decoupled_weight_decay else weight_decay * param
    weight = 1.0 - momentum if average else 1.0 - dampening * sign(momentum) * minimum(step - 1.0, 1.0)
    v = momentum * state.v + weight * grad
    v_decay = momentum * state.v_decay + weight * pull
    if nesterov:
        direction, along = weight * grad + momentum * v, weight * pull + momentum * v_decay
    else:
        direction, along = v, v_decay
    decay = lr * weight_decay * param if decoupled_weight_decay else lr * along
    return Step(lr, direction, decay), State(v, v_decay)


RULE = Rule(
    title="Momentum",
    family="Gradient descent",
    source="Polyak 1964",
    decay="coupled",
    step_size="gradient",
    symbols={"v_decay": "u"},
    reference=Twin(
        "SGD",
        lambda h: {
            "lr": h["lr"],
            "momentum": h["momentum"],
            "dampening": h["dampening"],
            "nesterov": h["nesterov"] and h["momentum"] > 0.0,
            "weight_decay": h["weight_decay"],
        },
        only={"average": False, "decoupled_weight_decay": False},
        state={"momentum_buffer": ("v", "v_decay")},
        # torch refuses a dampened Nesterov step.
        where=lambda h: not (h["dampening"] and h["nesterov"] and h["momentum"]),
    ),
)
