"""The ways in which rules apply λ, written once."""

from __future__ import annotations

from optim_core.arithmetic import Array, maximum, sqrt

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


def decoupled_rate(rate: Array, relative_decay: object, param_norm: Array | None) -> Array | None:
    """The share of the weights that `decoupled` takes; None for relative decay of a norm that is not known.

    Decay after the step takes it of the moved weights.
    """
    if not relative_decay:
        return rate
    return None if param_norm is None else rate * maximum(param_norm, RELATIVE_FLOOR)


def equilibrium(rate: Array, evenness: Array = 1.0) -> Array:
    """The angle (rad) by which a step turns scale-invariant weights once growth and decay are in balance.

    √(2·rate·evenness), as Kosson et al. 2024 (table 1) have it. Decay takes the share ``rate`` of them a
    step; a gradient acts in many steps, with weights w, and ``evenness`` is Σw²/(Σw)²: 1 where it acts in one
    alone. It does not matter how long gradients are, nor by what they are divided, so long as that changes
    slowly.
    """
    return sqrt(2.0 * rate * evenness)


def average_evenness(kept: Array) -> Array:
    """Σw²/(Σw)² of an average, or a sum, that keeps ``kept`` of itself from step to step."""
    return (1.0 - kept) / (1.0 + kept)


def nesterov_evenness(kept: Array) -> Array:
    """The same where the step is along the new gradient plus ``kept`` times such a sum."""
    return (1.0 - kept) ** 2 * ((1.0 + kept) ** 2 + kept**4 / (1.0 - kept * kept))
