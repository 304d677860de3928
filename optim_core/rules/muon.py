r"""Muon: step along the momentum of a matrix with all its singular values made about one.

    b_t = \beta b_{t-1} + (1 - \beta) g_t
    c_t = b_t  % not nesterov
    c_t = (1 - \beta) g_t + \beta b_t  % nesterov
    \alpha_t = \eta \sqrt{\max(1, \mathrm{rows} / \mathrm{columns})}  % adjust_lr_fn=original
    \alpha_t = 0.2 \eta \sqrt{\max(\mathrm{rows}, \mathrm{columns})}  % adjust_lr_fn=match_rms_adamw
    d_t = \mathrm{NewtonSchulz}_k(c_t)
    \delta_t = \eta \lambda \theta_{t-1}

Jordan et al. 2024; torch.optim.Muon, which computes the Newton–Schulz iteration in bfloat16 where we
stay in the tensor's own dtype. torch takes matrices only. Here a tensor of three and more dimensions is
flattened to (first, rest), as Jordan's code does with convolutions of four, and a vector or number is
one row, for which making singular values equal is normalising. For four dimensions rows and columns of
the first step size are the kernel's own, as in that code (1 for square kernels), not those of the
flattened matrix. Not elementwise.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

from optim_core.arithmetic import Array, maximum, norm, zeros_like
from optim_core.declare.kinds import Choice, Integer, Real
from optim_core.rule import LearningRate, Momentum, Rule, Step, WeightDecay
from optim_core.rules.momentum import Nesterov

# The quintic of the Newton–Schulz iteration (Jordan et al. 2024): steep at 0, so that small singular
# values rise fast, and therefore not quite settling at 1 but anywhere between about 0.7 and 1.2.
A, B, C = 3.4445, -4.7750, 2.0315

SmallestNorm = Annotated[
    Array,
    Real(
        label="ε, smallest norm",
        symbol=r"\epsilon",
        help="The smallest norm that the momentum is divided by before the iteration.",
        low=0.0,
        high=1e3,
        slider=(1e-12, 1.0),
        scale="log",
    ),
]
NewtonSchulzSteps = Annotated[
    int,
    Integer(
        label="Newton–Schulz steps k",
        symbol="k",
        help="How often the iteration that evens out the singular values is applied.",
        low=1,
        high=20,
        slider=(1, 10),
    ),
]
AdjustLr = Annotated[
    str,
    Choice(
        label="step size by shape",
        help="How the learning rate depends on the matrix's shape.",
        options={
            "original": "√max(1, rows/columns), as Jordan et al. have it",
            "match_rms_adamw": "0.2·√max(rows, columns), for steps as large as AdamW's (Liu et al. 2025)",
        },
    ),
]


class State(NamedTuple):
    b: Array  # average gradient


def init(param: Array) -> State:
    return State(zeros_like(param))


def update(
    grad: Array,
    state: State,
    param: Array,
    step: int,
    *,
    lr: LearningRate = 1e-3,
    momentum: Momentum = 0.95,
    nesterov: Nesterov = True,
    ns_steps: NewtonSchulzSteps = 5,
    eps: SmallestNorm = 1e-7,
    adjust_lr_fn: AdjustLr = "original",
    weight_decay: WeightDecay = 0.1,
) -> tuple[Step, State]:
    b = momentum * state.b + (1.0 - momentum) * grad
    along = (1.0 - momentum) * grad + momentum * b if nesterov else b
    matrix = along.reshape(along.shape[0] if along.ndim > 1 else 1, -1)  # (rows, columns)
    rows, columns = matrix.shape
    if adjust_lr_fn == "original":
        height, width = along.shape[-2:] if along.ndim == 4 else (rows, columns)
        effective_lr = lr * math.sqrt(max(1.0, height / width))
    else:
        effective_lr = lr * 0.2 * math.sqrt(max(rows, columns))
    direction = _orthogonalise(matrix, ns_steps, eps).reshape(along.shape)
    return Step(effective_lr, direction, lr * weight_decay * param), State(b)


def _orthogonalise(matrix: Array, ns_steps: int, eps: Array) -> Array:
    """The matrix with its singular values moved towards 1, by ``ns_steps`` quintic iterations."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.swapaxes(0, 1) if tall else matrix  # the Gram matrix is then the smaller of the two
    x = x / maximum(norm(x), eps)
    for _ in range(ns_steps):
        gram = x @ x.swapaxes(0, 1)
        x = A * x + (B * gram + C * (gram @ gram)) @ x
    return x.swapaxes(0, 1) if tall else x


def decay_rate(*, lr: Array, weight_decay: Array) -> Array:
    return lr * weight_decay


RULE = Rule(
    title="Muon",
    family="Others",
    source="Jordan et al. 2024",
    decay="decoupled",
    elementwise=False,
    lr_ratio=5.0,
)
