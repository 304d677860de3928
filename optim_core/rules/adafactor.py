r"""Adafactor: steps in proportion to the weights, with a matrix's second moment kept as rows and columns.

    w_t = t^{\gamma}
    R_t = (1 - w_t) R_{t-1} + w_t \mathrm{rowmean}(g_t^2)  % matrix
    C_t = (1 - w_t) C_{t-1} + w_t \mathrm{colmean}(g_t^2)  % matrix
    q_t = \sqrt{\frac{R_t C_t}{\max(\mathrm{mean}(R_t), \epsilon_1)}}  % matrix
    V_t = (1 - w_t) V_{t-1} + w_t g_t^2  % not matrix
    q_t = \sqrt{V_t}  % not matrix
    r_t = \max(q_t, \epsilon_1)
    k_t = \max(1, \mathrm{RMS}(g_t / r_t) / D)
    \alpha_t = \frac{\max(\epsilon_2, \mathrm{RMS}(\theta_{t-1})) \min(\eta, 1 / \sqrt{t})}{k_t r_t}
    d_t = g_t
    \delta_t = \eta \lambda \theta_{t-1}

Shazeer & Stern 2018, algorithms 4 and 5, as torch.optim.Adafactor has them: ε₁ bounds the root from
below (the paper adds a constant to g²), and the step is at most 1/√t. torch's ε₁ is the machine
epsilon of the tensor's dtype; here it is float32's unless chosen. A tensor of more than two dimensions
is a stack of matrices. Not elementwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch

from optim_core.arithmetic import Array, maximum, minimum, norm, sqrt, zeros_like
from optim_core.declare.kinds import Real
from optim_core.rule import LearningRate, Rule, Step, Twin, WeightDecay

Beta2Decay = Annotated[
    Array,
    Real(
        label="second-moment exponent γ",
        symbol=r"\gamma",
        help="Each new squared gradient weighs t^γ: −1 averages all, nearer 0 forgets faster.",
        low=-2.0,
        high=0.0,
        slider=(-1.0, 0.0),
    ),
]
Epsilon1 = Annotated[
    Array,
    Real(
        label="ε₁, smallest root",
        symbol=r"\epsilon_1",
        help="The smallest root mean square that gradients are divided by.",
        low=0.0,
        high=1e3,
        slider=(1e-12, 1.0),
        scale="log",
    ),
]
Epsilon2 = Annotated[
    Array,
    Real(
        label="ε₂, smallest weight size",
        symbol=r"\epsilon_2",
        help="The smallest root mean square of the weights that steps are in proportion to.",
        low=0.0,
        high=1e3,
        slider=(1e-6, 1.0),
        scale="log",
    ),
]
ClipThreshold = Annotated[
    Array,
    Real(
        label="clipping threshold D",
        symbol="D",
        help="The largest root mean square that a scaled gradient may have.",
        low=1.0,
        high=1e3,
        slider=(1.0, 10.0),
        scale="log",
    ),
]
State = Mapping[str, Array]


def init(param: Array) -> State:
    """Row and column means of a matrix (or a stack of them); the whole of anything smaller."""
    if param.ndim < 2:
        return {"variance": zeros_like(param)}
    return {"row_var": zeros_like(param[..., :1]), "col_var": zeros_like(param[..., :1, :])}


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-2,
    beta2_decay: Beta2Decay = -0.8,
    eps1: Epsilon1 = 2.0**-23,
    eps2: Epsilon2 = 1e-3,
    d: ClipThreshold = 1.0,
    weight_decay: WeightDecay = 0.0,
) -> tuple[Step, State]:
    weight = step**beta2_decay
    square = grad * grad
    if grad.ndim < 2:
        variance = (1.0 - weight) * state["variance"] + weight * square
        state = {"variance": variance}
    else:
        rows = (1.0 - weight) * state["row_var"] + weight * square.mean(-1)[..., None]  # (…, rows, 1)
        columns = (1.0 - weight) * state["col_var"] + weight * square.mean(-2)[
            ..., None, :
        ]  # (…, 1, columns)
        variance = rows * columns / maximum(rows.mean(-2)[..., None], eps1)
        state = {"row_var": rows, "col_var": columns}
    root = maximum(sqrt(variance), eps1)
    clip = maximum(_root_mean_square(grad / root) / d, 1.0)
    rate = maximum(_root_mean_square(param), eps2) * minimum(lr, step**-0.5)
    return Step(rate / clip / root, grad, lr * weight_decay * param), state


def _root_mean_square(x: Array) -> Array:
    return norm(x) / math.sqrt(math.prod(x.shape))


def decay_rate(*, lr: Array, weight_decay: Array) -> Array:
    return lr * weight_decay


RULE = Rule(
    title="Adafactor",
    family="Others",
    source="Shazeer & Stern 2018, as in torch",
    decay="decoupled",
    elementwise=False,
    lr_ratio=30.0,
    symbols={"row_var": "R", "col_var": "C", "variance": "V"},
    reference=Twin(
        "Adafactor",
        lambda h: {
            "lr": h["lr"],
            "beta2_decay": h["beta2_decay"],
            "eps": (h["eps1"], h["eps2"]),
            "d": h["d"],
            "weight_decay": h["weight_decay"],
        },
        state={name: (name,) for name in ("row_var", "col_var", "variance")},
        read=lambda group, dtype: {
            **group,
            "eps": (torch.finfo(dtype).eps if group["eps"][0] is None else group["eps"][0], group["eps"][1]),
        },
    ),
)
