"""The few operations that ``+ - * /`` does not give, for floats, numpy arrays and tensors alike.

Floats come first in every function: that path runs a few hundred thousand times a second.
Where a tensor gives NaN or infinity, so does the float.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import torch

# A float, a numpy array or a tensor. The three share arithmetic but no static type.
Array: TypeAlias = Any

_NAN, _sqrt = math.nan, math.sqrt


def sqrt(x: Array) -> Array:
    """Square root; NaN for negative numbers."""
    if type(x) is float:
        return _sqrt(x) if x >= 0.0 else _NAN
    return torch.sqrt(x) if isinstance(x, torch.Tensor) else np.sqrt(x)


def absolute(x: Array) -> Array:
    """|x|, elementwise."""
    return abs(x)


def sign(x: Array) -> Array:
    """-1, 0 or 1; NaN stays NaN."""
    if type(x) is float:
        return (x > 0.0) - (x < 0.0) + 0.0 if x == x else _NAN
    # torch.sign gives 0 for NaN, which would hide it.
    return torch.sign(x).where(x == x, x) if isinstance(x, torch.Tensor) else np.sign(x)


def maximum(a: Array, b: Array) -> Array:
    """The larger of ``a`` and ``b``, elementwise; ``b`` may be a plain number. NaN wins."""
    if type(a) is float and isinstance(b, float):
        return a if a >= b or a != a else b
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        a, b = _tensors(a, b)
        return torch.maximum(a, b)
    return np.maximum(a, b)


def minimum(a: Array, b: Array) -> Array:
    """The smaller of ``a`` and ``b``, elementwise; ``b`` may be a plain number. NaN wins."""
    if type(a) is float and isinstance(b, float):
        return a if a <= b or a != a else b
    return -maximum(-a, -b)


def where(condition: Array, a: Array, b: Array) -> Array:
    """``a`` where ``condition`` holds, else ``b``."""
    if isinstance(condition, bool):
        return a if condition else b
    if isinstance(condition, torch.Tensor):
        return torch.where(condition, a, b)
    return np.where(condition, a, b)


def zeros_like(x: Array) -> Array:
    """Zeros of the shape, dtype and device of ``x``."""
    if type(x) is float:
        return 0.0
    return torch.zeros_like(x) if isinstance(x, torch.Tensor) else np.zeros_like(x)


def full_like(x: Array, value: float) -> Array:
    """``value`` in the shape, dtype and device of ``x``."""
    return zeros_like(x) + value


def norm(x: Array) -> Array:
    """Euclidean norm over all elements, as a scalar of the same library."""
    if isinstance(x, torch.Tensor):
        return torch.linalg.vector_norm(x)
    return abs(x) if type(x) is float else np.sqrt(np.sum(x * x))


def _tensors(a: Array, b: Array) -> tuple[torch.Tensor, torch.Tensor]:
    like = a if isinstance(a, torch.Tensor) else b
    return (
        a if isinstance(a, torch.Tensor) else torch.full_like(like, a),
        b if isinstance(b, torch.Tensor) else torch.full_like(like, b),
    )
