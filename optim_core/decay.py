"""The ways in which rules apply λ, written once."""

from __future__ import annotations

from optim_core.arithmetic import Array, maximum

# The smallest size that relative decay multiplies by (Shazeer & Stern 2018, ε₂ of Adafactor).
RELATIVE_FLOOR = 1e-3


def penalty_gradient(param: Array, weight_decay: Array, penalty: str = "half") -> Array:
    """Gradient of (λ/2)‖θ‖² ("half") or of λ‖θ‖² ("full")."""
    return weight_decay * param if penalty == "half" else 2.0 * weight_decay * param


def relative_norm(norm: Array, count: int, relative_decay: object) -> Array:
    """What relative decay multiplies by, from the Euclidean norm of ``count`` weights.

    True: their root mean square, as Adafactor (Shazeer & Stern 2018, algorithm 5); "norm": the norm itself.
    """
    return norm / count**0.5 if relative_decay is True else norm


def decoupled(
    rate: Array,
    param: Array,
    effective_lr: Array,
    direction: Array,
    decay_order: str,
    relative_decay: object,
    param_norm: Array,
) -> Array:
    """Displacement of decoupled decay: rate·θ, or rate·(θ moved by the step) when it acts after it."""
    if relative_decay:
        rate = rate * maximum(param_norm, RELATIVE_FLOOR)
    return rate * param if decay_order == "before" else rate * (param - effective_lr * direction)
