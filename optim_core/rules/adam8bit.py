r"""8-bit Adam: Adam that keeps both averages in one byte an element, and one scale a block.

    p_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
    q_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2
    \alpha_t = \frac{\eta}{\sqrt{q_t / (1 - \beta_2^t)} + \epsilon}  % not eps_in_root
    \alpha_t = \frac{\eta}{\sqrt{q_t / (1 - \beta_2^t) + \epsilon}}  % eps_in_root
    d_t = \frac{p_t}{1 - \beta_1^t}
    \delta_t = \eta \lambda \theta_{t-1}
    m_t = \mathrm{round}_{\pm}(p_t)
    v_t = \mathrm{round}_{+}(q_t)

Dettmers et al. 2022; bitsandbytes' Adam8bit. "round" is to the nearest value of the dynamic code, with a
sign for m and without one for v; the step uses the averages before they are rounded. Tensors of fewer
than min_8bit_size elements keep full precision. Decay is apart from the gradient, as in AdamW and in
bitsandbytes. Not elementwise: a block shares one scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

from optim_core.arithmetic import Array, sqrt, zeros_like
from optim_core.decay import average_evenness, equilibrium
from optim_core.declare.kinds import Integer
from optim_core.rule import Beta1, Beta2, Epsilon, EpsilonInRoot, LearningRate, Rule, Step, WeightDecay
from optim_core.rules._quantize import dequantize, quantize

BlockSize = Annotated[
    int,
    Integer(
        label="block size",
        help="How many neighbouring elements share one scale; a small block confines outliers.",
        low=1,
        high=2**20,
        slider=(64, 4096),
        scale="log",
    ),
]
SmallestSize = Annotated[
    int,
    Integer(
        label="smallest 8-bit tensor",
        help="Tensors with fewer elements than this keep their state in full precision.",
        low=0,
        high=2**40,
        slider=(0, 2**16),
    ),
]
State = Mapping[str, Array]  # m and v; or m_code, m_scale, v_code, v_scale


def init(param: Array, *, block_size: BlockSize = 2048, min_8bit_size: SmallestSize = 4096) -> State:
    """Zeros, in 8 bits if the tensor is large enough."""
    zero = zeros_like(param)
    if math.prod(param.shape) < min_8bit_size:
        return {"m": zero, "v": zeros_like(param)}
    return _store(zero, zero, block_size)


def show(state: State, *, block_size: BlockSize = 2048) -> State:
    """m and v as numbers."""
    if "m" in state:
        return state
    return {
        "m": dequantize(state["m_code"], state["m_scale"], block_size, signed=True),
        "v": dequantize(state["v_code"], state["v_scale"], block_size, signed=False),
    }


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
    block_size: BlockSize = 2048,
    min_8bit_size: SmallestSize = 4096,  # read by init
) -> tuple[Step, State]:
    shown = show(state, block_size=block_size)
    m = beta1 * shown["m"] + (1.0 - beta1) * grad
    v = beta2 * shown["v"] + (1.0 - beta2) * grad * grad
    correction2 = 1.0 - beta2**step
    root = sqrt(v / correction2 + eps) if eps_in_root else sqrt(v) / correction2**0.5 + eps
    effective_lr = lr / root
    after = {"m": m, "v": v} if "m" in state else _store(m, v, block_size)
    return Step(effective_lr, m / (1.0 - beta1**step), lr * weight_decay * param), after


def _store(m: Array, v: Array, block_size: int) -> State:
    m_code, m_scale = quantize(m, block_size, signed=True)
    v_code, v_scale = quantize(v, block_size, signed=False)
    return {"m_code": m_code, "m_scale": m_scale, "v_code": v_code, "v_scale": v_scale}


def decay_rate(*, lr: Array, weight_decay: Array) -> Array:
    return lr * weight_decay


def equilibrium_angle(*, lr: Array, weight_decay: Array, beta1: Array) -> Array:
    return equilibrium(lr * weight_decay, average_evenness(beta1))


RULE = Rule(
    title="8-bit Adam",
    family="Adam",
    source="Dettmers et al. 2022",
    decay="decoupled",
    elementwise=False,
    demo={"min_8bit_size": 0},
)
