"""What the names in compiled formulas mean on Python floats, on numpy arrays and on torch tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any, Literal

import numpy as np
import torch

Dialect = Literal["float", "numpy", "torch"]


@dataclass(frozen=True)
class Functions:
    """A loss in one dialect; each takes x and y (and, for a formula, its parameters)."""

    value: Callable[..., Any]
    value_and_gradient: Callable[..., tuple[Any, Any, Any]]  # (f, fx, fy)
    hessian: Callable[..., tuple[Any, Any, Any]]  # (fxx, fxy, fyy)


def bind(code: FunctionType, dialect: Dialect, values: Sequence[float]) -> Callable[..., Any]:
    """``code`` with its names filled; ``values`` become the defaults of its parameters.

    A default costs nothing a call, where a wrapper that adds arguments would.
    """
    function = FunctionType(code.__code__, dict(_NAMES[dialect]), code.__name__, tuple(values) or None)
    if dialect == "float":
        return function
    return partial(_spread, _array_like if dialect == "numpy" else _tensor_like, function)


def _spread(like: Callable[..., Any], function: Callable[..., Any], x: Any, y: Any, *values: Any) -> Any:
    """What ``function`` gives, in the shape of x and y together also where it is constant."""
    found = function(x, y, *values)
    return tuple(like(x, y, part) for part in found) if isinstance(found, tuple) else like(x, y, found)


def _array_like(x: Any, y: Any, value: Any) -> Any:
    shape = np.broadcast_shapes(np.shape(x), np.shape(y))
    return value if np.shape(value) == shape else np.broadcast_to(value, shape)


def _tensor_like(x: Any, y: Any, value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return torch.full_like(x + y, value)
    shape = np.broadcast_shapes(x.shape, y.shape)
    return value if value.shape == shape else value.expand(shape)


def _float_sigmoid(u: float) -> float:
    if u >= 0:
        return 1 / (1 + math.exp(-u))
    tail = math.exp(u)
    return tail / (1 + tail)


def _on_tensors(tensor: Callable[..., Any], number: Callable[..., Any]) -> Callable[..., Any]:
    """``tensor`` where a tensor comes in, ``number`` where only parameters do."""

    def either(*values: Any) -> Any:
        return tensor(*values) if any(isinstance(v, torch.Tensor) for v in values) else number(*values)

    return either


ELEMENTARY = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log", "sqrt")
ON_FLOATS: Mapping[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in ELEMENTARY},
    "absolute": abs,
    "minimum": min,
    "maximum": max,
    "sign": lambda u: u and math.copysign(1.0, u),
    "power": math.pow,  # ** would give complex numbers for roots of negative ones
    "sigmoid": _float_sigmoid,
    "softplus": lambda u: max(u, 0.0) + math.log1p(math.exp(-abs(u))),
}
_ON_ARRAYS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ELEMENTARY},
    "absolute": np.abs,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "sign": np.sign,
    "power": np.power,
    "sigmoid": lambda u: np.exp(-np.logaddexp(0.0, -u)),
    "softplus": lambda u: np.logaddexp(0.0, u),
}
_ON_TENSORS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(torch, name) for name in ELEMENTARY},
    "absolute": torch.abs,
    # torch.minimum takes no numbers, clamp no number first
    "minimum": lambda a, b: torch.clamp(a, max=b) if isinstance(a, torch.Tensor) else torch.clamp(b, max=a),
    "maximum": lambda a, b: torch.clamp(a, min=b) if isinstance(a, torch.Tensor) else torch.clamp(b, min=a),
    "sign": torch.sign,
    "power": torch.pow,
    "sigmoid": torch.sigmoid,
    # torch's own softplus becomes u above a threshold
    "softplus": lambda u: torch.logaddexp(torch.zeros_like(u), u),
}
_NAMES: Mapping[Dialect, Mapping[str, Callable[..., Any]]] = {
    "float": ON_FLOATS,
    "numpy": _ON_ARRAYS,
    "torch": {name: _on_tensors(tensor, ON_FLOATS[name]) for name, tensor in _ON_TENSORS.items()},
}
