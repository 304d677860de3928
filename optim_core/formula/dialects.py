"""What the names in compiled formulas mean on Python floats, on numpy arrays and on torch tensors."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from types import FunctionType
from typing import Any, Literal

import numpy as np
import torch

from optim_core.formula.wide import ON_WIDE, Wide, widened

Dialect = Literal["float", "numpy", "torch"]


@dataclass(frozen=True)
class Functions:
    """A loss in one dialect; each takes x and y (and, for a formula, its parameters)."""

    value: Callable[..., Any]
    value_and_gradient: Callable[..., tuple[Any, Any, Any]]  # (f, fx, fy)
    hessian: Callable[..., tuple[Any, Any, Any]]  # (fxx, fxy, fyy)


# Nobody looks at losses farther out: what a run gives that has left is whatever arithmetic gives.
_FAR = 1e12


def bind(
    code: FunctionType, dialect: Dialect, values: Sequence[float], may_overflow: bool
) -> Callable[..., Any]:
    """``code`` with its names filled; ``values`` become the defaults of its parameters.

    A default costs nothing a call, where a wrapper that adds arguments would. On arrays and tensors what
    is not finite is computed again in `Wide` numbers, if the code ``may_overflow`` inside.
    """
    function = _filled(code, _NAMES[dialect], values)
    if dialect == "float":
        return function
    like = _array_like if dialect == "numpy" else _tensor_like
    if not may_overflow:
        return partial(_spread, like, function)
    return partial(_repaired, like, function, _filled(code, ON_WIDE, values))


def _filled(code: FunctionType, names: Mapping[str, Any], values: Sequence[float]) -> FunctionType:
    return FunctionType(code.__code__, dict(names), code.__name__, tuple(values) or None)


def _spread(like: Callable[..., Any], function: Callable[..., Any], x: Any, y: Any, *values: Any) -> Any:
    """What ``function`` gives, in the shape of x and y together also where it is constant."""
    found = function(x, y, *values)
    return tuple(like(x, y, part) for part in found) if isinstance(found, tuple) else like(x, y, found)


def _repaired(
    like: Callable[..., Any],
    function: Callable[..., Any],
    wide: Callable[..., Any],
    x: Any,
    y: Any,
    *values: Any,
) -> Any:
    """As `_spread`, but infinite means too large, NaN not defined, and what overflows inside is neither."""
    found = _spread(like, function, x, y, *values)
    parts = found if isinstance(found, tuple) else (found,)
    lost = _lost(x, y, parts)
    if lost is None:
        return found
    at = (_as_array(like(x, y, axis + 0 * other))[lost] for axis, other in ((x, y), (y, x)))
    with np.errstate(all="ignore"):
        again = wide(*map(Wide, at), *values)
    again = again if isinstance(found, tuple) else (again,)
    parts = tuple(_put(part, lost, widened(new).result()) for part, new in zip(parts, again, strict=True))
    return parts if isinstance(found, tuple) else parts[0]


def _lost(x: Any, y: Any, parts: Sequence[Any]) -> Any:
    """Where (as a numpy mask) a part is not finite although x and y are moderate; None if nowhere."""
    total = torch.sum if isinstance(parts[0], torch.Tensor) else np.sum
    try:
        with np.errstate(all="ignore"):
            if math.isfinite(sum(float(total(part)) for part in parts)):
                return None
    except RuntimeError:  # under torch.func.vmap nothing can be asked of the numbers
        return None
    isfinite = torch.isfinite if isinstance(parts[0], torch.Tensor) else np.isfinite
    sound = reduce(operator.and_, map(isfinite, parts))
    lost = _as_array(~sound & (abs(x) + abs(y) < _FAR))
    return lost if lost.any() else None


def _as_array(value: Any) -> Any:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _put(part: Any, lost: Any, new: Any) -> Any:
    """``part`` with ``new`` in the lost places, where it was not finite itself."""
    new = np.broadcast_to(new, (int(lost.sum()),))
    if isinstance(part, torch.Tensor):
        mask = torch.from_numpy(lost).to(part.device)
        old = part[mask]
        replaced = torch.where(torch.isfinite(old), old, torch.tensor(new).to(old))
        return part.masked_scatter(mask, replaced)
    made = np.array(part)
    made[lost] = np.where(np.isfinite(made[lost]), made[lost], new)
    return made[()]


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


def _holds(holds: torch.Tensor, difference: torch.Tensor) -> torch.Tensor:
    return torch.where(torch.isnan(difference), difference, holds.to(difference.dtype))


def _tensor_where(condition: Any, a: Any, b: Any) -> Any:
    if not isinstance(condition, torch.Tensor):  # of parameters only
        return a if condition else b
    a, b = (torch.as_tensor(value, dtype=condition.dtype, device=condition.device) for value in (a, b))
    return torch.where(torch.isnan(condition), condition, torch.where(condition != 0, a, b))


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
    "log2": math.log2,
    "log10": math.log10,
    "floor": lambda u: float(math.floor(u)),
    "ceil": lambda u: float(math.ceil(u)),
    "less": lambda a, b: 1.0 if a < b else 0.0,
    "lessequal": lambda a, b: 1.0 if a <= b else 0.0,
    "equal": lambda a, b: 1.0 if a == b else 0.0,
    "where": lambda condition, a, b: a if condition else b,
    "nought": lambda u: 0.0 * u,
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
    **{name: getattr(np, name) for name in ("log2", "log10", "floor", "ceil")},
    "less": lambda a, b: np.where(np.isnan(a + b), np.nan, np.less(a, b)),
    "lessequal": lambda a, b: np.where(np.isnan(a + b), np.nan, np.less_equal(a, b)),
    "equal": lambda a, b: np.where(np.isnan(a + b), np.nan, np.equal(a, b)),
    "where": lambda condition, a, b: np.where(np.isnan(condition), np.nan, np.where(condition != 0, a, b)),
    "nought": lambda u: 0.0 * u,
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
    **{name: getattr(torch, name) for name in ("log2", "log10", "floor", "ceil")},
    "less": lambda a, b: _holds(a < b, a - b),
    "lessequal": lambda a, b: _holds(a <= b, a - b),
    "equal": lambda a, b: _holds(a == b, a - b),
    "where": lambda condition, a, b: _tensor_where(condition, a, b),
    "nought": lambda u: 0.0 * u,
}
_NAMES: Mapping[Dialect, Mapping[str, Callable[..., Any]]] = {
    "float": ON_FLOATS,
    "numpy": _ON_ARRAYS,
    "torch": {name: _on_tensors(tensor, ON_FLOATS[name]) for name, tensor in _ON_TENSORS.items()},
}
